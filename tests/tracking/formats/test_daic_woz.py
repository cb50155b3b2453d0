import numpy as np
import pytest
from recorded_files import OPENFACE_KEY, openface_rows, write_table

from dfe_lib.errors import UserError
from dfe_lib.io.tables import read_arrays, read_dataframe
from dfe_lib.tracking.formats.daic_woz import FILES, is_daic_woz, read_daic_woz
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings

DAIC_UNITS = [f"AU{n:02d}_r" for n in (1, 2, 4, 5, 6, 9, 10, 12, 14, 15, 17, 20, 25, 26)]
DAIC_UNITS += [f"AU{n:02d}_c" for n in (4, 12, 15, 23, 28, 45)]
COLUMNS = {kind: [name for part in parts.values() for name in part] for kind, parts in FILES.items()}
COLUMNS["AUs"] = DAIC_UNITS
COLUMNS["gaze"] = [f"{axis}_{i}" for i in ("0", "1", "h0", "h1") for axis in "xyz"]


@pytest.fixture
def session(tmp_path):
    """A session as DAIC-WOZ packs it; every file with other values."""
    for seed, (kind, columns) in enumerate(COLUMNS.items()):
        names = [*OPENFACE_KEY, *sorted(columns)]
        write_table(tmp_path / f"300_CLNF_{kind}.txt", names, openface_rows(names, 40, seed=seed))
    return tmp_path


def read(folder, name="300_CLNF_features.txt"):
    report = write_recording(read_daic_woz(folder / name, ReadSettings()), folder / "o.parquet", "300", "300")
    return read_arrays(folder / "o.parquet"), report


def test_the_files_of_a_session_become_one_table(session) -> None:
    table, report = read(session)
    assert report.usable == 40 and not report.lacks
    names = [*OPENFACE_KEY, *sorted(COLUMNS["features3D"])]
    depth = openface_rows(names, 40, seed=1)[:, [names.index(f"Z{i}") for i in range(68)]]
    np.testing.assert_allclose(table["landmarks_mm"].reshape(-1, 68, 3)[..., 2], depth, rtol=1e-5)
    assert table["landmarks"].shape == (40, 136) and table["gaze"].shape == (40, 6)
    units = read_dataframe(session / "o.parquet", ["au_intensity", "au_occurrence"])
    assert units.shape == (40, 14 + 6) and "au_occurrence.AU23" in units and "au_intensity.AU23" not in units


def test_one_file_stands_for_the_session(session) -> None:
    standing = [path.name for path in sorted(session.iterdir()) if is_daic_woz(path)]
    assert standing == ["300_CLNF_features.txt"]
    (session / "300_CLNF_features.txt").unlink()
    assert is_daic_woz(session / "300_CLNF_AUs.txt")
    table, report = read(session, "300_CLNF_AUs.txt")
    assert "landmarks" not in table and report.lacks == ["the file 300_CLNF_features.txt"]


@pytest.mark.parametrize("kind", ["features3D", "pose", "AUs"])
def test_a_file_that_was_cut_off_is_refused(session, kind) -> None:
    path = session / f"300_CLNF_{kind}.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:30]) + "\n")
    with pytest.raises(UserError, match="not of one length"):
        read(session)


def test_a_file_of_other_frames_is_refused(session) -> None:
    names = [*OPENFACE_KEY, *sorted(COLUMNS["pose"])]
    rows = openface_rows(names, 40)
    rows[:, 0] += 1
    write_table(session / "300_CLNF_pose.txt", names, rows)
    with pytest.raises(UserError, match="other frames"):
        read(session)
