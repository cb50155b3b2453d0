"""A face read as FACS reads it: intensities of action units, present or absent, and the five levels A to E."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from .action_units import ACTION_UNITS, AU_SETS
from .blendshapes import ACTIONS
from .errors import UserError
from .least_squares import bounded_least_squares

__all__ = [
    "AU_PRESENT",
    "EMOTIONS",
    "LEVELS",
    "LEVEL_EDGES",
    "au_basis",
    "au_binary",
    "au_intensities",
    "au_levels",
    "emotion_prototypes",
]

LEVELS = "ABCDE"
"""FACS intensities: trace, slight, marked, severe, maximum."""
LEVEL_EDGES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of full strength from which a unit counts as A, B, C, D, E: the detectors' 0 to 5, rounded (our choice)."""
AU_PRESENT = LEVEL_EDGES[1]
"""A unit counts as present from B on, as DISFA is usually scored (Mavadati et al. 2013)."""

EMOTIONS: dict[str, tuple[str, ...]] = {
    "happiness": ("AU06", "AU12"),
    "sadness": ("AU01", "AU04", "AU15"),
    "surprise": ("AU01", "AU02", "AU05", "AU26"),
    "fear": ("AU01", "AU02", "AU04", "AU05", "AU07", "AU20", "AU26"),
    "anger": ("AU04", "AU05", "AU07", "AU23"),
    "disgust": ("AU09", "AU15", "AU17"),
    "contempt": ("AU12R", "AU14R"),
}
"""Units of the prototype of each emotion, as EMFACS is usually tabulated (Friesen and Ekman 1983).

Authors vary: disgust is also given with unit 16 for 17 or with 10 alone, fear without 7, and contempt on either side.
"""

RIDGE = 1e-3
"""Pull to 0 as a share of a unit's own energy: one answer also where two units of a set move the face alike."""
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


JAW_DROP = 0.3
"""Strength of unit 26 in a prototype, level B: at its full one the jaw outweighs all the rest (our choice)."""


def emotion_prototypes() -> dict[str, Float[np.ndarray, " 52"]]:
    """psi of each emotion's prototype: its units at full strength, the jaw drop at `JAW_DROP`; no action beyond 1.

    >>> joy = emotion_prototypes()["happiness"]
    >>> [ACTIONS[i] for i in joy.nonzero()[0]]
    ['cheekSquintLeft', 'cheekSquintRight', 'mouthSmileLeft', 'mouthSmileRight']
    """
    found = {}
    for name, codes in EMOTIONS.items():
        strength = np.array([JAW_DROP if code == "AU26" else 1.0 for code in codes])
        found[name] = np.minimum(strength @ au_basis(codes)[1], 1.0)
    return found


def au_intensities(
    psi: Float[np.ndarray, "n 52"], metric: Float[np.ndarray, "52 52"], au_set: str | Sequence[str] = "facs"
) -> Float[np.ndarray, "n a"]:
    r"""Intensities in [0, 1] of the units whose sum comes nearest to each face.

    $\min_{0 \le x \le 1} \|E(\psi - W^\top x)\|^2 + \rho \sum_a \|E w_a\|^2 x_a^2$, E the mesh basis, for all frames
    at once. A unit that does not move the metric's region, such as the tongue, gets 0.

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
        found[start : start + CHUNK, seen] = bounded_least_squares(gram, rows @ to_pull)
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
