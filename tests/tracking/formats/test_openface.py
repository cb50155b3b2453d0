import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_files import E_DAIC, OPENFACE_KEY, face_68, openface_rows, write_table

from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import read_arrays, read_dataframe
from dfe_lib.tracking.formats.openface import PARTS, read_openface, rotation_matrices, to_head_axes
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path, tmp_path, **wanted):
    report = write_recording(read_openface(path, ReadSettings(**wanted)), tmp_path / "o.parquet", "c", "s")
    return read_arrays(tmp_path / "o.parquet"), report


@pytest.fixture(scope="module")
def original() -> pd.DataFrame:
    return pd.read_csv(asset("OpenFace_Test.csv"), skipinitialspace=True)


def test_the_real_file_is_read_value_by_value(tmp_path, original) -> None:
    table, report = read(asset("OpenFace_Test.csv"), tmp_path)
    assert report.rows == report.usable == len(original) == 100 and not report.lacks
    points = original[[f"{axis}_{i}" for i in range(68) for axis in "xy"]].to_numpy()
    np.testing.assert_allclose(table["landmarks"], points, rtol=1e-6)
    depth = original[[f"Z_{i}" for i in range(68)]].to_numpy()
    np.testing.assert_allclose(table["landmarks_mm"].reshape(-1, 68, 3)[..., 2], depth, rtol=1e-6)
    units = read_dataframe(tmp_path / "o.parquet", ["au_intensity", "au_occurrence"])
    assert units.shape[1] == 17 + 18
    np.testing.assert_allclose(units["au_intensity.AU01"], original["AU01_r"], rtol=1e-6)
    np.testing.assert_allclose(units["au_occurrence.AU28"], original["AU28_c"])
    assert table["frame"][0] == 0 and np.allclose(table["time_s"], original["timestamp"])
    np.testing.assert_allclose(table["confidence"], original["confidence"], rtol=1e-6)


def test_the_pose_turns_the_landmarks_as_they_turn(tmp_path) -> None:
    table, _ = read(asset("OpenFace_Test.csv"), tmp_path)
    points = table["landmarks_mm"].reshape(-1, 68, 3)[:, :36].astype(float) * [1, -1, -1]
    rotation = table["rotation"].reshape(-1, 3, 3)
    first, last = (points[i] - points[i].mean(0) for i in (0, 60))
    u, _, vt = np.linalg.svd(first.T @ last)
    turned = (u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt).T
    assert np.abs(rotation[60] @ rotation[0].T - turned).max() < 0.03
    assert np.abs(turned - np.eye(3)).max() > 0.05
    near = np.linalg.norm(table["translation_mm"] - points.mean(1), axis=1)
    assert near.max() < 60 and (table["translation_mm"][:, 2] < -500).all()


def test_angles_turn_as_three_turns_in_a_row() -> None:
    from scipy.spatial.transform import Rotation

    angles = np.random.default_rng(0).uniform(-1, 1, (5, 3))
    np.testing.assert_allclose(rotation_matrices(angles), Rotation.from_euler("XYZ", angles).as_matrix(), atol=1e-12)
    down = to_head_axes(rotation_matrices(np.array([[0.3, 0.0, 0.0]])))[0]  # a nod: the nose sinks
    assert (down @ [0, 0, 1])[1] < -0.2
    np.testing.assert_allclose(down @ down.T, np.eye(3), atol=1e-12)


@FEW
@given(order=st.permutations(range(len(E_DAIC))), n=st.integers(1, 12))
def test_swapped_columns_give_the_same_table(tmp_path, order, n) -> None:
    rows = openface_rows(E_DAIC, n)
    straight, _ = read(write_table(tmp_path / "a.csv", E_DAIC, rows), tmp_path)
    swapped, _ = read(write_table(tmp_path / "b.csv", [E_DAIC[i] for i in order], rows[:, order]), tmp_path)
    for name, values in straight.items():
        np.testing.assert_array_equal(values, swapped[name])


def test_e_daic_has_no_landmarks_and_says_so(tmp_path) -> None:
    path = write_table(tmp_path / "300_OpenFace2.1.0_Pose_gaze_AUs.csv", E_DAIC, openface_rows(E_DAIC, 30))
    table, report = read(path, tmp_path)
    assert len(E_DAIC) == 4 + 49 and "landmarks" not in table and report.usable == 30
    assert table["au_intensity"].shape == (30, 17) and table["gaze"].shape == (30, 6)
    assert [text.split(" (")[0] for text in report.lacks] == ["68 landmarks in the picture", "68 landmarks in mm"]


