import numpy as np
import pandas as pd
import pytest
from recorded_files import face_68

from dfe_lib.action_units import PYFEAT
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import read_arrays, read_dataframe
from dfe_lib.tracking.formats.py_feat import FACE, read_py_feat
from dfe_lib.tracking.formats.recording import REPEATED, write_recording
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


def test_of_several_faces_the_first_is_kept_and_the_rest_counted(tmp_path) -> None:
    table = fex(6, frame=[0, 0, 1, 2, 2, 2])
    table.to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv")
    np.testing.assert_allclose(found["confidence"], table["FaceScore"][[0, 2, 3]], rtol=1e-6)
    assert report.dropped[REPEATED] == 3


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
