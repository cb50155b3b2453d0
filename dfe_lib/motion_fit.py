"""What smoothing does to moving actors whose truth is known."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from .estimator import ExpressionEstimator
from .fit_benchmark import padded
from .morphable import MorphableModel
from .rendered_actors import RenderedSet
from .smoothing import smooth_expressions
from .stage import FPS

__all__ = ["fit_smoothing"]

MEANS = ["error_mm", "moving_mm", "jitter_mm", "smoothing_mm"]


def fit_smoothing(actors: RenderedSet, head: MorphableModel, estimator: ExpressionEstimator) -> pd.DataFrame:
    """Error, tremble and change of each smoothing, and of calibrated scores, in mm over the face.

    Columns: `error_mm`, the mean over all frames, and `moving_mm` over those in which the expression changes;
    `jitter_mm`, the median change between frames in which it does not; `smoothing_mm`, what the smoothing took away.
    Neutral faces are read from the clip.

    Arguments:
        actors: of `motion.film_motion`, frames in order.
    """
    rows = []
    for actor in np.unique(actors.actor):
        own = actors.only(actors.actor == actor)
        neutral = estimator.neutral_of_clip(own.landmarks, own.scores)
        raw = estimator.estimate(own.landmarks, own.scores, neutral).psi.astype(float)
        time_s, metric = np.arange(len(raw)) / FPS, head.gram()
        told = {"blendshapes_calibrated": (padded(own.scores - neutral.scores.numpy()), 0.0), "ours": (raw, 0.0)}
        for method in ("one_euro", "bilateral"):
            smooth = smooth_expressions(raw, time_s, metric, method)
            told[f"ours_{method}"] = (smooth.psi, smooth.change_mm)
        rows += [{"method": name, "frames": len(raw)} | _measures(psi, own.psi, metric) | {"smoothing_mm": change}
                 for name, (psi, change) in told.items()]  # fmt: skip
    table = pd.DataFrame(rows).groupby("method", sort=False).agg({"frames": "sum"} | dict.fromkeys(MEANS, "mean"))
    return table.reset_index()


def _measures(
    psi: Float[np.ndarray, "n 52"], truth: Float[np.ndarray, "n 52"], metric: Float[np.ndarray, "52 52"]
) -> dict[str, float]:
    error, steps = _size(psi - truth, metric), _size(np.diff(psi, axis=0), metric)
    still = (np.diff(truth, axis=0) == 0).all(1)
    return {
        "error_mm": error.mean(),
        "moving_mm": error[1:][~still].mean(),
        "jitter_mm": float(np.median(steps[still])),
    }


def _size(gap: Float[np.ndarray, "n 52"], metric: Float[np.ndarray, "52 52"]) -> Float[np.ndarray, " n"]:
    return np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", gap, metric, gap), 0))