def duplicated(lines, i, j):
    return [*lines[: i + 1], lines[i], *lines[i + 1 :]]


def swapped(lines, i, j):
    lines = list(lines)
    lines[i], lines[j] = lines[j], lines[i]
    return lines


def without_a_line(lines, i, j):
    return lines[:i] + lines[i + 1 :]


def with_a_hole(lines, i, j):
    return [line.rsplit(",", 1)[0] + "," if k == i else line for k, line in enumerate(lines)]


def with_infinity(lines, i, j):
    return [line.rsplit(",", 1)[0] + ", inf" if k == i else line for k, line in enumerate(lines)]


def with_a_word(lines, i, j):
    return [line.rsplit(",", 1)[0] + ", high" if k == i else line for k, line in enumerate(lines)]


def short_line(lines, i, j):
    return [line.rsplit(",", 3)[0] if k == i else line for k, line in enumerate(lines)]


def repeated_file(lines, i, j):
    return [*lines, *lines[1:]]


FAULTS = [duplicated, swapped, without_a_line, with_a_hole, with_infinity, with_a_word, short_line, repeated_file]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(1, 8), st.integers(1, 8)), max_size=3),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    cut=st.integers(0, 900),
)
def test_no_malformed_file_gives_a_silent_wrong_table(tmp_path, faults, end, encoding, cut) -> None:
    """Whatever happens to a file, each frame that comes out has its own values, and what is gone is reported."""
    rows = openface_rows(E_DAIC, 10)
    lines = write_table(tmp_path / "a.csv", E_DAIC, rows).read_text().splitlines()
    for fault, i, j in faults:
        lines = fault(lines, min(i, len(lines) - 1), min(j, len(lines) - 1))
    text = end.join(lines) + end
    whole = text[: len(text) - cut]
    (tmp_path / "a.csv").write_bytes(whole.encode(encoding))
    try:
        table, report = read(tmp_path / "a.csv", tmp_path)
    except UserError:
        return
    units = [f"{name[:4]}_{name[-1]}" for name in E_DAIC if name.startswith("AU") and name.endswith("_r")]
    expected = rows[:, [E_DAIC.index(name) for name in units]]
    for frame, time, values, shown in zip(
        table["frame"], table["time_s"], table["au_intensity"], table["detected"], strict=True
    ):
        if shown:
            np.testing.assert_allclose(values, expected[frame], rtol=1e-5)
        np.testing.assert_allclose(time, frame / 30, atol=1e-5)
    assert (np.diff(table["frame"]) > 0).all()
    gone = report.rows - report.usable
    assert gone == sum(report.dropped.values()) and (gone == 0 or report.sentence)


@pytest.mark.parametrize("part", ["landmarks", "landmarks_mm", "pose", "gaze"])
def test_a_part_that_is_there_in_part_is_refused(tmp_path, part) -> None:
    names = [*OPENFACE_KEY, *(name for columns in PARTS.values() for name in columns)]
    names.remove(PARTS[part][-1])
    with pytest.raises(UserError, match=f"lacks the columns {PARTS[part][-1]}"):
        read(write_table(tmp_path / "a.csv", names, openface_rows(names, 3)), tmp_path)


def without(tmp_path, *names, rows=None) -> Path:
    kept = [name for name in E_DAIC if name not in names]
    rows = openface_rows(E_DAIC, 6) if rows is None else rows
    return write_table(tmp_path / "a.csv", kept, rows[:, [E_DAIC.index(name) for name in kept]])


def test_times_that_are_missing_follow_from_the_frames(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 6)
    rows[:, 0] = [31, 32, 33, 37, 38, 40]
    path = without(tmp_path, "timestamp", rows=rows)
    table, report = read(path, tmp_path, fps=50.0)
    np.testing.assert_allclose(table["time_s"], np.array([30, 31, 32, 36, 37, 39]) / 50)
    assert "no times" not in report.sentence
    table, report = read(path, tmp_path)
    np.testing.assert_allclose(table["time_s"], np.array([30, 31, 32, 36, 37, 39]) / 30)
    assert "no times in the file: taken as 30 frames a second" in report.sentence


