import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.names import ACTIONS
from dfe_lib.shown import clip_to_show, frames_to_show, some_of
from dfe_lib.tables import REAL, expressions_schema, table_writer


@pytest.fixture
def expressions(tmp_path):
    for clip, valid in {"a_hand": [0, 0, 0], "b_woman": [0, 1, 1], "c_man": [1, 1, 1]}.items():
        with table_writer(tmp_path / f"{clip}.parquet", expressions_schema(ACTIONS)) as table:
            key = {
                "clip_id": clip,
                "subject_id": clip,
                "face_id": 0,
                "frame": np.array([4, 5, 6]),
                "time_s": np.arange(3),
            }
            told = {"psi": np.zeros((3, 52)), "residual_mm": np.zeros(3), "valid": np.array(valid, bool)}
            table.write(key | {"data": REAL} | told)
    return tmp_path


def test_a_clip_that_is_named_or_the_first_with_a_face(expressions) -> None:
    assert clip_to_show(expressions, "c_man") == "c_man"
    assert clip_to_show(expressions, "") == "b_woman"
    with pytest.raises(UserError, match="'my_clip': set shown_clip to one of a_hand, b_woman, c_man"):
        clip_to_show(expressions, "my_clip")


def test_no_face_anywhere_is_told(expressions) -> None:
    for clip in ("b_woman", "c_man"):
        (expressions / f"{clip}.parquet").unlink()
    with pytest.raises(UserError, match="No clip has a frame with a face"):
        clip_to_show(expressions, "")


def test_frames_that_are_named_or_any_with_a_face(expressions) -> None:
    assert frames_to_show(expressions / "b_woman.parquet", [4, 6]) == [6]
    assert frames_to_show(expressions / "b_woman.parquet", []) == [5, 6]
    assert frames_to_show(expressions / "c_man.parquet", [], most=2) == [4, 6]
    with pytest.raises(UserError, match="shown_frames of b_woman"):
        frames_to_show(expressions / "b_woman.parquet", [4])


def test_a_figure_stays_a_page() -> None:
    assert len(some_of(range(10_000))) == 24 and some_of(range(5)) == [0, 1, 2, 3, 4] and some_of([]) == []
