"""What a study of one's own clips says before each step: how much video there is, and how long it takes."""

import shutil
from pathlib import Path

import pytest

from dfe_lib.bench.forecast import Forecast, step_seconds
from dfe_lib.io.assets import asset
from dfe_lib.io.paths import PROJECT, params_dir

BENCH = PROJECT / "results" / "bench"


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips, one of which cannot be read, and the table of params/own."""
    (tmp_path / "data").mkdir()
    shutil.copy(asset("single_face.mp4"), tmp_path / "data" / "ann.mp4")
    (tmp_path / "data" / "ben.mp4").write_bytes(b"no video")
    table = tmp_path / "data" / "clips.csv"
    table.write_text("clip_id,subject_id,path\nann,ann,ann.mp4\nben,ben,ben.mp4\n")
    monkeypatch.chdir(tmp_path)
    return table


def test_clips_frames_and_minutes_are_said_once_and_then_what_is_left(clips: Path) -> None:
    said = Forecast("own", BENCH)
    first = said("01_preprocess")
    assert first == "01_preprocess          begins: 2 clips of 72 frames in all; about 4 minutes until the report"
    assert said("05_downstream") == "05_downstream          begins: about 1 minute until the report"
    assert said("another") == ""


def test_samples_and_an_unmeasured_machine_say_nothing(clips: Path, tmp_path: Path) -> None:
    assert Forecast("study", BENCH)("01_preprocess") == "" and Forecast("smoke", BENCH)("01_preprocess") == ""
    assert Forecast("own", tmp_path)("01_preprocess") == ""


def test_hours_of_video_take_hours_to_find_faces_in_and_processes_share_them() -> None:
    short, long = step_seconds(1000, BENCH), step_seconds(1_001_000, BENCH)
    assert 5e3 < long["01_preprocess"] - short["01_preprocess"] < 5e4
    assert long["05_downstream"] == short["05_downstream"]
    shared = step_seconds(1_001_000, BENCH, workers=4)
    assert shared["01_preprocess"] < long["01_preprocess"] / 3


def test_the_steps_are_those_of_the_profile() -> None:
    assert set(step_seconds(1, BENCH)) == {path.stem for path in params_dir("own").glob("*.yaml")}
