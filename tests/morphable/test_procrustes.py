import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dfe_lib.morphable.procrustes import nearest_rotation, similarity

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(6, 40, 3))
TURNS = Rotation.random(6, np.random.default_rng(1)).as_matrix()


def cross(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    return points.swapaxes(-1, -2) @ goal


def test_the_rotation_is_that_of_scipy() -> None:
    goal = POINTS @ TURNS + 0.3 * RNG.normal(size=POINTS.shape)
    found, trace, handed = nearest_rotation(cross(POINTS, goal))
    for points, to, rotation in zip(POINTS, goal, found, strict=True):
        np.testing.assert_allclose(rotation.T, Rotation.align_vectors(to, points)[0].as_matrix(), atol=1e-9)
    np.testing.assert_allclose(trace, np.einsum("nij,nij->n", found, cross(POINTS, goal)), rtol=1e-12)
    assert handed.all()


def test_a_mirror_image_is_turned_and_not_mirrored() -> None:
    found, trace, handed = nearest_rotation(cross(POINTS, POINTS * [1, 1, -1]))
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-12)
    assert not handed.any()
    singular = np.linalg.svd(cross(POINTS, POINTS * [1, 1, -1]), compute_uv=False)
    np.testing.assert_allclose(trace, singular @ [1, 1, -1], rtol=1e-12)


def test_both_libraries_give_the_same() -> None:
    goal = POINTS @ TURNS * [1, 1, 0.5]
    expected = nearest_rotation(cross(POINTS, goal))
    found = nearest_rotation(torch.from_numpy(cross(POINTS, goal)))
    for tensor, array in zip(found, expected, strict=True):
        np.testing.assert_allclose(tensor.numpy(), array, atol=1e-12)


def test_a_similarity_is_undone_set_by_set() -> None:
    goal = RNG.uniform(0.2, 3, (6, 1, 1)) * (POINTS @ TURNS) + RNG.normal(0, 9, (6, 1, 3))
    np.testing.assert_allclose(similarity(POINTS, goal), goal, atol=1e-9)
    np.testing.assert_allclose(similarity(POINTS[:1], goal[:1]), similarity(POINTS, goal)[:1], rtol=0, atol=1e-12)


def test_no_other_rotation_scale_or_place_comes_nearer() -> None:
    goal = POINTS @ TURNS + RNG.normal(size=POINTS.shape)
    best = np.square(similarity(POINTS, goal) - goal).sum((1, 2))
    for change in np.random.default_rng(2).normal(0, 0.02, (20, 7)):
        there = goal.mean(1, keepdims=True)
        moved = similarity(POINTS, goal) - there
        other = (1 + change[0]) * moved @ Rotation.from_rotvec(change[1:4]).as_matrix() + there + change[4:]
        assert (np.square(other - goal).sum((1, 2)) > best).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_stays_what_it_is(dtype: type) -> None:
    assert similarity(POINTS.astype(dtype), (POINTS @ TURNS).astype(dtype)).dtype == dtype
