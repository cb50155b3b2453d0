"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..io.tables import REAL, read_arrays, read_batches, read_metadata, remove_others, table_writer
from ..morphable.model import MorphableModel
from .estimator import FaceNeutral
from .measurement import COVERED, Measurement, Rows, measurement_kind, measurement_of
from .person import Person, people, person_neutrals, rows_of

__all__ = ["FitSummary", "fit_tables"]

KEY = ["clip_id", "subject_id", "face_id", "frame", "time_s"]
_Alike = tuple[str, str, str]
"""Subject, what measured the face, and the kind of measurement: clips alike in these share a neutral."""


@dataclass(frozen=True)
class FitSummary:
    """What became of one person in one clip.

    Arguments:
        neutral: where the neutral face came from, see `estimator.FaceNeutral`; `"not needed"` where psi was given,
            `"no landmarks"` where there is nothing to fit.
        residual_mm: median over the frames of `solver.HeadFit.residual_mm`; most of it is who the person is.
        smoothing_mm: how much smoothing changed the expressions, root mean square; 0 where nothing was smoothed.
        covered: share of the person's frames in which something covers the face; NaN where nothing tells.
    """

    clip_id: str
    subject_id: str
    face_id: int
    frames: int
    neutral: str
    neutral_frames: int
    residual_mm: float
    smoothing_mm: float = 0.0
    covered: float = float("nan")


def fit_tables(
    frames: Iterable[Path], folder: Path, head: MorphableModel | None, smoothing: str = "none"
) -> pd.DataFrame:
    """Writes `folder/<clip>.parquet` for each frames table, whatever it came from; one summary row a person and clip.

    A person's neutral is estimated over all the clips of the subject; the people of a clip that shows several are
    taken one by one. Tables of action units alone have no expressions: they get a summary row that says so, and no
    table. Afterwards the folder has no table of any other clip.

    Arguments:
        frames: frames tables: all the clips of a run.
        folder: where the expressions tables go.
        head: Anny's head; None will do where every table has psi already.
        smoothing: of `smoothing.SMOOTHINGS`; a still picture has nothing to smooth, and psi that a table has already
            stays as it is.
    """
    alike, without = _grouped(sorted(frames))
    measurements = {kind: measurement_of(kind, head) for kind in sorted({kind for *_, kind in alike})}
    rows = [_unfitted(path) for path in without]
    for (*_, kind), paths in sorted(alike.items()):
        rows += _fit_group(paths, folder, measurements[kind], smoothing)
    remove_others(folder, [path.stem for paths in alike.values() for path in paths])
    table = pd.DataFrame([asdict(row) for row in rows], columns=list(FitSummary.__annotations__))
    return table.sort_values(["clip_id", "face_id"], ignore_index=True)


def _grouped(paths: list[Path]) -> tuple[dict[_Alike, list[Path]], list[Path]]:
    """Clips that share a neutral, and those that have nothing to fit."""
    alike: dict[_Alike, list[Path]] = {}
    without: list[Path] = []
    for path in paths:
        kind = measurement_kind(path)
        if kind is None:
            without.append(path)
        else:
            alike.setdefault((_subject(path), read_metadata(path).get("front_end", ""), kind), []).append(path)
    return alike, without


def _subject(path: Path) -> str:
    first = next(read_batches(path, ["subject_id"], rows=1), None)
    return str(first["subject_id"][0]) if first else ""


def _unfitted(path: Path) -> FitSummary:
    rows = len(read_arrays(path, ["frame"])["frame"])
    return FitSummary(path.stem, _subject(path), -1, rows, "no landmarks", 0, float("nan"))


