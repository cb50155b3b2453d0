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
    return Neutral(_rest(np.asarray(scores, float)), "clip", len(scores))


def _rest(scores: Float[np.ndarray, "n 51"]) -> Float[np.ndarray, "51"]:
    """Mode of each smoothed density times `exp(-score / PRIOR_SCALE)`, refined to the mean of the scores around it."""
    density = gaussian_filter1d(_counts(scores), BANDWIDTH * BINS, axis=1, mode="constant")
    centres = (np.arange(BINS) + 0.5) / BINS
    peak = centres[np.argmax(density * np.exp(-centres / PRIOR_SCALE), axis=1)]
    around = [column[np.abs(column - at) <= 2 * BANDWIDTH] for column, at in zip(scores.T, peak, strict=True)]
    means = np.array([near.mean() if len(near) else at for near, at in zip(around, peak, strict=True)])
    return np.minimum(means, CAP)


def _counts(scores: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "c b"]:
    """Histogram of each column over [0, 1]: all at once, for clips of a second are many."""
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1), scores, side="right") - 1
    bins = np.where(scores == 1, BINS - 1, bins)
    inside = (bins >= 0) & (bins < BINS)
    column = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    flat = np.bincount(column[inside] * BINS + bins[inside], minlength=scores.shape[1] * BINS)
    return flat.reshape(-1, BINS).astype(float)
