import numpy as np
import pandas as pd
import pytest
from recorded_files import face_68

from dfe_lib.action_units import PYFEAT
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import read_arrays, read_dataframe
from dfe_lib.tracking.formats.py_feat import FACE, read_py_feat
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings


def fex(n, **more) -> pd.DataFrame:
    """A Fex table as Py-Feat saves it: x before y, emotions, poses and the input's name behind the action units."""
    rng = np.random.default_rng(0)
    points = face_68(n)
    columns = {"frame": np.arange(n)} | {name: rng.random(n) for name in FACE}
    columns |= {f"x_{i}": points[:, i, 0] for i in range(68)} | {f"y_{i}": points[:, i, 1] for i in range(68)}
    columns |= {name: rng.random(n) for name in PYFEAT} | {"Pitch": np.zeros(n), "happiness": np.zeros(n)}
    return pd.DataFrame(columns | {"input": ["a film, in parts.mp4"] * n} | more)


def read(path, **wanted):
    report = write_recording(read_py_feat(path, ReadSettings(**wanted)), path.with_suffix(".parquet"), "c", "s")
    return read_arrays(path.with_suffix(".parquet")), report


def test_units_and_landmarks_reach_their_places(tmp_path) -> None:
    table = fex(6)
    table.to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv", fps=10.0)
    np.testing.assert_allclose(found["landmarks"].reshape(-1, 68, 2), face_68(6), rtol=1e-5)
    units = read_dataframe(tmp_path / "a.parquet", ["au_occurrence"])
    assert list(units) == [f"au_occurrence.{name}" for name in PYFEAT] and len(PYFEAT) == 20
    np.testing.assert_allclose(units["au_occurrence.AU12"], table["AU12"], rtol=1e-6)
    np.testing.assert_allclose(found["time_s"], np.arange(6) / 10)
    assert report.usable == 6 and not report.lacks and not report.sentence


def test_the_real_file_is_read_value_by_value(tmp_path) -> None:
    original = pd.read_csv(asset("Fex_Test.csv"))
    report = write_recording(
        read_py_feat(asset("Fex_Test.csv"), ReadSettings(fps=30.0)), tmp_path / "o.parquet", "c", "s"
    )
    table = read_dataframe(tmp_path / "o.parquet", ["frame", "landmarks", "au_occurrence"])
    assert report.rows == report.usable == len(original) == 40
    np.testing.assert_allclose(table["landmarks.135"], original["y_67"], rtol=1e-6)
    np.testing.assert_allclose(table["au_occurrence.AU25"], original["AU25"], rtol=1e-6)
    assert table["frame"].tolist() == list(range(40))


def test_a_frame_without_a_face_is_empty_and_stays(tmp_path) -> None:
    table = fex(6)
    table.loc[2, [name for name in table if name not in ("frame", "input")]] = np.nan
    table.to_csv(tmp_path / "a.csv", index=False)
    found, _ = read(tmp_path / "a.csv")
    assert found["detected"].tolist() == [True, True, False, True, True, True]