def _fit_group(paths: list[Path], folder: Path, measurement: Measurement, smoothing: str) -> list[FitSummary]:
    """The clips that share a neutral; of the landmarks, those of one clip's neutral or batch are held at a time."""
    clips = {path: read_arrays(path, [*KEY, "detected"]) for path in paths}
    neutrals = person_neutrals(clips, measurement) if measurement.needs_neutral else {}
    rows: list[FitSummary] = []
    for path, key in clips.items():
        raw, covered, points = _estimated(path, measurement, neutrals)
        psi, change = _smoothed(key, raw, measurement, smoothing)
        residual = _write(folder / path.name, path, key, psi, covered, points, measurement)
        rows += _summaries(key, neutrals, residual, change, covered)
    return rows


def _estimated(
    path: Path, measurement: Measurement, neutrals: Mapping[Person, FaceNeutral | None]
) -> tuple[Float[np.ndarray, "n e"], Float[np.ndarray, " n"], list[np.ndarray]]:
    """Expressions frame by frame and whether something covers the face, NaN without a face; and batch by batch what the
    residual needs of the landmarks.

    A smoothed expression depends on the frames before and after it, and the residual on the smoothed expression.
    """
    width = measurement.schema(path).field("psi").type.list_size
    psi, covered, points = [np.empty((0, width), np.float32)], [np.empty(0)], []
    for batch in read_batches(path, ["clip_id", "face_id", "detected", *measurement.columns]):
        found = np.full((len(batch["detected"]), width), np.nan, np.float32)
        hidden = np.full(len(found), np.nan)
        for person, here in people(batch).items():
            found[here], hidden[here] = measurement.psi(rows_of(batch, here), neutrals.get(person))
        psi.append(found)
        covered.append(hidden)
        points.append(measurement.points(batch))
    return np.concatenate(psi), np.concatenate(covered), points


def _smoothed(
    key: Rows, psi: Float[np.ndarray, "n e"], measurement: Measurement, smoothing: str
) -> tuple[Float[np.ndarray, "n e"], dict[Person, float]]:
    """Each person's expressions over the clip, smoothed, and by how much that changed them, mm."""
    smooth, change = psi.copy(), {}
    for person, here in people(key).items():
        smooth[here], change[person] = measurement.smoothed(psi[here], key["time_s"][here], smoothing)
    return smooth, change


def _write(
    out: Path,
    path: Path,
    key: Rows,
    psi: Float[np.ndarray, "n e"],
    covered: Float[np.ndarray, " n"],
    points: list[np.ndarray],
    measurement: Measurement,
) -> Float[np.ndarray, " n"]:
    """The expressions table; returns each frame's residual, mm."""
    residual = np.full(len(psi), np.nan, np.float32)
    valid = np.isfinite(psi).all(1)
    start, schema = 0, measurement.schema(path)
    with table_writer(out, schema) as table:
        for part in points:
            rows = slice(start, start := start + len(part))
            seen = valid[rows]
            residual[rows][seen] = measurement.residual(part[seen], psi[rows][seen])
            found = {"data": REAL, "psi": psi[rows], "residual_mm": residual[rows], "valid": seen}
            found |= {COVERED: covered[rows]} if COVERED in schema.names else {}
            table.write({name: key[name][rows] for name in KEY} | found)
    return residual


def _summaries(
    key: Rows,
    neutrals: Mapping[Person, FaceNeutral | None],
    residual: Float[np.ndarray, " n"],
    change: Mapping[Person, float],
    covered: Float[np.ndarray, " n"],
) -> list[FitSummary]:
    rows = []
    for (clip, face), here in people(key).items():
        neutral = neutrals.get((clip, face))
        source, count = (neutral.source, neutral.frames) if neutral else ("not needed", int(here.sum()))
        known = residual[here & np.isfinite(residual)]
        median = float(np.median(known)) if len(known) else float("nan")
        told = covered[here & np.isfinite(covered)]
        share = float(told.mean()) if len(told) else float("nan")
        subject = str(key["subject_id"][0])
        rows.append(FitSummary(clip, subject, face, len(residual), source, count, median, change[clip, face], share))
    return rows