def test_success_that_is_missing_follows_from_the_confidence(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 6)
    rows[:, 2] = [0.9, 0.0, 0.3, 0.9, 0.7, 0.9]
    path = without(tmp_path, "success", "timestamp", rows=rows)
    assert np.flatnonzero(~read(path, tmp_path)[0]["detected"]).tolist() == [1]
    table, report = read(path, tmp_path, min_confidence=0.7)
    assert np.flatnonzero(~table["detected"]).tolist() == [1, 2]
    assert "frames with enough confidence count as tracked" in report.sentence


def test_frames_may_count_from_0(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 6)
    rows[:, 0] -= 1
    assert read(without(tmp_path, rows=rows), tmp_path)[0]["frame"].tolist() == list(range(6))


def test_lines_without_frame_numbers_are_frames_in_a_row(tmp_path) -> None:
    table, report = read(without(tmp_path, "frame"), tmp_path)
    assert table["frame"].tolist() == list(range(6)) and "every line is taken as the next frame" in report.sentence


def test_a_picture_has_a_line_for_each_face(tmp_path) -> None:
    """FaceLandmarkImg: no frame, time or success, a number for each face."""
    names = ["face", "confidence", "AU12_r"]
    path = write_table(tmp_path / "a.csv", names, np.array([[0, 0.9, 1], [1, 0.9, 2], [2, 0.9, 3]]))
    everybody, _ = read(path, tmp_path, faces="all")
    assert everybody["frame"].tolist() == [0, 0, 0] and everybody["face_id"].tolist() == [0, 1, 2]
    assert everybody["au_intensity"][:, 0].tolist() == [1, 2, 3]
    assert len(read(path, tmp_path)[0]["frame"]) == 1


def test_a_turn_without_a_place_is_read(tmp_path) -> None:
    whole, _ = read(write_table(tmp_path / "b.csv", E_DAIC, openface_rows(E_DAIC, 6)), tmp_path)
    table, report = read(without(tmp_path, "pose_Tx", "pose_Ty", "pose_Tz"), tmp_path)
    np.testing.assert_array_equal(table["rotation"], whole["rotation"])
    assert "translation_mm" not in table and any("head pose" in text for text in report.lacks)


@pytest.mark.parametrize(
    ("name", "value"), [("AU12_r", 7.3), ("AU12_r", -1), ("AU12_c", 2), ("confidence", 1.7), ("confidence", -0.5)]
)
def test_what_cannot_be_is_not_detected(tmp_path, name, value) -> None:
    rows = openface_rows(E_DAIC, 6)
    rows[3, E_DAIC.index(name)] = value
    table, report = read(without(tmp_path, rows=rows), tmp_path)
    assert np.flatnonzero(~table["detected"]).tolist() == [3] and np.isnan(table["au_intensity"][3]).all()
    assert "1 frames with values that cannot be" in report.sentence


@pytest.mark.parametrize("value", [1e39, 1e30, -3e7])
def test_a_landmark_that_lies_beyond_any_picture_is_not_detected(tmp_path, value) -> None:
    names = [*OPENFACE_KEY, *PARTS["landmarks"]]
    rows = openface_rows(names, 4)
    rows[:, 4:] = face_68(4).reshape(4, -1)
    rows[2, 20] = value
    table, report = read(write_table(tmp_path / "a.csv", names, rows), tmp_path)
    assert np.flatnonzero(~table["detected"]).tolist() == [2] and report.usable == 3


def test_a_pose_too_large_to_keep_is_missing_not_infinite(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 4)
    rows[2, E_DAIC.index("pose_Tx")] = 1e39
    table, _ = read(without(tmp_path, rows=rows), tmp_path)
    assert table["detected"].all() and not np.isinf(table["translation_mm"]).any()


def test_the_kept_face_leaves_the_picture_and_its_frames_stay(tmp_path) -> None:
    """13 frames of two faces, of which the one that is kept is there in 10."""
    names = ["face_id", *E_DAIC]
    rows = np.c_[np.zeros(26), np.repeat(openface_rows(E_DAIC, 13), 2, axis=0)]
    rows[1::2, 0] = 1
    kept = [i for i in range(26) if i not in (8, 10, 24) and i not in (1, 3, 5, 7, 13)]
    table, report = read(write_table(tmp_path / "a.csv", names, rows[kept]), tmp_path)
    assert table["frame"].tolist() == list(range(13))
    assert np.flatnonzero(~table["detected"]).tolist() == [4, 5, 12] and report.usable == 10
    np.testing.assert_allclose(table["time_s"], np.arange(13) / 30, atol=1e-5)


