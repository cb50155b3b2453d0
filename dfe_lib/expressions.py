"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Bool, Float

from .morphable import MorphableModel
from .names import ACTIONS, BLENDSHAPES
from .neutral import Neutral, estimate_neutral
from .solver import HeadFit, LandmarkSolver, camera_axes
from .tables import N_LANDMARKS, expressions_schema, read_batches, table_writer

__all__ = ["FitSummary", "fit_clips", "head_poses", "psi_of"]

FRONT_END = "FaceLandmarker, Anny"
NEUTRAL_FRAMES = 2000
"""Frames of a clip that its neutral is estimated from, evenly spread."""
POSE_LANDMARKS = np.arange(0, 468, 4)
"""Every fourth landmark: enough for a pose, at a fraction of the cost."""
POSE_PRECISION = 2.0
Person = tuple[str, int]
"""A clip and a face_id in it."""
KEY = ["clip_id", "subject_id", "face_id", "frame", "time_s"]


@dataclass(frozen=True)
class FitSummary:
    """What became of one person in one clip.

    Arguments:
        neutral: where the neutral face came from, see `neutral.Neutral`.
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
    neutrals = _neutrals(paths)
    solver = LandmarkSolver(head, POSE_LANDMARKS, n_identity=0)
    rows = [row for path in paths for row in _fit_clip(path, folder / path.name, neutrals, solver)]
    return pd.DataFrame([asdict(row) for row in rows], columns=list(FitSummary.__annotations__))


def psi_of(scores: Float[np.ndarray, "n 51"], neutral: Neutral) -> Float[np.ndarray, "n 52"]:
    """Expression coefficients in [0, 1] from FaceLandmarker's scores; it does not see the tongue, which stays 0."""
    psi = np.zeros((len(scores), len(ACTIONS)), np.float32)
    psi[:, : len(BLENDSHAPES)] = neutral.calibrate(scores)
    return psi


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


def _fit_clip(path: Path, out: Path, neutrals: dict[Person, Neutral], solver: LandmarkSolver) -> list[FitSummary]:
    residuals: dict[Person, list[np.ndarray]] = {}
    frames = 0
    with table_writer(out, expressions_schema(ACTIONS, FRONT_END)) as table:
        for batch in read_batches(path, [*KEY, "detected", "blendshapes", "landmarks"]):
            rows = _fit_batch(batch, neutrals, solver)
            table.write({name: batch[name] for name in KEY} | rows)
            frames += len(rows["valid"])
            for person, here in _people(batch):
                residuals.setdefault(person, []).append(rows["residual_mm"][here])
    subject = str(batch["subject_id"][0])
    return [
        FitSummary(path.stem, subject, person[1], frames, neutrals[person].source, neutrals[person].frames,
                   float(np.median(np.concatenate(parts))))
        for person, parts in residuals.items()
    ]  # fmt: skip


def _fit_batch(batch: dict[str, np.ndarray], neutrals: dict[Person, Neutral], solver: LandmarkSolver) -> dict:
    count = len(batch["detected"])
    psi = np.full((count, len(ACTIONS)), np.nan, np.float32)
    residual = np.full(count, np.nan, np.float32)
    for person, here in _people(batch):
        psi[here] = psi_of(batch["blendshapes"][here], neutrals[person])
        landmarks = batch["landmarks"][here].reshape(-1, N_LANDMARKS, 3)
        residual[here] = head_poses(landmarks, psi[here], solver, iterations=0).residual_mm
    return {"psi": psi, "residual_mm": residual, "valid": np.isfinite(residual)}


def _neutrals(paths: list[Path]) -> dict[Person, Neutral]:
    """Neutral of each person in each clip; alone in their clips, a subject's clips count together."""
    seen: dict[Person, np.ndarray] = {}
    subjects: dict[Person, str] = {}
    for path in paths:
        scores, subject = _scores(path)
        for person, rows in scores.items():
            seen[person] = rows
            subjects[person] = subject if len(scores) == 1 else "/".join(map(str, person))
    together = {
        name: estimate_neutral(np.concatenate([seen[person] for person in seen if subjects[person] == name]))
        for name in set(subjects.values())
    }
    return {person: together[subjects[person]] for person in seen}


def _scores(path: Path) -> tuple[dict[Person, np.ndarray], str]:
    """Blendshape scores of each person of a clip, at most about NEUTRAL_FRAMES frames of it, and the clip's subject."""
    stride = 1 + pq.read_metadata(path).num_rows // NEUTRAL_FRAMES
    found: dict[Person, list[np.ndarray]] = {}
    subject = path.stem
    for batch in read_batches(path, ["clip_id", "subject_id", "face_id", "frame", "detected", "blendshapes"]):
        subject = str(batch["subject_id"][0])
        kept = batch["frame"] % stride == 0
        for person, here in _people(batch):
            found.setdefault(person, []).append(batch["blendshapes"][here & kept])
    return {person: np.concatenate(parts) for person, parts in found.items()}, subject


def _people(batch: dict[str, np.ndarray]) -> list[tuple[Person, Bool[np.ndarray, " n"]]]:
    """Each person of a batch of one clip, and their rows."""
    faces = np.unique(batch["face_id"][batch["detected"]])
    return [((str(batch["clip_id"][0]), int(face)), batch["face_id"] == face) for face in faces]
