import numpy as np
import pytest

from dfe_lib.morphable import MorphableModel
from dfe_lib.template_metrics import motion_areas, template_overlap

FACES = np.array([[0, 1, 2], [3, 4, 5]])


@pytest.fixture
def head() -> MorphableModel:
    """Two triangles, one three times the other, each moved by its own coefficient, by 1 mm a unit."""
    template = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [8, 0, 0], [5, 1, 0]], float)
    expression = np.zeros((2, 6, 3))
    expression[0, :3, 2] = expression[1, 3:, 2] = 1e-3
    return MorphableModel(template, np.zeros((0, 6, 3)), expression, ("a", "b"), FACES, {"face": np.ones(6, bool)})


def test_area_is_the_share_of_the_surface_that_moves(head: MorphableModel) -> None:
    moved, effective = motion_areas(head, np.array([[1.0, 0.0], [0.0, 0.4], [0.0, -1.0], [1.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(moved, [0.25, 0.0, 0.75, 1.0, 0.0])
    np.testing.assert_allclose(effective, [0.25, 0.75, 0.75, 1.0, np.nan])


def test_overlap_takes_either_sign_and_the_nearest_other() -> None:
    templates = np.array([[1.0, 0.0], [-2.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(template_overlap(templates, np.eye(2)), [1, 1, np.sqrt(0.5)])
