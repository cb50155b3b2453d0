from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfe_lib.errors import UserError
from dfe_lib.io.tables import read_arrays, read_dataframe, read_metadata
from dfe_lib.tracking.formats.recording import (
    NOT_FINITE,
    REPEATED,
    UNSURE,
    Report,
    recording,
    write_recording,
)
from dfe_lib.tracking.formats.settings import ReadSettings

FEW = settings(max_examples=60, deadline=None)
NAMES = ("AU01", "AU12")


def rows(frame, **more):
    frame = np.asarray(frame, float)
    values = np.stack([frame / 100, frame / 50], 1)
    return {"frame": frame, "time_s": frame / 30, "detected": np.ones(len(frame), bool), "au_intensity": values} | more


def taken(*batches, **wanted):
    report = Report()
    source = recording(
        Path("a.csv"), "a detector", {"au_intensity": NAMES}, iter(batches), ReadSettings(**wanted), report
    )
    batches = list(source.batches)
    return {name: np.concatenate([np.atleast_1d(batch[name]) for batch in batches]) for name in batches[0]}, report


@FEW
@given(steps=st.lists(st.integers(0, 3), min_size=1, max_size=40), cuts=st.sets(st.integers(1, 39)))
def test_repeated_frames_go_and_the_rest_stays_however_it_is_cut(steps, cuts) -> None:
    frame = np.cumsum(steps)
    found, report = taken(*(rows(part) for part in np.split(frame, sorted(cuts)) if len(part)))
    kept = np.unique(frame)
    np.testing.assert_array_equal(found["frame"], kept)
    np.testing.assert_allclose(found["time_s"], kept / 30)
    np.testing.assert_allclose(found["au_intensity"][:, 0], kept / 100)
    assert report.rows == len(frame) and report.usable == len(kept)
    assert report.dropped[REPEATED] == len(frame) - len(kept)
    assert report.missing_frames == (kept[-1] - kept[0] + 1) - len(kept)


@FEW
@given(frame=st.permutations(range(8)), cut=st.integers(1, 7))
def test_frames_that_run_backwards_are_refused_at_any_place(frame, cut) -> None:
    frame = np.array(frame)
    if (np.diff(frame) > 0).all():
        assert len(taken(rows(frame[:cut]), rows(frame[cut:]))[0]["frame"]) == 8
    else:
        with pytest.raises(UserError, match=r"a\.csv goes back to frame"):
            taken(rows(frame[:cut]), rows(frame[cut:]))


@pytest.mark.parametrize("times", [[0, 0.2, 0.1], [0, 0.1, 0.1], [0, 0, 0]])
def test_time_must_go_forward_with_the_frames(times) -> None:
    with pytest.raises(UserError, match="stand still or run backwards"):
        taken(rows([0, 1, 2], time_s=np.array(times, float)))
    found, _ = taken(rows([0, 1, 2], time_s=np.array(times, float)), fps=10.0)
    np.testing.assert_allclose(found["time_s"], [0, 0.1, 0.2])


def test_times_that_fall_are_told_in_frames_and_seconds() -> None:
    with pytest.raises(UserError, match=r"frame 2 is at 0\.1 s, and frame 1 before it at 0\.2 s"):
        taken(rows([0, 1, 2], time_s=np.array([0, 0.2, 0.1])))
    with pytest.raises(UserError, match=r"frame 2 is at 0\.1 s, and frame 1 before it at 0\.2 s"):
        taken(rows([0, 1], time_s=np.array([0, 0.2])), rows([2], time_s=np.array([0.1])))


def test_an_offset_moves_all_times() -> None:
    np.testing.assert_allclose(taken(rows([0, 1, 2]), offset=1.5)[0]["time_s"], 1.5 + np.arange(3) / 30)
    np.testing.assert_allclose(taken(rows([0, 1, 2]), offset=-2.0, fps=10.0)[0]["time_s"], np.arange(3) / 10 - 2)


