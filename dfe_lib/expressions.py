"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Bool, Float

from .estimator import ExpressionEstimator, FaceNeutral, pretrained_estimator
from .morphable import MorphableModel
from .names import ACTIONS
from .solver import HeadFit, LandmarkSolver, camera_axes
from .tables import N_LANDMARKS, REAL, expressions_schema, read_batches, table_writer

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
    """

    clip_id: str
    subject_id: str
    face_id: int
    frames: int
    neutral: str
    neutral_frames: int
    residual_mm: float


def fit_clips(frames: Iterable[Path], folder: Path, head: MorphableModel) -> pd.DataFrame:
    """Writes `folder/<clip>.parquet` for each frames table, and returns one summary row a person and clip.

    A person's neutral is estimated over all the clips of the subject; the people of a clip that shows several are
    taken one by one.
    """
    paths = sorted(frames)
    fitter = _Fitter(pretrained_estimator(), LandmarkSolver(head, POSE_LANDMARKS, n_identity=0), _neutrals(paths))
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
    """What turns a batch of frames into expressions."""

    estimator: ExpressionEstimator
    solver: LandmarkSolver
    neutrals: dict[Person, FaceNeutral]

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        count = len(batch["detected"])
        psi = np.full((count, len(ACTIONS)), np.nan, np.float32)
        residual = np.full(count, np.nan, np.float32)
        for person, here in _people(batch):
            landmarks = batch["landmarks"][here].reshape(-1, N_LANDMARKS, 3)
            estimate = self.estimator.estimate(landmarks, batch["blendshapes"][here], self.neutrals[person])
            rows = np.flatnonzero(here)[estimate.valid]
            psi[rows] = estimate.psi[estimate.valid]
            poses = head_poses(landmarks[estimate.valid], psi[rows], self.solver, iterations=0)
            residual[rows] = poses.residual_mm
        return {"psi": psi, "residual_mm": residual, "valid": np.asarray(np.isfinite(residual))}


def _fit_clip(path: Path, out: Path, fitter: _Fitter) -> list[FitSummary]:
    residuals: dict[Person, list[np.ndarray]] = {}
    frames = 0
    with table_writer(out, expressions_schema(ACTIONS, FRONT_END)) as table:
        for batch in read_batches(path, [*KEY, "detected", "blendshapes", "landmarks"]):
            rows = fitter(batch)
            table.write({**{name: batch[name] for name in KEY}, "data": REAL, **rows})
            frames += len(rows["valid"])
            for person, here in _people(batch):
                residuals.setdefault(person, []).append(rows["residual_mm"][here & rows["valid"]])
    return [
        _summary(person, str(batch["subject_id"][0]), frames, fitter.neutrals[person], np.concatenate(parts))
        for person, parts in residuals.items()
    ]


def _summary(
    person: Person, subject: str, frames: int, neutral: FaceNeutral, residual: Float[np.ndarray, " n"]
) -> FitSummary:
    median = float(np.median(residual)) if len(residual) else float("nan")
    return FitSummary(person[0], subject, person[1], frames, neutral.source, neutral.frames, median)


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
    joined = {person: tuple(map(np.concatenate, zip(*parts, strict=True))) for person, parts in found.items()}
    return joined, subject


def _people(batch: dict[str, np.ndarray]) -> list[tuple[Person, Bool[np.ndarray, " n"]]]:
    """Each person of a batch of one clip, and their rows."""
    faces = np.unique(batch["face_id"][batch["detected"]])
    return [((str(batch["clip_id"][0]), int(face)), batch["face_id"] == face) for face in faces]
