"""Frames tables of every front end to expressions tables: psi that is there is kept, landmarks are fitted."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Float

from .alignment import LAYOUT_68
from .errors import UserError
from .estimator import pretrained_estimator
from .expressions import KEY, POSE_PRECISION, FitSummary, fit_clips, thinned
from .morphable import MorphableModel
from .names import ACTIONS
from .smoothing import smooth_expressions
from .solver import LandmarkSolver
from .tables import (
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

__all__ = ["LandmarkFit", "fit_tables"]

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
            rows += _fit_clip(path, folder / path.name, clip, fits, group[0])
    return rows


def _detection(path: Path) -> tuple[str, str, str]:
    """Who is shown, what detected the landmarks, and where they are kept: clips alike in these share a neutral."""
    return _subject(path), read_metadata(path)["front_end"], _landmark_column(path)


def _fit_clip(
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
