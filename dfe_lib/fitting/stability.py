"""The fit on real clips, where psi is not known: what it explains of the landmarks, and how much it trembles."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from ..actors.benchmark_set import RenderedSet
from ..actors.filming import FPS
from ..blendshapes import ACTIONS
from ..morphable.metric import mesh_length
from ..morphable.model import MM_PER_M, MorphableModel
from ..morphable.procrustes import similarity
from .benchmark import fit_person, padded
from .estimator import ExpressionEstimator, FaceNeutral
from .smoothing import smooth_expressions
from .solver import POSE_LANDMARKS

__all__ = ["fit_real", "fit_smoothing"]


def fit_real(
    clips: Mapping[str, tuple[np.ndarray, ...]],
    head: MorphableModel,
    estimator: ExpressionEstimator,
) -> pd.DataFrame:
    """Real clips, where psi is not known: how well each method's face explains the landmarks, and how much it trembles.

    The person's neutral landmarks are, for each method, those with which it explains the clip best: the mean of what
    its expressions leave over. `reprojection_percent` is the median distance in the picture of the 478 landmarks from
    the explained ones, in percent of the distance between the eyes' outer corners; `jitter_mm` the median change over
    the face between neighbouring frames of the stillest quarter of the clip; `smoothing_mm` how much smoothing changed.

    Arguments:
        clips: landmarks (n, 478, 3) in pixels, scores (n, 51), features (n, 448) and times (n,) of one person's frames,
            in order, by name.
            Frames in which the estimator sees no upright face are left out, and clips that have fewer than two others.
    """
    rows = []
    basis = head.landmark_model().expression.astype(float) * MM_PER_M
    metric = head.gram()
    for clip, (landmarks, scores, features, time_s) in clips.items():
        neutral = estimator.neutral_of_clip(landmarks, scores, features)
        ours = estimator.estimate(landmarks, scores, neutral, features)
        if ours.valid.sum() < 2:
            continue
        landmarks, scores, time_s = (part[ours.valid] for part in (landmarks, scores, time_s))
        still = _stillest(estimator.aligned(landmarks))
        found = _others(landmarks, scores, head, neutral) | {"ours": ours.psi[ours.valid].astype(float)}
        smoothed = smooth_expressions(found["ours"], time_s.astype(float), metric)
        for method, psi in (found | {"ours_smoothed": smoothed.psi}).items():
            gap = np.diff(psi, axis=0)[still]
            jitter = np.median(mesh_length(gap, metric))
            change = smoothed.change_mm if method == "ours_smoothed" else 0.0
            rows.append({"data": "real", "clip": clip, "method": method, "frames": len(psi),
                         "reprojection_percent": _reprojection(landmarks, psi, basis), "jitter_mm": float(jitter),
                         "smoothing_mm": change})  # fmt: skip
    return pd.DataFrame(rows)


def _others(
    landmarks: np.ndarray, scores: np.ndarray, head: MorphableModel, neutral: FaceNeutral
) -> dict[str, Float[np.ndarray, "n 52"]]:
    """psi of the methods that ours is compared with."""
    return {
        "neutral": np.zeros((len(scores), len(ACTIONS))),
        "blendshapes": padded(scores),
        "blendshapes_calibrated": padded(scores - neutral.scores.numpy()),
        "landmarks_gn": fit_person(head, POSE_LANDMARKS, landmarks[:, POSE_LANDMARKS]),
    }


def _reprojection(
    landmarks: Float[np.ndarray, "n l 3"], psi: Float[np.ndarray, "n e"], basis: Float[np.ndarray, "e l 3"]
) -> float:
    moved = np.tensordot(psi, basis, 1)
    observed = landmarks.astype(float) * [1, -1, -1]
    rest = observed[0] * (90.0 / np.linalg.norm(observed[0, 33] - observed[0, 263]))
    for _ in range(4):
        rest = (similarity(observed, rest + moved) - moved).mean(0)
    back = similarity(rest + moved, observed)
    gap = np.linalg.norm((back - observed)[..., :2], axis=2).mean(1)
    return float(np.median(100 * gap / np.linalg.norm(observed[:, 33] - observed[:, 263], axis=1)))


def _stillest(points: Float[np.ndarray, "n l 3"]) -> Bool[np.ndarray, " m"]:
    """Steps between neighbouring frames in which the landmarks move least."""
    step = np.sqrt(np.square(np.diff(points, axis=0)).mean((1, 2)))
    return step <= np.quantile(step, 0.25)


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
        neutral = estimator.neutral_of_clip(own.landmarks, own.scores, own.features)
        raw = estimator.estimate(own.landmarks, own.scores, neutral, own.features).psi.astype(float)
        time_s, metric = np.arange(len(raw)) / FPS, head.gram()
        methods = {"blendshapes_calibrated": (padded(own.scores - neutral.scores.numpy()), 0.0), "ours": (raw, 0.0)}
        for method in ("one_euro", "bilateral"):
            smooth = smooth_expressions(raw, time_s, metric, method)
            methods[f"ours_{method}"] = (smooth.psi, smooth.change_mm)
        rows += [{"method": name, "frames": len(raw)} | _measures(psi, own.psi, metric) | {"smoothing_mm": change}
                 for name, (psi, change) in methods.items()]  # fmt: skip
    table = pd.DataFrame(rows).groupby("method", sort=False).agg({"frames": "sum"} | dict.fromkeys(MEANS, "mean"))
    return table.reset_index()


def _measures(
    psi: Float[np.ndarray, "n 52"], truth: Float[np.ndarray, "n 52"], metric: Float[np.ndarray, "52 52"]
) -> dict[str, float]:
    error, steps = mesh_length(psi - truth, metric), mesh_length(np.diff(psi, axis=0), metric)
    still = (np.diff(truth, axis=0) == 0).all(1)
    return {
        "error_mm": error.mean(),
        "moving_mm": error[1:][~still].mean(),
        "jitter_mm": float(np.median(steps[still])),
    }
