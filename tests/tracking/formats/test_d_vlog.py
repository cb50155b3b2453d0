import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_files import face_68

from dfe_lib.errors import UserError
from dfe_lib.io.tables import read_arrays
from dfe_lib.tracking.formats.d_vlog import is_d_vlog, read_d_vlog
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings


def read(path, **wanted):
    report = write_recording(read_d_vlog(path, ReadSettings(**wanted)), path.with_suffix(".parquet"), "c", "s")
    return read_arrays(path.with_suffix(".parquet")), report


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.booleans(), gaps=st.sets(st.integers(0, 19), max_size=9), kind=st.sampled_from(["f4", "f8"]))
def test_landmarks_in_either_order_and_rows_of_zeros(tmp_path, pairs, gaps, kind) -> None:
    points = face_68(20).astype(kind)
    points[list(gaps)] = 0
    np.save(tmp_path / "7_visual.npy", (points if pairs else points.transpose(0, 2, 1)).reshape(20, 136))
    assert is_d_vlog(tmp_path / "7_visual.npy")
    table, report = read(tmp_path / "7_visual.npy")
    shown = [i for i in range(20) if i not in gaps]
    np.testing.assert_allclose(table["landmarks"][shown].reshape(-1, 68, 2), points[shown], rtol=1e-5)
    assert set(np.flatnonzero(~table["detected"])) == gaps and report.usable == len(shown)
    np.testing.assert_array_equal(table["time_s"], np.arange(20))
    assert "no times in the file: 1 rows a second" in report.sentence


def test_shares_of_the_picture_become_pixels(tmp_path) -> None:
    points = face_68(5)
    np.save(tmp_path / "7_visual.npy", (points / [640, 480]).reshape(5, 136))
    np.testing.assert_allclose(read(tmp_path / "7_visual.npy", width=640, height=480)[0]["landmarks"],
                               points.reshape(5, 136), rtol=1e-5)  # fmt: skip
    assert "taken as square" in read(tmp_path / "7_visual.npy")[1].sentence


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 136)), "nobody"),
        (np.zeros((5, 135)), "no D-Vlog file"),
        (np.random.default_rng(0).random((50, 136)) * 300, "does not hold 68 landmarks"),
        (face_68(5)[..., ::-1].reshape(5, 136), "does not hold 68 landmarks"),
    ],
)
def test_what_is_no_face_is_refused(tmp_path, array, message) -> None:
    np.save(tmp_path / "7_visual.npy", array)
    with pytest.raises(UserError, match=message):
        read(tmp_path / "7_visual.npy")
