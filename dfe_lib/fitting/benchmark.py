"""How well expressions are estimated on rendered actors, whose truth is known."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import lsq_linear
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ..actors.benchmark_set import RenderedSet
from ..blendshapes import ACTIONS, REGIONS
from ..morphable.model import MM_PER_M, MorphableModel
from ..morphable.procrustes import LAYOUT_68, similarity
from .estimator import Estimate, ExpressionEstimator
from .solver import POSE_LANDMARKS, LandmarkSolver, camera_axes

__all__ = ["Predictions", "actor_estimate", "actor_psi", "fit_accuracy", "fit_channels", "fit_leakage", "fit_person",
           "fit_speed", "padded", "predictions"]  # fmt: skip

Predictions = Mapping[str, np.ndarray]
"""psi (n, 52) of every frame, by method."""
METHODS = ("blendshapes_calibrated", "landmarks_gn", "ours_landmarks", "ours")
"""`ours_landmarks` is ours without features, which tables of other programs lack."""
PARTS = {"all": "face"} | {name: name for name in REGIONS}
N_IDENTITY_FRAMES = 30
N_EXACT = 6
"""Actors that the solver is asked about with true landmarks, in double precision."""
ACTIVE, HALF = 0.5, 0.25
"""An action is active above 0.5; it is found when half of that or more is estimated, a false alarm when it was 0."""


def predictions(actors: RenderedSet, head: MorphableModel, estimator: ExpressionEstimator) -> Predictions:
    """psi (n, 52) of every method on the detected frames, calibrated on each actor's neutral frames."""
    found = {"neutral": np.zeros_like(actors.psi), "blendshapes": padded(actors.scores)}
    found |= {name: np.zeros_like(actors.psi) for name in METHODS}
    found["landmarks_gn"] = _gauss_newton(head, POSE_LANDMARKS, actors)
    for actor in np.unique(actors.actor):
        rows = actors.actor == actor
        rest = rows & actors.neutral
        found["blendshapes_calibrated"][rows] = padded(actors.scores[rows] - actors.scores[rest].mean(0))
        found["ours"][rows] = actor_psi(actors, rows, estimator)
        found["ours_landmarks"][rows] = actor_psi(actors, rows, estimator, features=False)
    return found


def actor_estimate(
    actors: RenderedSet, rows: Bool[np.ndarray, " n"], estimator: ExpressionEstimator, features: bool = True
) -> Estimate:
    """Estimates of one actor's frames, calibrated on the neutral ones among them.

    Arguments:
        features: whether the features are used, beside landmarks and scores.
    """
    rest = rows & actors.neutral
    known = actors.features if features else np.full_like(actors.features, np.nan)
    neutral = estimator.neutral_of_frames(actors.landmarks[rest], actors.scores[rest], known[rest])
    return estimator.estimate(actors.landmarks[rows], actors.scores[rows], neutral, known[rows])


def actor_psi(
    actors: RenderedSet, rows: Bool[np.ndarray, " n"], estimator: ExpressionEstimator, features: bool = True
) -> Float[np.ndarray, "k 52"]:
    """psi alone of :func:`actor_estimate`."""
    return actor_estimate(actors, rows, estimator, features).psi


def _gauss_newton(head: MorphableModel, chosen: Int[np.ndarray, " l"], actors: RenderedSet) -> np.ndarray:
    """The joint fit to detected landmarks, on the identity that 30 frames of each person give."""
    psi = np.zeros_like(actors.psi)
    for actor in np.unique(actors.actor):
        rows = actors.actor == actor
        psi[rows] = fit_person(head, chosen, actors.landmarks[rows][:, chosen])
    return psi


def fit_person(
    head: MorphableModel, chosen: Int[np.ndarray, " l"], pixels: Float[np.ndarray, "n l 3"], precision: float = 1.0
) -> Float[np.ndarray, "n 52"]:
    solver, points = LandmarkSolver(head, chosen, n_identity=20, dtype=torch.float32), camera_axes(pixels.astype(float))
    frames = np.linspace(0, len(points) - 1, min(N_IDENTITY_FRAMES, len(points))).astype(int)
    beta = solver.fit_identity(points[frames], precision=precision, identity_precision=precision)
    return solver.fit(points, beta.astype(float), precision=precision, iterations=5).psi.astype(float)


def padded(scores: Float[np.ndarray, "n 51"]) -> Float[np.ndarray, "n 52"]:
    return np.pad(np.clip(scores, 0, 1), ((0, 0), (0, 1)))


def fit_accuracy(
    actors: RenderedSet, found: Predictions, head: MorphableModel, small: ExpressionEstimator | None = None
) -> pd.DataFrame:
    """Error in mm of each method, by condition and region: n, mean_mm, median_mm, p90_mm.

    Arguments:
        found: of :func:`predictions`.
        small: the estimator for 68 landmarks; without it that condition has the other methods alone.
    """
    expressive = ~actors.neutral
    rows = []
    for condition in ("rendered", "rendered_large_pose", "rendered_low_quality"):
        here = expressive & (actors.condition == condition)
        for method, psi in found.items():
            rows += _errors(head, method, condition, psi[here] - actors.psi[here])
    frontal = actors.only(actors.neutral | (actors.condition == "rendered"))
    few = frontal.only(frontal.actor < N_EXACT)
    for method, psi in _on_exact(few, head).items():
        rows += _errors(head, method, "exact_landmarks", psi - few.psi[~few.neutral])
    for method, psi in _on_68(frontal, head, small).items():
        rows += _errors(head, method, "landmarks68", psi - frontal.psi[~frontal.neutral])
    return pd.DataFrame(rows)


