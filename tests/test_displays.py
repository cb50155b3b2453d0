import numpy as np
import pandas as pd
import pytest

from dfe_lib.displays import JAW_OPEN_RAD, display_name, window_labels
from dfe_lib.errors import UserError
from dfe_lib.facs import AU_PRESENT
from dfe_lib.flame_codes import flame_names
from dfe_lib.names import ACTIONS
from dfe_lib.tables import REAL, expressions_schema, table_writer


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


def test_the_display_is_named() -> None:
    assert "AU12" in display_name(ACTIONS) and "mouth" in display_name(flame_names(100))
    with pytest.raises(UserError, match="without a jaw"):
        display_name(flame_names(50, jaw=False))
