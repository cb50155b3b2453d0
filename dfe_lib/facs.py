"""A face read as FACS reads it: intensities of action units, present or absent, and the five levels A to E."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from .action_units import ACTION_UNITS, AU_SETS
from .blendshapes import ACTIONS
from .errors import UserError

__all__ = ["AU_PRESENT", "LEVELS", "LEVEL_EDGES", "au_basis", "au_binary", "au_intensities", "au_levels"]

LEVELS = "ABCDE"
"""FACS intensities: trace, slight, marked, severe, maximum."""
LEVEL_EDGES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of full strength from which a unit counts as A, B, C, D, E: the detectors' 0 to 5, rounded (our choice)."""
AU_PRESENT = LEVEL_EDGES[1]
"""A unit counts as present from B on, as DISFA is usually scored (Mavadati et al. 2013)."""

RIDGE = 1e-3
"""Pull to 0 as a share of a unit's own energy: one answer also where two units of a set move the face alike."""
SWEEPS = 10
ROUNDS = 100
TOLERANCE = 1e-6
"""How far an intensity may be from where its unit alone would put it."""
CHUNK = 1024
"""Frames at a time: their intensities stay in the processor's cache."""


def au_basis(au_set: str | Sequence[str]) -> tuple[tuple[str, ...], Float[np.ndarray, "a 52"]]:
    """Codes of the A units of a set, and psi (A, 52) of each at full strength.

    Arguments:
        au_set: Name in `AU_SETS`, or codes of units.

    Raises UserError for a set or a unit that is not known, and for a unit that ARKit's actions cannot do.

    >>> names, weights = au_basis("openface17")
    >>> names[8], [ACTIONS[i] for i in weights[8].nonzero()[0]]
    ('AU12', ['mouthSmileLeft', 'mouthSmileRight'])
    """
    if isinstance(au_set, str) and au_set not in AU_SETS:
        raise UserError(f"there is no set of action units {au_set!r}: use one of {', '.join(AU_SETS)}.")
    codes = tuple(AU_SETS[au_set] if isinstance(au_set, str) else au_set)
    weights = np.zeros((len(codes), len(ACTIONS)))
    for row, code in zip(weights, codes, strict=True):
        if code not in ACTION_UNITS or not ACTION_UNITS[code].actions:
            raise UserError(f"{code} is no action unit that the 52 ARKit actions can do: see action_units.unit_table.")
        for action, weight in ACTION_UNITS[code].actions.items():
            row[ACTIONS.index(action)] = weight
    return codes, weights


def au_intensities(
    psi: Float[np.ndarray, "n 52"], metric: Float[np.ndarray, "52 52"], au_set: str | Sequence[str] = "facs"
) -> Float[np.ndarray, "n a"]:
    r"""Intensities in [0, 1] of the units whose sum comes nearest to each face.

    $\min_{0 \le x \le 1} \|E(\psi - W^\top x)\|^2 + \rho \sum_a \|E w_a\|^2 x_a^2$, E the mesh basis, for all frames
    at once: coordinate descent (as in Friedman, Hastie and Tibshirani 2010) and exact steps within the bounds. A unit
    that does not move the metric's region, such as the tongue, gets 0.

    Arguments:
        psi: Coefficients of the 52 ARKit actions (N, 52).
        metric: Mesh metric G = E^T E (52, 52) in mm2.
        au_set: Name in `AU_SETS`, or codes of units.

    >>> smile = 0.4 * au_basis(["AU12"])[1]
    >>> au_intensities(smile, np.eye(52), ["AU06", "AU12"]).round(2)
    array([[0. , 0.4]])
    """
    weights = au_basis(au_set)[1]
    gram = weights @ metric @ weights.T
    energy = np.diag(gram)
    seen = energy > 1e-9 * energy.max()
    gram = gram[np.ix_(seen, seen)] + np.diag(RIDGE * energy[seen])
    found = np.zeros((len(psi), len(weights)))
    to_pull = metric @ weights[seen].T
    for start in range(0, len(psi), CHUNK):
        rows = np.asarray(psi[start : start + CHUNK], float)
        found[start : start + CHUNK, seen] = _bounded(gram, rows @ to_pull)
    return found


def au_binary(intensities: Float[np.ndarray, "n a"], threshold: float = AU_PRESENT) -> Bool[np.ndarray, "n a"]:
    """Which units are present.

    >>> au_binary(np.array([[0.1, 0.5]]))
    array([[False,  True]])
    """
    return intensities >= threshold


def au_levels(intensities: Float[np.ndarray, "n a"]) -> Int[np.ndarray, "n a"]:
    """0 where a unit is absent, 1 to 5 for A to E.

    >>> au_levels(np.array([[0.05, 0.2, 1.0]]))
    array([[0, 1, 5]])
    """
    return np.searchsorted(LEVEL_EDGES, intensities, side="right")


def _bounded(gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"]) -> Float[np.ndarray, "n a"]:
    """Minimum of x G x / 2 - x p over 0 <= x <= 1 for each row p.

    Sweeps over the coordinates find which units rest at a bound; exact solutions for the others make it fast where
    units are alike. Both lower the objective, and a frame is done when no unit wants to move.
    """
    x = np.zeros_like(pull)
    left = np.arange(len(pull))
    for _ in range(ROUNDS):
        x[left] = now = _solved(gram, pull[left], _swept(gram, pull[left], x[left]))
        wanted = np.clip(now + (pull[left] - now @ gram) / np.diag(gram), 0, 1)
        left = left[np.abs(wanted - now).max(1) > TOLERANCE]
        if not len(left):
            break
    return x


def _swept(
    gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"], x: Float[np.ndarray, "n a"]
) -> Float[np.ndarray, "n a"]:
    """A few sweeps of coordinate descent; frames in columns, so that a step reads memory in order."""
    columns, goals = np.array(x.T, order="C"), np.array(pull.T, order="C")
    for _ in range(SWEEPS):
        for row, (direction, goal) in enumerate(zip(gram, goals, strict=True)):
            columns[row] = np.clip(columns[row] + (goal - direction @ columns) / direction[row], 0, 1)
    return columns.T


def _solved(
    gram: Float[np.ndarray, "a a"], pull: Float[np.ndarray, "n a"], x: Float[np.ndarray, "n a"]
) -> Float[np.ndarray, "n a"]:
    """A step to the solution in the units that rest at no bound (Bertsekas 1982).

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
