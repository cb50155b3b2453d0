"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from .estimator import ExpressionEstimator, FaceNeutral, pretrained_estimator
from .morphable import MorphableModel
from .names import ACTIONS
from .smoothing import smooth_expressions
from .solver import HeadFit, LandmarkSolver, camera_axes
from .tables import N_LANDMARKS, REAL, expressions_schema, read_arrays, read_batches, table_writer

__all__ = ["FitSummary", "fit_clips", "head_poses", "thinned"]

FRONT_END = "FaceLandmarker, Anny"
NEUTRAL_FRAMES = 300
"""Frames that a neutral is estimated from at most: of each person in each clip, or of a person's 68 landmarks."""
POSE_LANDMARKS = np.arange(0, 468, 4)
"""Every fourth landmark: enough for a pose, at a fraction of the cost."""
POSE_PRECISION = 2.0
Person = tuple[str, int]
"""A clip and a face_id in it."""
_Seen = tuple[np.ndarray, np.ndarray]
"""Landmarks (n, 478, 3) and scores (n, 51)."""
KEY = ["clip_id", "subject_id", "face_id", "frame", "time_s"]


@dataclass(frozen=True)
class FitSummary:
    """What became of one person in one clip.

    Arguments:
        neutral: where the neutral face came from, see `estimator.FaceNeutral`.
        residual_mm: median over the frames of `solver.HeadFit.residual_mm`; most of it is who the person is.
        smoothing_mm: how much smoothing changed the expressions, root mean square; 0 where nothing was smoothed.
    """

    clip_id: str
    subject_id: str
    face_id: int
    frames: int
    neutral: str
    neutral_frames: int
    residual_mm: float
    smoothing_mm: float = 0.0


def fit_clips(frames: Iterable[Path], folder: Path, head: MorphableModel, smoothing: str = "none") -> pd.DataFrame:
    """Writes `folder/<clip>.parquet` for each frames table, and returns one summary row a person and clip.

    A person's neutral is estimated over all the clips of the subject; the people of a clip that shows several are
    taken one by one.

    Arguments:
        smoothing: of `smoothing.SMOOTHINGS`; a still picture has nothing to smooth.
    """
    paths = sorted(frames)
    solver = LandmarkSolver(head, POSE_LANDMARKS, n_identity=0)
    fitter = _Fitter(pretrained_estimator(), solver, _neutrals(paths), smoothing, head.gram())
    rows = [row for path in paths for row in _fit_clip(path, folder / path.name, fitter)]
    return pd.DataFrame([asdict(row) for row in rows], columns=list(FitSummary.__annotations__))


def head_poses(
    landmarks: Float[np.ndarray, "n 478 3"],
    psi: Float[np.ndarray, "n 52"],
    solver: LandmarkSolver,
    iterations: int = 3,
) -> HeadFit:
    """Pose of each frame (pixels, camera axes), solved together with the expression, which `psi` draws to itself.

    With no iterations psi stays as it is and the pose is the closed-form one.
    """
    points = camera_axes(landmarks[:, POSE_LANDMARKS].astype(float))
    return solver.fit(points, prior=psi, precision=POSE_PRECISION, iterations=iterations)


