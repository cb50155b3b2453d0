"""Expressions of one head model on another: which facial actions of Anny a code of FLAME amounts to."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import lsq_linear
from scipy.spatial import cKDTree

from .morphable import MM_PER_M, MorphableModel

__all__ = ["Retargeting"]

ROUNDS = 40
NEIGHBOURS = 3
RIDGE_MM2 = 1e-3
"""Pull to 0 of actions that hardly move the face."""


class Retargeting:
    """Finds the target's coefficients in [0, 1] whose displacements come nearest to the source's.

    The neutral faces are laid over each other by a similarity (iterative closest points, Besl and McKay 1992), and
    each vertex of the target's face takes the displacement of the source's face around it.

    Arguments:
        source, target: head models with a region `face`, upright and looking along z.
    """

    def __init__(self, source: MorphableModel, target: MorphableModel) -> None:
        self._source, self._target = source, target
        self._here, self._there = source.region("face"), target.region("face")
        placed, self._turn = _overlaid(source.template[self._here], target.template[self._there])
        distance, self._near = cKDTree(placed).query(target.template[self._there], k=NEIGHBOURS)
        near = 1 / (distance + 1e-6)
        self._weights = near / near.sum(1, keepdims=True)
        self.apart_mm = float(np.median(distance[:, 0]) * MM_PER_M)
        area = target.areas()[self._there]
        self._area = np.sqrt(area / area.sum())[:, None]
        basis = target.expression[:, self._there].astype(float) * MM_PER_M * self._area
        self._basis = basis.reshape(len(target.names), -1)
        gram = self._basis @ self._basis.T
        self._root = np.linalg.cholesky(gram + RIDGE_MM2 * np.eye(len(gram)))

    def __call__(self, psi: Float[np.ndarray, "n e"]) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, " n"]]:
        """The target's coefficients (n, K), and the rms over its face of what they leave over, in mm."""
        moved = self._source.displacement_mm(psi)[:, self._here] @ self._turn
        taken = np.einsum("nvkd,vk->nvd", moved[:, self._near], self._weights)
        flat = (taken * self._area).reshape(len(psi), -1)
        # |B'x - d|^2 = |L'x - L^-1 B d|^2 + const, 52 numbers a frame instead of thousands
        goals = np.linalg.solve(self._root, self._basis @ flat.T).T
        found = np.stack([lsq_linear(self._root.T, goal, (0.0, 1.0)).x for goal in goals])
        left = flat - found @ self._basis
        return found, np.sqrt(np.square(left).sum(1))


def _overlaid(
    points: Float[np.ndarray, "n 3"], goal: Float[np.ndarray, "m 3"]
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "3 3"]]:
    """The points laid over the goal, and the scaled rotation that takes their displacements with them."""
    tree = cKDTree(goal)
    size = np.sqrt(goal.var(0).sum() / points.var(0).sum())
    linear = np.eye(3) * size
    placed = (points - points.mean(0)) @ linear + goal.mean(0)
    for _ in range(ROUNDS):
        distance, nearest = tree.query(placed)
        kept = distance <= np.quantile(distance, 0.9)  # the rims of the two faces do not match
        here, there = points[kept] - points[kept].mean(0), goal[nearest[kept]] - goal[nearest[kept]].mean(0)
        u, s, vt = np.linalg.svd(here.T @ there)
        sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
        linear = (u * sign) @ vt * (s * sign).sum() / np.square(here).sum()
        placed = (points - points[kept].mean(0)) @ linear + goal[nearest[kept]].mean(0)
    return placed, linear
