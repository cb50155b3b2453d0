"""A clip fitted and codebooks trained by the study's kernels and by the oldest ones that every x86 processor has."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dfe_lib.fitting.smoothing import PSI_STEP
from dfe_lib.io.assets import asset
from dfe_lib.io.media_files import find_media
from dfe_lib.io.paths import PROJECT
from dfe_lib.io.tables import read_arrays
from dfe_lib.morphable import anny_head
from dfe_lib.quantisation import RvqVae, alignment_table
from dfe_lib.study.compare import compare_runs
from dfe_lib.study.kernel import arithmetic
from dfe_lib.study.machines import OLDEST
from dfe_lib.tracking.extraction import extract_clips

KNOWN = PROJECT / "dfe_lib" / "quantisation" / "data" / "known_model"
WORK = """
import sys
from pathlib import Path
from dfe_lib.comparison import TrainedCode, compare, compared_again, reconstruction_over_seeds, trained_again
from dfe_lib.comparison.baselines import ResidualCode
from dfe_lib.fitting.fit import fit_tables
from dfe_lib.io.tables import write_csv
from dfe_lib.morphable import read_space
from dfe_lib.morphable.anny import anny_head
from dfe_lib.quantisation import RvqVae, RvqVaeConfig, TrainConfig, read_corpus

frames, expressions, out = map(Path, sys.argv[1:])
fit_tables(frames.glob("*.parquet"), out / "expressions", anny_head(), "bilateral")
space, faces = read_space(expressions), read_corpus(sorted(expressions.glob("*.parquet")), ["door_man"], 0.25, 0)
psi, heldout = faces.training(0), faces.parts()
ours = TrainedCode(RvqVaeConfig(space.names, 16, 2), TrainConfig(2, start_frames=1024, evaluate_every=1), psi[:50])
codes = {"ours": ours, "faiss_rq": ResidualCode(16)}
codes = {name: code.fit(psi, space.metric, 8) for name, code in codes.items()}
table = compare(codes, heldout, {"face": space.metric})[0]
again = trained_again(codes, codes, psi, space.metric, 3)
table = reconstruction_over_seeds(table, compared_again(again, heldout, space.metric))
write_csv(out / "tables" / "reconstruction.csv", table)
known = RvqVae.from_pretrained(KNOWN)
config = RvqVaeConfig(space.names, 256, 4, levels=4, metric="balanced")
named = TrainedCode(config, TrainConfig(2, start_frames=2048, start_rounds=8), align_to=known)
named.fit(psi, space.metric, 32).model.save_pretrained(out / "model")
""".replace("KNOWN", repr(str(KNOWN)))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("arithmetic")
    extract_clips(find_media([asset("single_face.mp4")]), folder / "frames")
    for name, paths in (("ours", {}), ("oldest", OLDEST)):
        arguments = [folder / "frames", PROJECT / "results" / "study" / "expressions", folder / name]
        environment = {**os.environ, **arithmetic(), **paths}
        subprocess.run([sys.executable, "-c", WORK, *map(str, arguments)], env=environment, check=True)
    return folder / "ours", folder / "oldest"


@pytest.mark.slow
def test_a_fit_differs_by_no_more_than_a_step_here_and_there(runs: tuple[Path, Path]) -> None:
    one, two = (read_arrays(run / "expressions" / "single_face.parquet", ["psi"])["psi"] for run in runs)
    assert np.abs(one - two).max() <= PSI_STEP
    assert (one == two).mean() > 0.99


@pytest.mark.slow
def test_trained_figures_agree_within_the_spread_that_they_state(runs: tuple[Path, Path]) -> None:
    found = compare_runs(*runs)
    assert found.agrees, "\n".join(found.sentences)


@pytest.mark.slow
def test_displays_keep_their_numbers_here_and_there(runs: tuple[Path, Path]) -> None:
    one, two = (RvqVae.from_pretrained(run / "model") for run in runs)
    cosine = alignment_table(one, two, anny_head().gram())["cosine"]
    assert (cosine >= 0.9).mean() >= 0.9