def thinned(rows: np.ndarray) -> np.ndarray:
    """At most NEUTRAL_FRAMES of one person's rows, evenly spread.

    >>> thinned(np.arange(700))[-2:].tolist()
    [696, 699]
    """
    return rows[:: max(1, -(-len(rows) // NEUTRAL_FRAMES))]


@dataclass(frozen=True)
class _Fitter:
    """What turns frames into expressions."""

    estimator: ExpressionEstimator
    solver: LandmarkSolver
    neutrals: dict[Person, FaceNeutral]
    smoothing: str
    metric: Float[np.ndarray, "52 52"]

    def psi(self, batch: dict[str, np.ndarray]) -> Float[np.ndarray, "n 52"]:
        """Expressions frame by frame, NaN without a face."""
        psi = np.full((len(batch["detected"]), len(ACTIONS)), np.nan, np.float32)
        for person, here in _people(batch):
            landmarks = batch["landmarks"][here].reshape(-1, N_LANDMARKS, 3)
            psi[here] = self.estimator.estimate(landmarks, batch["blendshapes"][here], self.neutrals[person]).psi
        return psi

    def residual(self, batch: dict[str, np.ndarray], psi: Float[np.ndarray, "n 52"]) -> Float[np.ndarray, " n"]:
        """Distance of the landmarks from the head with these expressions, mm."""
        residual = np.full(len(psi), np.nan, np.float32)
        valid = np.isfinite(psi).all(1)
        landmarks = batch["landmarks"][valid].reshape(-1, N_LANDMARKS, 3)
        residual[valid] = head_poses(landmarks, psi[valid], self.solver, iterations=0).residual_mm
        return residual


def _fit_clip(path: Path, out: Path, fitter: _Fitter) -> list[FitSummary]:
    """Twice over the frames: a smoothed expression depends on those before and after it, and the residual on it."""
    clip = read_arrays(path, [*KEY, "detected"])
    raw = [np.empty((0, len(ACTIONS)), np.float32), *(fitter.psi(batch) for batch in _batches(path))]
    psi, change = _smoothed(clip, np.concatenate(raw), fitter)
    residual = np.empty(0, np.float32)
    with table_writer(out, expressions_schema(ACTIONS, FRONT_END)) as table:
        for batch in _batches(path):
            rows = psi[len(residual) : len(residual) + len(batch["frame"])]
            here = fitter.residual(batch, rows)
            told = {"psi": rows, "residual_mm": here, "valid": np.asarray(np.isfinite(here))}
            table.write({**{name: batch[name] for name in KEY}, "data": REAL, **told})
            residual = np.concatenate([residual, here])
    return [
        _summary(clip, person, fitter.neutrals[person], residual[here & np.isfinite(residual)], change[person])
        for person, here in _people(clip)
    ]


def _batches(path: Path) -> Iterator[dict[str, np.ndarray]]:
    return read_batches(path, [*KEY, "detected", "blendshapes", "landmarks"])


def _smoothed(
    clip: dict[str, np.ndarray], psi: Float[np.ndarray, "n 52"], fitter: _Fitter
) -> tuple[Float[np.ndarray, "n 52"], dict[Person, float]]:
    """Each person's expressions over the clip, smoothed, and by how much that changed them, mm."""
    smooth, change = psi.copy(), {}
    for person, here in _people(clip):
        found = smooth_expressions(psi[here], clip["time_s"][here].astype(float), fitter.metric, fitter.smoothing)
        smooth[here], change[person] = found.psi, found.change_mm
    return smooth, change


def _summary(
    clip: dict[str, np.ndarray], person: Person, neutral: FaceNeutral, residual: Float[np.ndarray, " n"], change: float
) -> FitSummary:
    median = float(np.median(residual)) if len(residual) else float("nan")
    subject, frames = str(clip["subject_id"][0]), len(clip["frame"])
    return FitSummary(person[0], subject, person[1], frames, neutral.source, neutral.frames, median, change)


def _neutrals(paths: list[Path]) -> dict[Person, FaceNeutral]:
    """Neutral face of each person in each clip; alone in their clips, a subject's clips count together.

    The frames of one subject, or of one clip that shows several people, are held at a time.
    """
    estimator = pretrained_estimator()
    alone: dict[str, list[Path]] = {}
    neutrals: dict[Person, FaceNeutral] = {}
    for path in paths:
        key = read_arrays(path, ["clip_id", "subject_id", "face_id", "detected"])
        people = _people(key)
        if len(people) == 1:
            alone.setdefault(str(key["subject_id"][0]), []).append(path)
        elif people:
            neutrals |= {person: estimator.neutral_of_clip(*rows) for person, rows in _seen(path).items()}
    for clips in alone.values():
        seen = {person: rows for path in clips for person, rows in _seen(path).items()}
        landmarks, scores = (np.concatenate(parts) for parts in zip(*seen.values(), strict=True))
        neutrals |= dict.fromkeys(seen, estimator.neutral_of_clip(landmarks, scores))
    return neutrals


def _seen(path: Path) -> dict[Person, _Seen]:
    """Landmarks and scores of each person of a clip, in at most NEUTRAL_FRAMES of that person's frames."""
    key = read_arrays(path, ["clip_id", "face_id", "detected"])
    kept = np.zeros(len(key["detected"]), bool)
    for _, here in _people(key):
        kept[thinned(np.flatnonzero(here))] = True
    found: dict[Person, list[_Seen]] = {}
    start = 0
    for batch in read_batches(path, ["clip_id", "face_id", "detected", "blendshapes", "landmarks"]):
        wanted = kept[start : start + len(batch["detected"])]
        start += len(wanted)
        for person, here in _people(batch):
            marks = batch["landmarks"][here & wanted].reshape(-1, N_LANDMARKS, 3)
            found.setdefault(person, []).append((marks, batch["blendshapes"][here & wanted]))
    return {
        person: (np.concatenate([marks for marks, _ in parts]), np.concatenate([scores for _, scores in parts]))
        for person, parts in found.items()
    }


def _people(batch: dict[str, np.ndarray]) -> list[tuple[Person, Bool[np.ndarray, " n"]]]:
    """Each person of a batch of one clip, and their rows."""
    faces = np.unique(batch["face_id"][batch["detected"]])
    return [((str(batch["clip_id"][0]), int(face)), batch["face_id"] == face) for face in faces]
