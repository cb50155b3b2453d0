import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfe_lib.errors import UserError
from dfe_lib.io import scratch as module
from dfe_lib.io.run import Study
from dfe_lib.io.scratch import OLD_S, scratch, sole_writer

HOLD = """
import sys, time
from pathlib import Path
from dfe_lib.io.scratch import scratch, sole_writer
with scratch() if sys.argv[1] == "scratch" else sole_writer(Path(sys.argv[2])) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


@contextmanager
def held(kind: str, folder: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """Another process that works in a folder until it is killed; what it says of it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, str(folder)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def tmpdir_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module._sweep_once.cache_clear()
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def age(folder: Path, seconds: float) -> None:
    os.utime(folder, (time.time() - seconds,) * 2)


def test_a_scratch_folder_is_empty_and_gone_afterwards(tmpdir_of_ours: Path) -> None:
    with scratch() as work:
        assert work.is_relative_to(tmpdir_of_ours) and names(work) == []
        (work / "frames.parquet").touch()
    assert names(tmpdir_of_ours) == []


def test_what_a_killed_process_left_goes_after_a_day(tmpdir_of_ours: Path) -> None:
    with held("scratch", tmpdir_of_ours) as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = tmpdir_of_ours.iterdir()
    for seconds, stays in ((OLD_S - 60, True), (OLD_S + 60, False)):
        age(left, seconds)
        module._sweep_once.cache_clear()
        with scratch():
            assert left.exists() == stays


def test_folders_at_work_and_those_of_others_stay_whatever_their_age(tmpdir_of_ours: Path) -> None:
    (tmpdir_of_ours / "dfe-notes").mkdir()
    with held("scratch", tmpdir_of_ours) as (_, work):
        for folder in (Path(work).parent, tmpdir_of_ours / "dfe-notes"):
            age(folder, 2 * OLD_S)
        with scratch():
            assert Path(work).exists()
    assert (tmpdir_of_ours / "dfe-notes").exists()


def test_a_second_writer_hears_who_the_first_one_is(tmp_path: Path) -> None:
    with held("writer", tmp_path) as (process, _):
        with pytest.raises(UserError, match=rf"written by process {process.pid} on .* since 2"), sole_writer(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with sole_writer(tmp_path):
            pass


def test_a_killed_writers_partial_files_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".tokens.parquet.12.part", "tokens.parquet", "own.part"):
        (tmp_path / name).touch()
    with sole_writer(tmp_path):
        assert ".tokens.parquet.12.part" not in names(tmp_path)
    assert names(tmp_path) == ["own.part", "tokens.parquet"]


def test_an_output_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"), sole_writer(tmp_path / "file"):
        pass


def test_partial_files_and_folders_of_a_run_go_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFE_RESULTS", str(tmp_path))
    frames = tmp_path / "own" / "frames"
    for name in (".old.parquet.1-ab.part", ".new.parquet.1-ab.part", "whole.parquet"):
        (frames / name).parent.mkdir(parents=True, exist_ok=True)
        (frames / name).touch()
    (frames / ".clip.faces.part" / "inside").mkdir(parents=True)
    for name in (".old.parquet.1-ab.part", ".clip.faces.part", "whole.parquet"):
        age(frames / name, OLD_S + 60)
    Study("own")
    assert names(frames) == [".new.parquet.1-ab.part", "whole.parquet"]