def test_a_frame_without_success_is_a_row_without_a_face(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 5)
    rows[2, E_DAIC.index("success")] = 0
    table, report = read(write_table(tmp_path / "a.csv", E_DAIC, rows), tmp_path)
    assert table["detected"].tolist() == [True, True, False, True, True] and report.usable == 4
    assert np.isnan(table["au_intensity"][2]).all() and table["face_id"][2] == -1


@pytest.mark.parametrize("faces", ["largest", "all"])
def test_several_faces_stay_apart(tmp_path, faces) -> None:
    names = ["face_id", *E_DAIC]
    rows = np.c_[np.zeros(20), np.repeat(openface_rows(E_DAIC, 10), 2, axis=0)]
    rows[1::2, 0] = 1
    rows[:6:2, names.index("success")] = 0  # the second face is there more often
    rows[1::2, names.index("AU12_r")] = 3
    table, report = read(write_table(tmp_path / "a.csv", names, rows), tmp_path, faces=faces)
    if faces == "all":
        assert len(table["frame"]) == 20 and sorted(set(table["face_id"])) == [-1, 0, 1]
    else:
        smile = read_dataframe(tmp_path / "o.parquet", ["au_intensity"])["au_intensity.AU12"]
        assert len(table["frame"]) == 10 and (smile == 3).all() and (table["face_id"] == 0).all()
        assert "2 faces" in report.sentence


def test_eyes_and_picture_are_measured(tmp_path) -> None:
    names = [*OPENFACE_KEY, *PARTS["landmarks"]]
    rows = openface_rows(names, 4)
    rows[:, 4:] = face_68(4).reshape(4, -1)
    table, _ = read(write_table(tmp_path / "a.csv", names, rows), tmp_path, width=640, height=300)
    assert np.allclose(table["interocular_px"], 92, atol=2) and (table["out_of_frame"] > 0.03).all()
    assert set(table["width"]) == {640}
    wide, _ = read(tmp_path / "a.csv", tmp_path, width=640, height=480)
    assert (wide["out_of_frame"] == 0).all()


MEASURE = """
import sys, time, threading, psutil
from pathlib import Path
import pyarrow.csv
from dfe_lib.tracking.formats.openface import read_openface
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings

source, out, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
process, done = psutil.Process(), threading.Event()
before = peak = process.memory_info().rss

def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, process.memory_info().rss)

watcher = threading.Thread(target=watch)
watcher.start()
start = time.perf_counter()
if what == "ours":
    write_recording(read_openface(source, ReadSettings()), out, "clip", "someone")
else:
    table = pyarrow.csv.read_csv(source)
seconds = time.perf_counter() - start
done.set()
watcher.join()
print(seconds, peak - before)
"""


@pytest.mark.slow
def test_a_hundred_megabytes_load_at_the_pace_of_pyarrow_itself(tmp_path) -> None:
    header, *lines = asset("OpenFace_Test.csv").read_text().splitlines()
    big, frame = tmp_path / "big.csv", 0
    with big.open("w") as file:
        file.write(header + "\n")
        while file.tell() < 100e6:
            for line in lines:
                frame += 1
                file.write(f"{frame}, {frame / 30:.3f},{line.split(',', 2)[2]}\n")

    def measured(what: str) -> tuple[float, float]:
        command = [sys.executable, "-c", MEASURE, str(big), str(tmp_path / "o.parquet"), what]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
        seconds, peak = map(float, found.stdout.split())
        return seconds, peak

    pairs = [(measured("ours"), measured("theirs")) for _ in range(5)]
    pace = np.median([theirs[0] / ours[0] for ours, theirs in pairs])  # side by side: a busy moment slows both
    memory = [max(pair[i][1] for pair in pairs) for i in (0, 1)]
    print(f"{pace:.2f} x the pace of pyarrow, in {memory[0] / 1e6:.0f} MB for its {memory[1] / 1e6:.0f} MB")
    assert len(read_arrays(tmp_path / "o.parquet", ["frame"])["frame"]) == frame
    assert pace >= 0.5 and memory[0] <= 3 * memory[1]
    shutil.rmtree(tmp_path)


def test_an_action_unit_whose_column_has_another_name_is_said_to_be_lacking(tmp_path) -> None:
    names = ["AU6?_r" if name == "AU06_r" else name for name in E_DAIC]
    path = write_table(tmp_path / "a.csv", names, openface_rows(E_DAIC, 5))
    _, report = read(path, tmp_path)
    assert "the action units AU06_r" in report.lacks