def _errors(
    head: MorphableModel, method: str, condition: str, error: Float[np.ndarray, "n 52"]
) -> list[dict[str, str | int | float]]:
    rows = []
    areas = head.areas()
    for name, region in PARTS.items():
        inside = head.region(region)
        weight = areas[inside] / areas[inside].sum()
        moved = np.tensordot(error.astype(np.float32), head.expression[:, inside] * np.float32(MM_PER_M), 1)
        mm = np.linalg.norm(moved, axis=2) @ weight
        rows.append({"method": method, "condition": condition, "region": name, "n": len(mm), "mean_mm": mm.mean(),
                     "median_mm": np.median(mm), "p90_mm": np.quantile(mm, 0.9)})  # fmt: skip
    return rows


def _on_exact(actors: RenderedSet, head: MorphableModel) -> dict[str, Float[np.ndarray, "n 52"]]:
    """The solver on true landmarks: identity known, and estimated from the actor's frames."""
    half = np.arange(0, 478, 2)
    solver, points = LandmarkSolver(head, half, n_identity=60), actors.exact(head)
    shown, truth = ~actors.neutral, np.zeros((int((~actors.neutral).sum()), len(ACTIONS)))
    found = {"neutral": truth, "landmarks_gn": truth.copy(), "landmarks_gn_known_identity": truth.copy()}
    for actor in np.unique(actors.actor):
        own = actors.actor == actor
        here = own[shown]
        beta = solver.fit_identity(points[own][:N_IDENTITY_FRAMES, half], precision=1e-3, identity_precision=1e-3)
        found["landmarks_gn"][here] = solver.fit(points[own & shown][:, half], beta, precision=1e-5).psi
        known = LandmarkSolver(_with_rest(head, actors.rest[actor]), half, n_identity=0)
        exact = points[own & shown][:, half]
        found["landmarks_gn_known_identity"][here] = known.fit(exact, precision=1e-6, iterations=12).psi
    return found


@dataclass(frozen=True)
class _Known(MorphableModel):
    """A head whose landmarks are already those of one person."""

    def landmark_model(self) -> MorphableModel:
        return self


def _with_rest(head: MorphableModel, rest: Float[np.ndarray, "l 3"]) -> MorphableModel:
    marks = head.landmark_model()
    template = (rest / MM_PER_M).astype(marks.template.dtype)
    return _Known(template, marks.identity[:0], marks.expression, marks.names, marks.faces)


def _on_68(
    actors: RenderedSet, head: MorphableModel, small: ExpressionEstimator | None
) -> dict[str, Float[np.ndarray, "n 52"]]:
    """Methods that need nothing but the 68 landmarks."""
    chosen, shown = np.array(LAYOUT_68), ~actors.neutral
    found = {"neutral": np.zeros_like(actors.psi), "landmarks_gn": _gauss_newton(head, chosen, actors)}
    if small is not None:
        found["ours"] = np.zeros_like(actors.psi)
        for actor in np.unique(actors.actor):
            rows = actors.actor == actor
            neutral = small.neutral_of_frames(actors.landmarks[rows & actors.neutral][:, chosen, :2])
            found["ours"][rows] = small.estimate(actors.landmarks[rows][:, chosen, :2], neutral=neutral).psi
    return {method: psi[shown] for method, psi in found.items()}


def fit_channels(actors: RenderedSet, found: Predictions) -> pd.DataFrame:
    """For each action and method: recall of strong activations, false alarms, correlation, and whether it is dead.

    Arguments:
        found: of :func:`predictions`.
    """
    good = ~actors.neutral & (actors.condition == "rendered")
    rows = []
    for method in ("blendshapes_calibrated", "ours_landmarks", "ours"):
        for k, action in enumerate(ACTIONS):
            truth, estimated = actors.psi[good, k], found[method][good, k]
            strong, absent = truth > ACTIVE, truth == 0
            recall = float((estimated[strong] > HALF).mean()) if strong.any() else np.nan
            correlation = float(np.corrcoef(truth, estimated)[0, 1]) if estimated.std() > 0 and truth.std() > 0 else 0.0
            rows.append({"method": method, "action": action, "n_active": int(strong.sum()), "recall": recall,
                         "false_alarms": float((estimated[absent] > HALF).mean()), "correlation": correlation,
                         "dead": correlation < 0.1})  # fmt: skip
    return pd.DataFrame(rows)


