"""Least squares with coefficients between 0 and 1, for many targets at once."""

import numpy as np
from jaxtyping import Float

__all__ = ["bounded_least_squares"]

SWEEPS = 10
ROUNDS = 100
TOLERANCE = 1e-6
"""How far a coefficient may be from where it alone would go."""


def bounded_least_squares(gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"]) -> Float[np.ndarray, "n a"]:
    r"""Coefficients in [0, 1] that come nearest to each of many targets: $\min_{0 \le x \le 1} \|A x - y\|^2$.

    Sweeps over the coordinates (as in Friedman, Hastie and Tibshirani 2010) find which of them rest at a bound; exact
    solutions for the others make it fast where columns are alike. Both lower the objective, and a row is done when no
    coordinate wants to move.

    Arguments:
        gram: $A^\top A$ (A, A), positive definite.
        pull: $A^\top y$ of each target (N, A).

    >>> bounded_least_squares(np.eye(2), np.array([[0.5, 3.0], [-1.0, 0.25]]))
    array([[0.5 , 1.  ],
           [0.  , 0.25]])
    """
    x = np.zeros_like(pull)
    left = np.arange(len(pull))
    for _ in range(ROUNDS):
        if not len(left):
            break
        x[left] = now = _solved(gram, pull[left], _swept(gram, pull[left], x[left]))
        wanted = np.clip(now + (pull[left] - now @ gram) / np.diag(gram), 0, 1)
        left = left[np.abs(wanted - now).max(1) > TOLERANCE]
    return x


def _swept(
    gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"], x: Float[np.ndarray, "n a"]
) -> Float[np.ndarray, "n a"]:
    """A few sweeps of coordinate descent; frames in columns, so that a step reads memory in order."""
    columns, goals = np.array(x.T, order="C"), np.array(pull.T, order="C")
    for _ in range(SWEEPS):
        for row, (direction, goal) in enumerate(zip(gram, goals, strict=True)):
            own = columns[row]  # in place, since calls of so little work cost as much as the work
            own += (goal - direction @ columns) / direction[row]
            np.minimum(np.maximum(own, 0, out=own), 1, out=own)
    return columns.T


def _solved(
    gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"], x: Float[np.ndarray, "n a"]
) -> Float[np.ndarray, "n a"]:
    """A step to the solution in the coordinates that rest at no bound (Bertsekas 1982).

    What it leaves outside the bounds is put on them, or where that does not lower the objective, the step ends there.
    """
    free = (x > 0) & (x < 1)
    order = np.argsort(~free, axis=1, kind="stable")[:, : int(free.sum(1).max())]
    inside = np.take_along_axis(free, order, 1)
    system = np.where(
        inside[:, :, None] & inside[:, None], gram[order[:, :, None], order[:, None]], np.eye(order.shape[1])
    )
    slope = inside * np.take_along_axis(pull - x @ gram, order, 1)
    step = np.zeros_like(x)
    np.put_along_axis(step, order, np.linalg.solve(system, slope[..., None])[..., 0], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (1 - x) / step, np.where(step < 0, -x / step, np.inf))
    whole, short = np.clip(x + step, 0, 1), np.clip(x + np.minimum(room.min(1, keepdims=True), 1) * step, 0, 1)
    better = _objective(gram, pull, whole) < _objective(gram, pull, short)
    return np.where(better[:, None], whole, short)


def _objective(
    gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"], x: Float[np.ndarray, "n a"]
) -> Float[np.ndarray, " n"]:
    return ((x @ gram / 2 - pull) * x).sum(1)
