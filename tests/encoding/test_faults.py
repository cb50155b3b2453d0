"""Outputs that cannot be written: one sentence, and what is finished is kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clip_files import small_model

import dfe_lib.encoding.clip as clip
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.batch import encode_inputs
from dfe_lib.io.scratch import sole_writer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and two tables of which the second is the larger."""
    folder = tmp_path_factory.mktemp("world")
    small_model(folder / "model")
    for name, rows in (("few", 5), ("many", 4000)):
        psi = pd.DataFrame(np.random.default_rng(0).random((rows, 52)), columns=[f"psi_{name}" for name in ACTIONS])
        (folder / "tables").mkdir(exist_ok=True)
        psi.assign(clip_id=name, frame=range(rows), time_s=psi.index / 25).to_csv(folder / "tables" / f"{name}.csv")
    return folder


def encode(world: Path, out: Path, before: str = "", by: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`dfe encode` in a process of its own, after some Python lines, and by another command."""
    code = f"{before}\nimport sys\nfrom dfe_lib.cli import main\nsys.exit(main(sys.argv[1:]))"
    arguments = ["encode", str(world / "tables"), "-o", str(out), "--model", str(world / "model")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [*by, sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("dfe: ")
    return line


def test_a_full_disk_stops_the_run_in_a_sentence_and_keeps_what_is_finished(world: Path, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))"
    said = sentence(encode(world, tmp_path / "out", limit))
    assert "many.parquet cannot be written (File too large)" in said and "what is finished is kept" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["few.parquet"]
    done = encode_inputs([world / "tables"], tmp_path / "out", model=world / "model")
    assert done.earlier == 1 and len(done.done) == 2


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a disk of its own")
@pytest.mark.parametrize(
    ("disk", "reason"), [("ro", "cannot be written to: give"), ("size=100k", "cannot be written (No space left on dev")]
)
def test_a_disk_that_is_read_only_or_full_is_one_sentence(world: Path, tmp_path: Path, disk: str, reason: str) -> None:
    mounted = f'mount -t tmpfs -o {disk} none {tmp_path} && exec "$0" "$@"'
    done = encode(world, tmp_path / "out", by=("unshare", "-Urm", "sh", "-c", mounted))
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no disk can be mounted here")
    assert reason in sentence(done)


def test_a_finished_table_that_vanishes_is_missed(world: Path, tmp_path: Path, monkeypatch) -> None:
    finish, out = clip.finish_clip, tmp_path / "out"

    def finish_after_rmtree(rows, read, part, *rest) -> None:
        if part.stem == "many":
            shutil.rmtree(out)
        finish(rows, read, part, *rest)

    monkeypatch.setattr(clip, "finish_clip", finish_after_rmtree)
    done = encode_inputs([world / "tables"], out, model=world / "model")
    assert [each.name for each in done.failed] == ["few"] and "somebody has removed it" in done.failed[0].reason
    assert [each.clip_id for each in done.done] == ["many"]


def test_a_second_run_hears_who_is_at_work(world: Path, tmp_path: Path) -> None:
    with sole_writer(tmp_path / "out"):
        assert f"is being written by process {os.getpid()} on" in sentence(encode(world, tmp_path / "out"))
