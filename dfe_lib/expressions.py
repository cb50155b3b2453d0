"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Bool, Float

from .estimator import ExpressionEstimator, FaceNeutral, pretrained_estimator
from .morphable import MorphableModel
from .names import ACTIONS
from .smoothing import smooth_expressions
from .solver import HeadFit, LandmarkSolver, camera_axes
from .tables import N_LANDMARKS, REAL, expressions_schema, read_arrays, read_batches, table_writer

__all__ = ["FitSummary", "fit_clips", "head_poses"]

FRONT_END = "FaceLandmarker, Anny"
NEUTRAL_FRAMES = 300
"""Frames of a clip that its neutral is estimated from, evenly spread."""
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
        residual_mm: median distance of the landmarks from the fitted head.
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
    """Neutral face of each person in each clip; alone in their clips, a subject's clips count together."""
    seen: dict[Person, _Seen] = {}
    subjects: dict[Person, str] = {}
    for path in paths:
        found, subject = _seen(path)
        for person, rows in found.items():
            seen[person] = rows
            subjects[person] = subject if len(found) == 1 else "/".join(map(str, person))
    estimator = pretrained_estimator()
    together = {}
    for name in sorted(set(subjects.values())):
        parts = [seen[person] for person in seen if subjects[person] == name]
        landmarks, scores = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        together[name] = estimator.neutral_of_clip(landmarks, scores)
    return {person: together[subjects[person]] for person in seen}


def _seen(path: Path) -> tuple[dict[Person, _Seen], str]:
    """Landmarks and scores of each person of a clip, at most about NEUTRAL_FRAMES frames of it; the clip's subject."""
    stride = 1 + pq.read_metadata(path).num_rows // NEUTRAL_FRAMES
    found: dict[Person, list[_Seen]] = {}
    subject = path.stem
    for batch in read_batches(
        path, ["clip_id", "subject_id", "face_id", "frame", "detected", "blendshapes", "landmarks"]
    ):
        subject = str(batch["subject_id"][0])
        kept = batch["frame"] % stride == 0
        for person, here in _people(batch):
            rows = here & kept
            marks = batch["landmarks"][rows].reshape(-1, N_LANDMARKS, 3)
            found.setdefault(person, []).append((marks, batch["blendshapes"][rows]))
    joined = {
        person: (np.concatenate([marks for marks, _ in parts]), np.concatenate([scores for _, scores in parts]))
        for person, parts in found.items()
    }
    return joined, subject


def _people(batch: dict[str, np.ndarray]) -> list[tuple[Person, Bool[np.ndarray, " n"]]]:
    """Each person of a batch of one clip, and their rows."""
    faces = np.unique(batch["face_id"][batch["detected"]])
    return [((str(batch["clip_id"][0]), int(face)), batch["face_id"] == face) for face in faces]
