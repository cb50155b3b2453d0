"""A person's neutral face, read from what the person's face does most of the time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dfe_lib.names import BLENDSHAPES

__all__ = ["Neutral", "estimate_neutral", "half_sample_mode"]

MIN_FRAMES = 25
"""Fewer frames do not tell what a face does most of the time (about a second of video; our choice)."""


@dataclass(frozen=True)
class Neutral:
    """Blendshape scores of a person's neutral face.

    Arguments:
        scores: (51,) in [0, 1], in the order of `names.BLENDSHAPES`.
        source: `"clip"` (mode over the person's frames) or `"none"` (too few frames: zeros, nothing is calibrated).
        frames: how many frames told it.
    """

    scores: Float[np.ndarray, "51"]
    source: str
    frames: int

    def calibrate(self, scores: Float[np.ndarray, "*b 51"]) -> Float[np.ndarray, "*b 51"]:
        """Activation beyond the neutral face, in [0, 1]."""
        return np.clip(scores - self.scores, 0.0, 1.0)


def estimate_neutral(scores: Float[np.ndarray, "n 51"]) -> Neutral:
    """Neutral scores from all the frames of one person: the mode of each score.

    The mode is where the score rests; the mean would be drawn to the expressions and the least expressive frame to
    the detector's noise.

    >>> frames = np.full((100, 51), 0.2); frames[60:] = 0.9
    >>> float(estimate_neutral(frames).scores[0])
    0.2
    """
    if len(scores) < MIN_FRAMES:
        return Neutral(np.zeros(len(BLENDSHAPES)), "none", len(scores))
    return Neutral(half_sample_mode(scores.astype(float)), "clip", len(scores))


def half_sample_mode(values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Mode of each column: the densest half, again and again (Robertson and Cryer 1974; Bickel and Fruehwirth 2006).

    >>> half_sample_mode(np.array([[0.0], [1.0], [1.1], [1.2], [5.0]])).round(2).tolist()
    [1.1]
    """
    return np.array([_mode(np.sort(column)) for column in values.T])


def _mode(ordered: Float[np.ndarray, " n"]) -> float:
    while len(ordered) > 3:
        half = (len(ordered) + 1) // 2
        widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
        start = int(np.argmin(widths))
        ordered = ordered[start : start + half]
    if len(ordered) == 3:
        low, high = np.diff(ordered)
        return float(ordered[1] if low == high else ordered[:2].mean() if low < high else ordered[1:].mean())
    return float(ordered.mean())
