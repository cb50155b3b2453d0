import numpy as np
import pytest

from dfe_lib.comparison.templates import motion_areas, similarity_rank, strongest_actions, template_overlap
from dfe_lib.morphable.model import MorphableModel


def test_templates_that_move_alike_are_neighbours() -> None:
    rng = np.random.default_rng(0)
    strength = rng.permutation(12).astype(float)
    templates = np.outer(strength, [1.0, -0.5, 0.2]) + rng.normal(0, 0.01, (12, 3))
    rank = similarity_rank(templates, np.eye(3))
    assert np.array_equal(rank, strength) or np.array_equal(rank, 11 - strength)


def test_actions_are_named_by_what_they_move_not_by_their_number() -> None:
    metric = np.diag([100.0, 1.0])
    assert strongest_actions(np.array([[0.2, 0.9]]), ["jawOpen", "eyeWide"], metric, 1) == ["jawOpen +0.20"]


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
