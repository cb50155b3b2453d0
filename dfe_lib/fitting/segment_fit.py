"""One segment of a clip to rows of its expressions table: the same rows whoever fits it, in whatever order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ..io.segments import Segment
from ..io.tables import REAL
from .estimator import FaceNeutral
from .measurement import COVERED, Measurement, Rows
from .person import Person, joined, people, rows_of
from .smoothing import reach_s

__all__ = ["KEY", "PersonFit", "SegmentFit", "fit_segment"]

KEY = ("clip_id", "subject_id", "face_id", "frame", "time_s")
Neutrals = Mapping[Person, FaceNeutral | None]


@dataclass(frozen=True)
class PersonFit:
    """What the fit of one person in one segment is summed up by.

    Arguments:
        rows: that show the person. residual_mm: of those that have one.
        changed: by how much smoothing changed the rows with expressions, mm, and how many these are.
        covered: rows in which something covers the face, and rows that tell.
    """

    rows: int
    residual_mm: Float[np.ndarray, " n"]
    changed: tuple[float, int]
    covered: tuple[int, int]


@dataclass(frozen=True)
class SegmentFit:
    """The rows of a segment, some hundred at a time, and what is known of each person in it."""

    batches: list[Rows]
    people: dict[Person, PersonFit]


def fit_segment(
    segments: Sequence[Segment], number: int, neutrals: Neutrals, measurement: Measurement, smoothing: str
) -> SegmentFit:
    """Columns of the expressions table of a clip's segment, in its order; the neighbours' rows are looked at as well.

    A smoothed expression depends on the frames before and after it, and the residual on the smoothed expression.

    Arguments:
        segments: of the clip, in order. number: of the one that is fitted.
        neutrals: of its people, see `person.person_neutrals`.
        smoothing: of `smoothing.SMOOTHINGS`.
    """
    own = _estimated(segments[number], measurement, neutrals)
    before, after = (
        _estimated(each, measurement, neutrals).key if len(each) else rows_of(own.key, np.empty(0, int))
        for each in _neighbours(segments, number, reach_s(smoothing))
    )
    psi, changed = _smoothed(before, own.key, after, measurement, smoothing)
    residual = _residuals(own.points, psi, measurement)
    return SegmentFit(_batches(own, psi, residual), _people(own.key, residual, changed))


@dataclass(frozen=True)
class _Estimated:
    """Rows of a segment: their key with psi and COVERED, NaN without a face; and batch by batch what the residual
    needs of the landmarks."""

    key: Rows
    points: list[np.ndarray]


def _estimated(segment: Segment, measurement: Measurement, neutrals: Neutrals) -> _Estimated:
    width = measurement.schema(segment.path).field("psi").type.list_size
    parts, points = [], []
    for batch in segment.batches([*KEY, "detected", *measurement.columns]):
        psi = np.full((len(batch["detected"]), width), np.nan, np.float32)
        hidden = np.full(len(psi), np.nan)
        for person, here in people(batch).items():
            psi[here], hidden[here] = measurement.psi(rows_of(batch, here), neutrals.get(person))
        parts.append({name: batch[name] for name in (*KEY, "detected")} | {"psi": psi, COVERED: hidden})
        points.append(measurement.points(batch))
    return _Estimated(joined(parts), points)


def _neighbours(segments: Sequence[Segment], number: int, reach: float) -> tuple[Segment, Segment]:
    """The rows before and after a segment that smoothing looks at, which lie in the segments beside it."""
    here = segments[number]
    nothing = Segment(here.path, here.start, here.start)
    if not reach or len(segments) == 1:
        return nothing, nothing
    first_s, last_s = here.times()[[0, -1]]
    before = segments[number - 1].part(first_s - reach, np.inf) if number else nothing
    after = segments[number + 1].part(-np.inf, last_s + reach) if number + 1 < len(segments) else nothing
    return before, after


def _smoothed(
    before: Rows, own: Rows, after: Rows, measurement: Measurement, smoothing: str
) -> tuple[Float[np.ndarray, "n e"], dict[Person, float]]:
    """Each person's expressions in the segment, smoothed, and by how much that changed them, mm."""
    psi, change = own["psi"].copy(), {}
    window = joined([before, own, after])
    for person, here in people(own).items():
        rows = window["detected"] & (window["face_id"] == person[1])
        first = int(rows[: len(before["psi"])].sum())
        part = slice(first, first + int(here.sum()))
        psi[here], change[person] = measurement.smoothed(window["psi"][rows], window["time_s"][rows], smoothing, part)
    return psi, change


def _residuals(
    points: list[np.ndarray], psi: Float[np.ndarray, "n e"], measurement: Measurement
) -> Float[np.ndarray, " n"]:
    """Of each row, mm; NaN without an expression."""
    residual, start = np.full(len(psi), np.nan, np.float32), 0
    valid = np.isfinite(psi).all(1)
    for part in points:
        rows = slice(start, start := start + len(part))
        residual[rows][valid[rows]] = measurement.residual(part[valid[rows]], psi[rows][valid[rows]])
    return residual


def _batches(own: _Estimated, psi: Float[np.ndarray, "n e"], residual: Float[np.ndarray, " n"]) -> list[Rows]:
    """Columns of the expressions table and COVERED, batch by batch as they were read."""
    valid = np.isfinite(psi).all(1)
    found = {"psi": np.where(valid[:, None], psi, np.float32(np.nan)), "residual_mm": residual, "valid": valid}
    columns = {name: own.key[name] for name in (*KEY, COVERED)} | found | {"data": np.full(len(psi), REAL, object)}
    ends = np.cumsum([0, *map(len, own.points)])
    return [{name: values[start:stop] for name, values in columns.items()} for start, stop in pairwise(ends)]


def _people(key: Rows, residual: Float[np.ndarray, " n"], changed: Mapping[Person, float]) -> dict[Person, PersonFit]:
    found = {}
    for person, here in people(key).items():
        known, told = residual[here & np.isfinite(residual)], key[COVERED][here & np.isfinite(key[COVERED])]
        with_psi = int(np.isfinite(key["psi"][here]).all(1).sum())
        covers = int(told.sum()), len(told)
        found[person] = PersonFit(int(here.sum()), known, (changed[person], with_psi), covers)
    return found
