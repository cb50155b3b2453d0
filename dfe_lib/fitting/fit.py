"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Bool, Float

from ..blendshapes import ACTIONS
from ..errors import UserError
from ..io.tables import (
    N_LANDMARKS,
    REAL,
    coefficient_names,
    expressions_schema,
    read_arrays,
    read_batches,
    read_metadata,
    remove_others,
    table_writer,
)
from ..morphable.model import MorphableModel
from ..morphable.procrustes import LAYOUT_68
from .estimator import ExpressionEstimator, FaceNeutral, pretrained_estimator
from .smoothing import smooth_expressions
from .solver import HeadFit, LandmarkSolver, camera_axes

__all__ = ["FitSummary", "LandmarkFit", "fit_clips", "fit_tables", "head_poses", "thinned"]

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


INNER = np.arange(17, 68)
"""The jaw line is left out: its points slide along the face as the head turns."""


def fit_tables(
    frames: Iterable[Path], folder: Path, head: MorphableModel | None, smoothing: str = "none"
) -> pd.DataFrame:
    """Writes `folder/<clip>.parquet` for each frames table, whatever it came from; one summary row a person and clip.

    Tables of action units alone have no expressions: they get a summary row that says so, and no table. Afterwards the
    folder has no table of any other clip.

    Arguments:
        frames: frames tables: all the clips of a run.
        folder: where the expressions tables go.
        head: Anny's head; None will do where every table has psi already.
        smoothing: of `smoothing.SMOOTHINGS`; psi that a table has already stays as it is.
    """
    paths = sorted(frames)
    kinds = {path: _kind(path) for path in paths}
    if head is None and {"scores", "landmarks"} & set(kinds.values()):
        raise UserError("landmarks and scores need Anny's head to become expressions: give anny_head().")
    own = [path for path in paths if kinds[path] == "scores"]
    parts = [fit_clips(own, folder, head, smoothing)] if own and head else []
    marked = [path for path in paths if kinds[path] == "landmarks"]
    fitted = _fit_landmarks(marked, folder, head, smoothing) if marked and head else []
    given = [_keep(path, folder / path.name) for path in paths if kinds[path] == "psi"]
    without = [_nothing(path) for path in paths if kinds[path] == "neither"]
    rows = [asdict(row) for row in (*fitted, *given, *without)]
    table = pd.concat([*parts, pd.DataFrame(rows, columns=list(FitSummary.__annotations__))] if rows else parts)
    remove_others(folder, [path.stem for path in paths if kinds[path] != "neither"])
    return table.sort_values(["clip_id", "face_id"], ignore_index=True)


class LandmarkFit:
    """psi of one person from 68 landmarks, relative to that person's face at rest.

    Arguments:
        head: Anny's head, for the residual and the metric.
        pixels: (n, 68, 2 or 3) of the person, any frames; x right, y down, any one unit (depth is not used).
        smoothing: of `smoothing.SMOOTHINGS`.
    """

    def __init__(self, head: MorphableModel, pixels: Float[np.ndarray, "n 68 d"], smoothing: str = "none") -> None:
        self._estimator = pretrained_estimator("68")
        self._neutral = self._estimator.neutral_of_clip(thinned(pixels)[..., :2])
        self._solver = LandmarkSolver(head, np.array(LAYOUT_68)[INNER], n_identity=0)
        self._metric, self._smoothing = head.gram(), smoothing
        self.source, self.frames = self._neutral.source, len(pixels)

    def __call__(
        self, pixels: Float[np.ndarray, "n 68 d"], time_s: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, "n 52"], Float[np.ndarray, " n"], float]:
        """psi of a clip's frames, how far the landmarks lie from the fitted head, and what smoothing changed, in mm.

        NaN for what is no face.
        """
        estimate = self._estimator.estimate(pixels[..., :2], None, self._neutral)
        smooth = smooth_expressions(estimate.psi, time_s.astype(float), self._metric, self._smoothing)
        valid, residual = estimate.valid, np.full(len(pixels), np.nan)
        points = self._estimator.aligned(pixels[valid][..., :2])[:, INNER].astype(float)
        prior = smooth.psi[valid].astype(float)
        residual[valid] = self._solver.fit(points, prior=prior, precision=POSE_PRECISION).residual_mm
        return smooth.psi, residual, smooth.change_mm


def _kind(path: Path) -> str:
    names = pq.read_schema(path).names
    if "psi" in names:
        return "psi"
    if {"landmarks", "blendshapes"} <= set(names):
        return "scores"
    return "landmarks" if {"landmarks", "landmarks_mm"} & set(names) else "neither"