@pytest.mark.parametrize("frame", [[0, np.nan], [0.5, 1], [-1, 0], [0, np.inf], [0, 2.0**40]])
def test_a_frame_number_is_a_whole_number(frame) -> None:
    with pytest.raises(UserError, match="frame number"):
        taken(rows(frame, time_s=np.array([0, 1.0])))


def test_a_time_that_is_missing_is_refused() -> None:
    with pytest.raises(UserError, match="without a time"):
        taken(rows([0, 1], time_s=np.array([0, np.nan])))


@FEW
@given(bad=st.sets(st.integers(0, 9)), value=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_values_that_are_not_finite_make_a_frame_without_a_face(bad, value) -> None:
    batch = rows(np.arange(10))
    batch["au_intensity"][list(bad), 1] = value
    found, report = taken(batch)
    assert set(np.flatnonzero(~found["detected"])) == bad
    assert report.dropped[NOT_FINITE] == len(bad) and report.usable == 10 - len(bad)
    assert (found["face_id"] == np.where(found["detected"], 0, -1)).all()


def test_the_least_confidence_counts_and_is_reported() -> None:
    found, report = taken(rows([0, 1, 2], confidence=np.array([0.9, 0.5, np.nan])), min_confidence=0.8)
    assert found["detected"].tolist() == [True, False, True] and report.dropped[UNSURE] == 1
    assert "1 frames below the least confidence" in report.sentence


def test_each_face_has_an_order_of_its_own() -> None:
    found, report = taken(rows([0, 0, 1, 1, 1], face=np.array([0, 1.0, 0, 1, 1])))
    assert found["face_id"].tolist() == [0, 1, 0, 1] and report.dropped[REPEATED] == 1


def test_no_row_at_all_is_an_error() -> None:
    with pytest.raises(UserError, match="no whole row"):
        taken()


def test_times_that_no_camera_has_are_noted() -> None:
    _, report = taken(rows(np.arange(10), time_s=np.arange(10) / 1000))
    assert "1000 frames a second" in report.sentence
    assert not taken(rows(np.arange(10)))[1].sentence


def test_the_table_has_what_every_frames_table_has(tmp_path) -> None:
    batch = rows([0, 1, 2], detected=np.array([True, False, True]))
    source = recording(Path("a.csv"), "a detector", {"au_intensity": NAMES}, iter([batch]), ReadSettings(), Report())
    write_recording(source, tmp_path / "a.parquet", "a", "anna")
    table = read_arrays(tmp_path / "a.parquet")
    assert set(table["subject_id"]) == {"anna"} and table["face_id"].tolist() == [0, -1, 0]
    assert np.isnan(table["au_intensity"][1]).all() and read_metadata(tmp_path / "a.parquet")["kind"] == "frames"
    named = read_dataframe(tmp_path / "a.parquet", ["au_intensity"])
    assert list(named) == ["au_intensity.AU01", "au_intensity.AU12"]


def test_a_fault_leaves_no_table(tmp_path) -> None:
    source = recording(
        Path("a.csv"), "a detector", {"au_intensity": NAMES}, iter([rows([0, 1]), rows([0])]), ReadSettings(), Report()
    )
    with pytest.raises(UserError):
        write_recording(source, tmp_path / "a.parquet", "a", "a")
    assert not list(tmp_path.iterdir())


def test_settings_are_checked_by_name_and_kind() -> None:
    assert ReadSettings.of({"fps": 30, "width": 640.0}, "all") == ReadSettings(30.0, 640, faces="all")
    with pytest.raises(UserError, match="no reading setting 'fsp': use fps"):
        ReadSettings.of({"fsp": 30})
    with pytest.raises(UserError, match="must be numbers"):
        ReadSettings.of({"fps": "fast"})
    for wrong in (
        {"fps": -1.0},
        {"faces": "some"},
        {"jaw_6d": "x"},
        {"width": -1},
        {"min_confidence": 2.0},
        {"offset": np.inf},
    ):
        with pytest.raises(UserError):
            ReadSettings(**wrong)
