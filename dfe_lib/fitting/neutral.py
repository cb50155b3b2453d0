"""A person's neutral face, read from what the person's face does most of the time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from ..blendshapes import BLENDSHAPES

__all__ = ["Neutral", "estimate_neutral"]

MIN_FRAMES = 25
"""Fewer frames do not show what a face does most of the time (about a second of video; our choice)."""
BINS = 100
BANDWIDTH = 0.03
PRIOR_SCALE = 0.2
"""Scale of the prior over neutral scores: most are below this (our choice)."""
CAP = 0.5
"""A score that never rests below this is an expression held all along, not somebody's neutral (our choice)."""


@dataclass(frozen=True)
class Neutral:
    """Blendshape scores of a person's neutral face.

    Arguments:
        scores: (51,) in [0, 1], in the order of `names.BLENDSHAPES`.
        source: `"clip"` (read from the person's frames) or `"none"` (too few frames: zeros, nothing is calibrated).
        frames: how many frames it was estimated from.
    """

    scores: Float[np.ndarray, "51"]
    source: str
    frames: int


def estimate_neutral(scores: Float[np.ndarray, "n 51"]) -> Neutral:
    """Neutral scores from all the frames of one person: where each score rests, as far as that is near 0.

    The mean would be drawn to the expressions, the least expressive frame to the detector's noise, and the plain mode
    to the expression of a person who smiles most of the time. So: the mode under a prior that falls with the score.

    >>> frames = np.full((100, 51), 0.1); frames[40:] = 0.9
    >>> float(estimate_neutral(frames).scores[0])
    0.1
    """
    if len(scores) < MIN_FRAMES:
        return Neutral(np.zeros(len(BLENDSHAPES)), "none", len(scores))
    return Neutral(np.array([_rest(column) for column in scores.T.astype(float)]), "clip", len(scores))


def _rest(scores: Float[np.ndarray, " n"]) -> float:
    """Mode of the smoothed density times `exp(-score / PRIOR_SCALE)`, refined to the mean of the scores around it."""
    counts, _ = np.histogram(scores, bins=BINS, range=(0, 1))
    density = gaussian_filter1d(counts.astype(float), BANDWIDTH * BINS, mode="constant")
    centres = (np.arange(BINS) + 0.5) / BINS
    peak = centres[np.argmax(density * np.exp(-centres / PRIOR_SCALE))]
    around = scores[np.abs(scores - peak) <= 2 * BANDWIDTH]
    return float(min(around.mean() if len(around) else peak, CAP))
