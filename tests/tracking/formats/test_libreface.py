import numpy as np
import pandas as pd
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.tables import read_arrays, read_dataframe
from dfe_lib.tracking.formats.libreface import POINTS, UNITS, read_libreface
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings


def attributes(n) -> pd.DataFrame:
    """A video's attributes as LibreFace saves them, with pandas' index in front."""
    rng = np.random.default_rng(0)
    columns = {"frame_idx": np.arange(n), "frame_time_in_ms": np.arange(n) * 40.0, "facial_expression": ["Neutral"] * n}
    columns |= {name: rng.random(n) for name in POINTS}
    columns |= {name: rng.random(n) for names in UNITS.values() for name in names}
    return pd.DataFrame(columns)


def read(path, **wanted):
    report = write_recording(read_libreface(path, ReadSettings(**wanted)), path.with_suffix(".parquet"), "c", "s")
    return read_arrays(path.with_suffix(".parquet")), report


@pytest.fixture
def saved(tmp_path):
    attributes(5).to_csv(tmp_path / "a.csv")
    return tmp_path / "a.csv"


def test_units_times_and_landmarks_in_pixels(saved) -> None:
    table = attributes(5)
    found, report = read(saved, width=640, height=480)
    points = table[list(POINTS)].to_numpy().reshape(5, 478, 3) * [640, 480, 640]
    np.testing.assert_allclose(found["landmarks"].reshape(5, 478, 3), points, rtol=1e-5)
    units = read_dataframe(saved.with_suffix(".parquet"), ["au_intensity", "au_occurrence"])
    assert units.shape[1] == 12 + 12 and not report.lacks
    np.testing.assert_allclose(units["au_intensity.AU12"], table["au_12_intensity"], rtol=1e-6)
    np.testing.assert_allclose(units["au_occurrence.AU12"], table["au_12"], rtol=1e-6)
    np.testing.assert_allclose(found["time_s"], np.arange(5) / 25)


def test_shares_of_an_unknown_picture_are_left_out_and_the_reason_given(saved) -> None:
    found, report = read(saved)
    assert "landmarks" not in found and "give the settings width and height" in report.lacks[-1]


def test_a_picture_is_one_frame(tmp_path) -> None:
    attributes(1).drop(columns=["frame_idx", "frame_time_in_ms", *POINTS]).to_csv(tmp_path / "a.csv")
    found, report = read(tmp_path / "a.csv")
    assert found["frame"].tolist() == [0] and found["time_s"].tolist() == [0] and report.usable == 1


def test_a_frame_without_a_value_has_no_face(saved) -> None:
    table = attributes(5)
    table.loc[3, [name for name in table if name.startswith(("au_", "lm_"))]] = np.nan
    table.to_csv(saved)
    assert read(saved)[0]["detected"].tolist() == [True, True, True, False, True]


def test_landmarks_in_part_and_nothing_at_all_are_refused(saved) -> None:
    table = attributes(2)
    table.drop(columns=[POINTS[-1]]).to_csv(saved)
    with pytest.raises(UserError, match=f"lacks the columns {POINTS[-1]}"):
        read(saved, width=640, height=480)
    table[["frame_idx", POINTS[0]]].to_csv(saved)
    with pytest.raises(UserError, match="no action units"):
        read(saved)