def fit_leakage(actors: RenderedSet, found: Predictions, estimator: ExpressionEstimator) -> pd.DataFrame:
    """What a representation gives away of identity and head pose; an expression gives away neither.

    Columns: share of frames (`1nn`) and of actors' means (`1nn_of_means`) whose nearest neighbour is the same actor,
    `chance`, and cross-validated `r2_yaw` and `r2_pitch`.
    """
    here = ~actors.neutral & (actors.condition != "rendered_low_quality")
    shape = estimator.aligned(actors.landmarks)
    angles = np.degrees(_true_angles(actors.rotation))
    features = {"ours": found["ours"], "features": actors.features, "blendshapes": found["blendshapes"],
                "blendshapes_calibrated": found["blendshapes_calibrated"],
                "landmarks": PCA(52, random_state=0).fit_transform(shape.reshape(len(shape), -1))}  # fmt: skip
    rows = []
    for method, values in features.items():
        x, who = StandardScaler().fit_transform(values[here]), actors.actor[here]
        rows.append({"method": method, "1nn": _same_nearest(x, who), "1nn_of_means": _same_mean(x, who),
                     "chance": 1 / len(np.unique(who)), "r2_yaw": _explained(x, angles[here, 0], who),
                     "r2_pitch": _explained(x, angles[here, 1], who)})  # fmt: skip
    return pd.DataFrame(rows)


def _true_angles(rotation: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 2"]:
    return np.stack([np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2]), np.arcsin(-rotation[:, 1, 2])], 1)


def _same_nearest(x: np.ndarray, who: np.ndarray) -> float:
    """Share of frames whose nearest other frame shows the same actor."""
    nearest = NearestNeighbors(n_neighbors=2).fit(x).kneighbors(x, return_distance=False)
    other = np.where(nearest[:, 0] == np.arange(len(x)), nearest[:, 1], nearest[:, 0])
    return float((who[other] == who).mean())


def _same_mean(x: np.ndarray, who: np.ndarray) -> float:
    """Share of actors whose mean over every second frame lies nearest to the mean over their other frames."""
    half = np.arange(len(x)) % 2 == 0
    people = np.unique(who)
    first, second = (np.stack([x[part & (who == person)].mean(0) for person in people]) for part in (half, ~half))
    gaps = np.linalg.norm(first[:, None] - second, axis=2)
    return float((gaps.argmin(1) == np.arange(len(gaps))).mean())


def _explained(x: np.ndarray, y: np.ndarray, who: np.ndarray) -> float:
    """Cross-validated R2 of a ridge regression, folds by actor; 0 when nothing can be predicted."""
    guess = cross_val_predict(Ridge(10.0), x, y, groups=who, cv=GroupKFold(5))
    return float(max(0.0, 1 - np.square(y - guess).sum() / np.square(y - y.mean()).sum()))


def fit_speed(
    actors: RenderedSet, head: MorphableModel, estimator: ExpressionEstimator, batch: int = 1024, slow: int = 8
) -> pd.DataFrame:
    """Frames a second of each method, in one run: `batch` frames at once, and `slow` of them one by one with scipy.

    The solver takes one thread, and so does scipy, whose small systems only lose by a second one.
    """
    rows = np.arange(batch) % len(actors.psi)
    landmarks, scores = actors.landmarks[rows].astype(np.float32), actors.scores[rows].astype(np.float32)
    features = actors.features[rows].astype(np.float32)
    neutral = estimator.neutral_of_frames(landmarks[:4], scores[:4], features[:4])
    solver = LandmarkSolver(head, n_identity=0, dtype=torch.float32)
    points = camera_axes(landmarks.astype(float))
    tasks: dict[str, tuple[int, Callable[[], object]]] = {
        "blendshapes_calibrated": (batch, lambda: np.clip(scores - scores[:4].mean(0), 0, 1)),
        "ours": (batch, lambda: estimator.estimate(landmarks, scores, neutral, features)),
        "ours_landmarks": (batch, lambda: estimator.estimate(landmarks, scores, neutral)),
        "landmarks_gn": (batch, lambda: solver.fit(points)),
        "lsq_linear": (slow, lambda: _one_by_one(head, points[:slow])),
    }
    return pd.DataFrame(
        [{"method": name, "frames": n, "frames_per_s": n / _fastest(task)} for name, (n, task) in tasks.items()]
    )


def _fastest(task: Callable[[], object], rounds: int = 3) -> float:
    def once() -> float:
        start = time.perf_counter()
        task()
        return time.perf_counter() - start

    return min(once() for _ in range(rounds))


def _one_by_one(head: MorphableModel, points: Float[np.ndarray, "n l 3"], rounds: int = 8) -> list[np.ndarray]:
    """Pose by Procrustes and psi by bounded least squares in turns, as often as the joint solver steps."""
    marks = head.landmark_model()
    template, basis = marks.template.astype(float) * MM_PER_M, marks.expression.astype(float) * MM_PER_M
    system = basis.reshape(len(basis), -1).T
    found = []
    with threadpool_limits(1):
        for target in points:
            psi = np.zeros(len(basis))
            for _ in range(rounds):
                goal = template + np.tensordot(psi, basis, 1)
                placed = similarity(target[None], goal[None])[0]
                psi = lsq_linear(system, (placed - template).ravel(), (0, 1)).x
            found.append(psi)
    return found