def two_people(n=12, **more) -> tuple[pd.DataFrame, np.ndarray]:
    """Two people in every frame, whose rows change places every second frame; who each row is of."""
    who = np.concatenate([[0, 1] if i // 2 % 2 else [1, 0] for i in range(n)])
    table = fex(2 * n, frame=np.repeat(np.arange(n), 2))
    table["FaceRectX"], table["FaceRectY"] = np.where(who == 0, 100.0, 400.0), 50.0
    table["FaceRectWidth"], table["FaceRectHeight"] = 90.0 + 110 * who, 100.0
    table["AU12"] = np.where(who == 0, 0.1, 0.9)
    return table.assign(**more), who


def test_people_are_followed_by_their_boxes_and_the_one_that_shows_most_is_kept(tmp_path) -> None:
    table, _ = two_people()
    table.to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv")
    units = read_dataframe(tmp_path / "a.parquet", ["au_occurrence"])["au_occurrence.AU12"]
    assert found["frame"].tolist() == list(range(12)) and np.allclose(units, 0.9) and set(found["face_id"]) == {0}
    assert "2 faces, told apart by the boxes of their faces" in report.sentence


def test_all_people_are_given_with_a_row_each(tmp_path) -> None:
    table, _ = two_people()
    table.to_csv(tmp_path / "a.csv", index=False)
    found, _ = read(tmp_path / "a.csv", faces="all")
    units = read_dataframe(tmp_path / "a.parquet", ["au_occurrence"])["au_occurrence.AU12"]
    assert len(found["frame"]) == 24 and len(set(found["face_id"])) == 2
    for face in (0, 1):
        assert np.ptp(units[found["face_id"] == face]) < 1e-6


def test_a_small_face_of_one_frame_changes_nothing(tmp_path) -> None:
    table = fex(12)
    table["FaceRectX"], table["FaceRectY"], table["FaceRectWidth"], table["FaceRectHeight"] = 100.0, 50.0, 90.0, 100.0
    ghost = table.iloc[[5]].assign(FaceRectX=110.0, FaceRectY=60.0, FaceRectWidth=12.0, FaceRectHeight=12.0, AU12=0.0)
    pd.concat([table.iloc[:5], ghost, table.iloc[5:]]).to_csv(tmp_path / "a.csv", index=False)
    read(tmp_path / "a.csv")
    units = read_dataframe(tmp_path / "a.parquet", ["au_occurrence"])["au_occurrence.AU12"]
    np.testing.assert_allclose(units, table["AU12"], rtol=1e-6)


def test_a_small_face_is_not_taken_for_the_person_who_is_lost_for_a_frame(tmp_path) -> None:
    table, who = two_people()
    lost = (table["frame"] == 5) & (who == 1)
    table.loc[lost, ["FaceRectX", "FaceRectWidth", "FaceRectHeight"]] = [470.0, 15.0, 15.0]
    table.to_csv(tmp_path / "a.csv", index=False)
    found, _ = read(tmp_path / "a.csv")
    assert np.flatnonzero(~found["detected"]).tolist() == [5] and len(found["frame"]) == 12


def test_identity_says_who_is_who_wherever_the_boxes_are(tmp_path) -> None:
    table, who = two_people()
    names = np.where(who == 0, "Person_0", "Person_1")
    table.assign(Identity=names, FaceRectX=100.0).to_csv(tmp_path / "a.csv", index=False)
    _, report = read(tmp_path / "a.csv")
    units = read_dataframe(tmp_path / "a.parquet", ["au_occurrence"])["au_occurrence.AU12"]
    assert np.allclose(units, 0.9) and "2 faces, told apart by name" in report.sentence


def test_one_identity_for_two_faces_of_a_frame_is_not_believed(tmp_path) -> None:
    two_people(Identity="Person_0")[0].to_csv(tmp_path / "a.csv", index=False)
    _, report = read(tmp_path / "a.csv")
    units = read_dataframe(tmp_path / "a.parquet", ["au_occurrence"])["au_occurrence.AU12"]
    assert np.allclose(units, 0.9) and "the names are not used" in report.sentence


def test_frames_that_show_somebody_else_alone_are_rows_without_a_face(tmp_path) -> None:
    table, who = two_people()
    gone = (who == 1) & table["frame"].isin([3, 4, 11])
    table[~gone].to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv")
    assert found["frame"].tolist() == list(range(12))
    assert np.flatnonzero(~found["detected"]).tolist() == [3, 4, 11]
    assert "3 frames that show others only, or nobody: rows without a face" in report.sentence


def test_a_table_without_frame_numbers_or_landmarks_says_so(tmp_path) -> None:
    table = fex(6).drop(columns=["frame", "x_5"])
    table.to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv")
    assert found["frame"].tolist() == list(range(6)) and "landmarks" not in found
    assert report.lacks == ["landmarks"] and "every line is taken as the next frame" in report.sentence


def test_a_table_of_neither_is_refused(tmp_path) -> None:
    fex(2)[["frame", *FACE]].to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(UserError, match="neither action units nor landmarks"):
        read(tmp_path / "a.csv")
