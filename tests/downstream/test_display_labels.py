import numpy as np
import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.downstream import display_labels as displays
from dfe_lib.downstream.display_labels import JAW_OPEN_RAD, display_name, window_labels
from dfe_lib.errors import UserError
from dfe_lib.facs import AU_PRESENT
from dfe_lib.io.tables import REAL, expressions_schema, read_arrays, table_writer
from dfe_lib.tracking.formats.flame_codes import flame_names


def save(folder, names, columns, strength):
    psi = np.zeros((20, len(names)))
    psi[10:, [names.index(name) for name in columns]] = strength
    with table_writer(folder / "a.parquet", expressions_schema(names)) as table:
        key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(20), "time_s": np.arange(20) / 10}
        table.write(key | {"data": REAL, "psi": psi, "residual_mm": np.nan, "valid": True})
    return pd.DataFrame({"clip_id": "a", "face_id": 0, "start_s": [0.0, 1.0], "end_s": [0.9, 1.9]})


@pytest.mark.parametrize(
    ("names", "columns", "threshold"),
    [
        (ACTIONS, ("mouthSmileLeft", "mouthSmileRight"), AU_PRESENT),
        (flame_names(50), ("jawX",), JAW_OPEN_RAD),
    ],
)
def test_a_window_has_the_display_above_its_threshold(tmp_path, names, columns, threshold) -> None:
    assert window_labels(tmp_path, save(tmp_path, names, columns, threshold * 1.1)).tolist() == [0, 1]
    assert window_labels(tmp_path, save(tmp_path, names, columns, threshold * 0.9)).tolist() == [0, 0]


def test_each_clip_is_read_once_and_each_window_told_by_its_own_face(tmp_path, monkeypatch) -> None:
    names, n, seen = flame_names(50), 20, []
    key = {
        "frame": np.repeat(np.arange(n), 2),
        "face_id": np.tile([0, 1], n),
        "time_s": np.repeat(np.arange(n), 2) / 10,
    }
    for clip in ("a", "b"):
        with table_writer(tmp_path / f"{clip}.parquet", expressions_schema(names)) as table:
            psi = np.zeros((2 * n, len(names)))
            psi[20 if clip == "a" else 0 :: 2, names.index("jawX")] = 2 * JAW_OPEN_RAD
            rest = {"data": REAL, "psi": psi, "residual_mm": np.nan, "valid": key["frame"] != 3}
            table.write(key | rest | {"clip_id": clip, "subject_id": clip})
    windows = pd.DataFrame(
        [(clip, face, start, start + 1) for start in (0.0, 1.0) for face in (0, 1) for clip in "ba"],
        columns=["clip_id", "face_id", "start_s", "end_s"],
        index=np.arange(8) * 3,
    )
    monkeypatch.setattr(displays, "read_arrays", lambda path, columns: seen.append(path) or read_arrays(path, columns))
    # b's face 0 opens its mouth all the time, a's in the second half, and face 1 never does
    assert window_labels(tmp_path, windows).tolist() == [1, 0, 0, 0, 1, 1, 0, 0]
    assert len(seen) == 2


def test_without_windows_there_are_no_labels(tmp_path) -> None:
    windows = pd.DataFrame(columns=["clip_id", "face_id", "start_s", "end_s"])
    assert window_labels(tmp_path, windows).shape == (0,)


def test_the_display_is_named() -> None:
    assert "AU12" in display_name(ACTIONS) and "mouth" in display_name(flame_names(100))
    with pytest.raises(UserError, match="without a jaw"):
        display_name(flame_names(50, jaw=False))
