"""The study twice on one machine, by its own kernels and by the oldest ones, compared.

`make machines` runs this file: `python -m dfe_lib.study.machines [PROFILE]`. An hour for the study, ten minutes for
`smoke`; what is done already is kept, so that a folder of results that is copied to `build/machines/own` is not run
again.
"""

import os
import sys
from pathlib import Path

from ..io.paths import PROJECT
from .claims import CLAIMED
from .compare import Agreement, compare_runs
from .runner import Runner

__all__ = ["OLDEST", "compare_machines"]

OLDEST = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "FAISS_SIMD_LEVEL": "NONE",
}
"""Code paths that every x86 processor has, see `kernel.AVX2`; MKL's and those of the landmark network stay."""
FOLDER = PROJECT / "build" / "machines"


def compare_machines(profile: str = CLAIMED, folder: Path = FOLDER) -> Agreement:
    """Runs the study by both sets of kernels into two folders, or what of it is not done yet, and compares them.

    The environment is put back afterwards.

    Arguments:
        profile: name of its parameters, a folder of `params`.
        folder: gets `own` and `oldest`.
    """
    runs = []
    before = dict(os.environ)
    try:
        for name, paths in (("own", {}), ("oldest", OLDEST)):
            os.environ |= paths | {"DFE_RESULTS": str(folder / name)}
            Runner(profile).execute()
            runs.append(folder / name / profile)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return compare_runs(*runs)


if __name__ == "__main__":
    found = compare_machines(sys.argv[1] if len(sys.argv) > 1 else CLAIMED)
    print("\n".join([*found.sentences, "The two agree." if found.agrees else "The two do not agree."]))
    sys.exit(not found.agrees)