def _keep(path: Path, out: Path) -> FitSummary:
    """Copies psi from the frames table."""
    names = coefficient_names(path)
    frames, faces = 0, 0
    with table_writer(out, expressions_schema(names, read_metadata(path)["front_end"])) as table:
        for batch in read_batches(path, [*KEY, "detected", "psi"]):
            unknown = np.full(len(batch["frame"]), np.nan, np.float32)
            rows = {"psi": batch["psi"], "residual_mm": unknown, "valid": batch["detected"]}
            table.write({**{name: batch[name] for name in KEY}, "data": REAL, **rows})
            frames, faces = frames + len(batch["detected"]), faces + int(batch["detected"].sum())
    return FitSummary(path.stem, str(batch["subject_id"][0]), 0, frames, "not needed", faces, float("nan"))


def _nothing(path: Path) -> FitSummary:
    return FitSummary(path.stem, _subject(path), -1, pq.read_metadata(path).num_rows, "no landmarks", 0, float("nan"))


def _fit_landmarks(paths: list[Path], folder: Path, head: MorphableModel, smoothing: str) -> list[FitSummary]:
    rows = []
    groups = {path: _detection(path) for path in paths}
    for group in sorted(set(groups.values())):
        clips = {path: _points(path) for path in paths if groups[path] == group}
        # alone in their clips, a subject's clips of one detector count together
        alone = [path for path, clip in clips.items() if len(np.unique(clip["face_id"][clip["detected"]])) == 1]
        together = np.concatenate([_shown(clips[path]) for path in alone]) if alone else None
        shared = None if together is None else LandmarkFit(head, together, smoothing)
        for path, clip in clips.items():
            faces = [int(face) for face in np.unique(clip["face_id"][clip["detected"]])]
            own = shared if path in alone else None
            fits = {face: own or LandmarkFit(head, _shown(clip, face), smoothing) for face in faces}
            rows += _fit_marked_clip(path, folder / path.name, clip, fits, group[0])
    return rows


def _detection(path: Path) -> tuple[str, str, str]:
    """Who is shown, what detected the landmarks, and where they are kept: clips alike in these share a neutral."""
    return _subject(path), read_metadata(path)["front_end"], _landmark_column(path)


def _fit_marked_clip(
    path: Path, out: Path, clip: dict[str, np.ndarray], fits: dict[int, LandmarkFit], subject: str
) -> list[FitSummary]:
    count, rows = len(clip["detected"]), []
    psi = np.full((count, len(ACTIONS)), np.nan, np.float32)
    residual = np.full(count, np.nan, np.float32)
    for face, fit in fits.items():
        here = clip["detected"] & (clip["face_id"] == face)
        psi[here], residual[here], change = fit(clip["points"][here], clip["time_s"][here])
        median = float(np.nanmedian(residual[here])) if np.isfinite(residual[here]).any() else float("nan")
        rows.append(FitSummary(path.stem, subject, face, count, fit.source, fit.frames, median, change))
    front_end = f"{read_metadata(path)['front_end']}, 68 landmarks, Anny"
    with table_writer(out, expressions_schema(ACTIONS, front_end)) as table:
        rest: dict[str, np.ndarray] = {"psi": psi, "residual_mm": residual, "valid": np.asarray(np.isfinite(residual))}
        table.write({**{name: clip[name] for name in KEY}, "data": REAL, **rest})
    return rows


def _subject(path: Path) -> str:
    return str(next(read_batches(path, ["subject_id"], rows=1))["subject_id"][0])


def _landmark_column(path: Path) -> str:
    return "landmarks_mm" if "landmarks_mm" in pq.read_schema(path).names else "landmarks"


def _points(path: Path) -> dict[str, np.ndarray]:
    """Key of a table, and its 68 landmarks: in mm where it has them, else in the picture."""
    column = _landmark_column(path)
    table = read_arrays(path, [*KEY, "detected", column])
    flat = table.pop(column)
    if flat.shape[1] == 3 * N_LANDMARKS:
        points = flat.reshape(len(flat), N_LANDMARKS, 3)[:, LAYOUT_68, :2]
    else:
        points = flat.reshape(len(flat), 68, -1)
    return table | {"points": points.astype(np.float64)}


def _shown(clip: dict[str, np.ndarray], face: int | None = None) -> Float[np.ndarray, "n 68 d"]:
    here = clip["detected"] if face is None else clip["detected"] & (clip["face_id"] == face)
    return clip["points"][here]
