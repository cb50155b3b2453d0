import numpy as np
import pytest
from recorded_files import OPENFACE_KEY, openface_rows, write_table

from dfe_lib.action_units import OPENFACE_INTENSITY
from dfe_lib.io.tables import read_dataframe
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.registry import recognise
from dfe_lib.tracking.formats.settings import ReadSettings

NAMES = [*OPENFACE_KEY, "gaze_angle_x", "gaze_angle_y", "pose_Rx", "pose_Ry", "pose_Rz"]
NAMES += [f"{name}_r" for name in OPENFACE_INTENSITY]
SMILE = NAMES.index("AU12_r")


def cleaned(n=8) -> np.ndarray:
    """FACSvatar's table: frames from 0, intensities from 0 to 1."""
    rows = openface_rows(NAMES, n, fps=25.0)
    rows[:, 0] -= 1
    return rows


def read(path, out):
    found = recognise(path)
    report = write_recording(found.read(path, ReadSettings()), out, "c", "s")
    return found.name, read_dataframe(out, ["frame", "time_s", "au_intensity"]), report


def test_intensities_are_brought_back_to_five(tmp_path) -> None:
    rows = cleaned()
    name, table, report = read(write_table(tmp_path / "a.csv", NAMES, rows), tmp_path / "o.parquet")
    assert name.startswith("FACSvatar") and "multiplied by 5" in report.sentence and report.usable == 8
    np.testing.assert_allclose(table["au_intensity.AU12"], 5 * rows[:, SMILE], rtol=1e-5)
    assert table["frame"].tolist() == list(range(8)) and np.allclose(table["time_s"], np.arange(8) / 25)


@pytest.mark.parametrize(("row", "column", "value"), [(slice(None), 0, None), (3, SMILE, 2.5)])
def test_openfaces_own_intensities_stay_as_they_are(tmp_path, row, column, value) -> None:
    """Frames from 1, or an intensity beyond 1: cut down by hand, not cleaned."""
    rows = cleaned()
    rows[row, column] = rows[:, 0] + 1 if value is None else value
    _, table, report = read(write_table(tmp_path / "a.csv", NAMES, rows), tmp_path / "o.parquet")
    np.testing.assert_allclose(table["au_intensity.AU12"], rows[:, SMILE], rtol=1e-5)
    assert "multiplied" not in report.sentence
