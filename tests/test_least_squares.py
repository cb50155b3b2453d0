import numpy as np
import pytest
from scipy.optimize import lsq_linear

from dfe_lib.least_squares import bounded_least_squares


@pytest.mark.parametrize("alike", [0.0, 0.97])
def test_the_minimum_is_that_of_scipy(alike: float) -> None:
    rng = np.random.default_rng(0)
    matrix = np.sqrt(1 - alike) * rng.normal(size=(30, 12)) + np.sqrt(alike) * rng.normal(size=(30, 1))
    goals = rng.normal(0.3, 0.8, (40, 12)) @ matrix.T + rng.normal(size=(40, 30))
    found = bounded_least_squares(matrix.T @ matrix, goals @ matrix)
    expected = [lsq_linear(matrix, goal, (0, 1), method="bvls", tol=1e-14, max_iter=500).x for goal in goals]
    assert 0.1 < ((found > 0) & (found < 1)).mean() < 0.9
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    rng = np.random.default_rng(1)
    matrix, pull = rng.normal(size=(9, 6)), rng.normal(size=(20, 6))
    gram = matrix.T @ matrix
    alone = np.concatenate([bounded_least_squares(gram, row[None]) for row in pull])
    np.testing.assert_allclose(bounded_least_squares(gram, pull), alone, atol=1e-9)


def test_no_targets_give_no_rows() -> None:
    assert bounded_least_squares(np.eye(3), np.empty((0, 3))).shape == (0, 3)
