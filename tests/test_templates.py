import numpy as np

from dfe_lib.templates import similarity_rank, strongest_actions


def test_templates_that_move_alike_are_neighbours() -> None:
    rng = np.random.default_rng(0)
    strength = rng.permutation(12).astype(float)
    templates = np.outer(strength, [1.0, -0.5, 0.2]) + rng.normal(0, 0.01, (12, 3))
    rank = similarity_rank(templates, np.eye(3))
    assert np.array_equal(rank, strength) or np.array_equal(rank, 11 - strength)


def test_actions_are_named_by_what_they_move_not_by_their_number() -> None:
    metric = np.diag([100.0, 1.0])
    assert strongest_actions(np.array([[0.2, 0.9]]), ["jawOpen", "eyeWide"], metric, 1) == ["jawOpen +0.20"]
