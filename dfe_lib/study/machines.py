"""The smoke study twice on one machine, by the study's kernels and by the oldest ones, compared; `make machines`."""

import os
import sys
from pathlib import Path

from ..io.paths import PROJECT
from ..io.run import SMOKE
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


def compare_machines(folder: Path = FOLDER) -> Agreement:
    """Runs the smoke study by both sets of kernels into two folders, or what of it is not done yet, and compares them.

    The environment is put back afterwards.
    """
    runs = []
    before = dict(os.environ)
    try:
        for name, paths in (("study", {}), ("oldest", OLDEST)):
            os.environ |= paths | {"DFE_RESULTS": str(folder / name)}
            Runner(SMOKE).execute()
            runs.append(folder / name / SMOKE)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return compare_runs(*runs)


if __name__ == "__main__":
    found = compare_machines()
    print("\n".join([*found.sentences, "The two agree." if found.agrees else "The two do not agree."]))
    sys.exit(not found.agrees)
