"""What other programs measured on a face: checked row by row and written as a frames table."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from ...errors import UserError
from ...io.delimited import RAGGED
from ...io.progress import read_ahead
from ...io.tables import N_LANDMARKS, frames_schema, table_writer
from .settings import ASSUMED_FPS, ReadSettings

__all__ = [
    "EYE_CORNERS",
    "Recording",
    "Report",
    "Rows",
    "assumed_times",
    "missing_units",
    "recording",
    "write_recording",
]

Rows = dict[str, np.ndarray]
"""Rows of a file: `frame`, `time_s`, `detected`, and where the file has them `face`, `confidence` and list columns."""

EYE_CORNERS = {68: (36, 45), N_LANDMARKS: (33, 263)}
"""Outer corners of the right and the left eye, by number of landmarks."""
POSSIBLE = {
    "landmarks": (-1e6, 1e6),
    "landmarks_mm": (-1e6, 1e6),
    "psi": (-1e6, 1e6),
    "au_intensity": (0.0, 5.0),
    "au_occurrence": (0.0, 1.0),
}
"""Columns of which one value that is missing or outside makes a frame unusable; the rest may have holes."""
SLACK = 1e-4
"""By which a value may lie outside, as rounding puts it there."""
FASTEST = 250.0
"""Frames a second beyond which a file's times are not believed (our choice; cameras for faces are slower)."""
REPEATED = "rows that repeat a frame of the same face"
NOT_FINITE = "frames with values that are missing, not a number or infinite"
IMPOSSIBLE = "frames with values that cannot be, such as an intensity or a confidence outside its range"
ASSUMED_TIMES = f"no times in the file: taken as {ASSUMED_FPS:g} frames a second (give the setting fps)"
UNSURE = "frames below the least confidence asked for"


@dataclass
class Report:
    """What was read, and what was not; complete once the recording's rows have been walked.

    Arguments:
        rows: in the file, whole or not. usable: with a face and every value.
        dropped: how many rows or frames were left out or count as without a face, by reason.
        added: how many rows without a face stand for frames that the file leaves out, by reason.
        lacks: what the file does not have, in words. notes: what the reader had to assume.
        missing_frames: frame numbers that the file skips.
    """

    rows: int = 0
    usable: int = 0
    dropped: Counter = field(default_factory=Counter)
    added: Counter = field(default_factory=Counter)
    lacks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing_frames: int = 0

    @property
    def remarks(self) -> list[str]:
        """What was dropped, repaired or assumed, one sentence each."""
        parts = [f"{count} {reason}" for reason, count in self.dropped.items() if count]
        parts += [f"{count} {reason}: rows without a face" for reason, count in self.added.items() if count]
        parts += [f"{self.missing_frames} frame numbers are skipped"] * bool(self.missing_frames)
        return parts + list(dict.fromkeys(self.notes))

    @property
    def sentence(self) -> str:
        """What a person should know, empty when there is nothing to say."""
        return "; ".join(self.remarks)


@dataclass
class Recording:
    """A file of another front end as rows of a frames table; `batches` can be walked once."""

    front_end: str
    schema: pa.Schema
    batches: Generator[dict[str, object], None, None]
    report: Report


def recording(
    path: Path,
    front_end: str,
    lists: Mapping[str, int | Sequence[str]],
    rows: Iterable[Rows],
    settings: ReadSettings,
    report: Report,
) -> Recording:
    """A recording whose rows are checked as they go by.

    Arguments:
        path: for messages.
        front_end: what wrote the file.
        lists: list columns of the frames table, each with its length or the names of its values.
        rows: of the file, in its order.
        settings: fps, picture size and least confidence.
        report: counts what is dropped.

    Raises UserError, while walked, when frames or times run backwards or are no numbers, or there is no row at all.
    """
    checked = _checked(path, rows, settings, report)
    batches = (_completed(batch, lists, settings, report) for batch in checked)
    return Recording(front_end, frames_schema(front_end, lists), batches, report)


def missing_units(there: Iterable[str], known: Iterable[str]) -> list[str]:
    """What a report says is lacking, where a file has some columns of action units and not all that are known.

    >>> missing_units(["AU01_r"], ["AU01_r", "AU12_r"]), missing_units([], ["AU01_r"])
    (['the action units AU12_r'], [])
    """
    there = set(there)
    missing = [name for name in known if name not in there]
    return [f"the action units {', '.join(missing)}"] if missing and there else []


def assumed_times(rows: Iterable[Rows], settings: ReadSettings, report: Report) -> Iterator[Rows]:
    """Times for a file that has frame numbers alone, from the settings' fps; without it, from ASSUMED_FPS."""
    if not settings.fps:
        report.notes.append(ASSUMED_TIMES)
    return (batch | {"time_s": batch["frame"] / (settings.fps or ASSUMED_FPS)} for batch in rows)


def write_recording(source: Recording, out: Path, clip_id: str, subject_id: str) -> Report:
    """Writes the frames table while it reads on; it appears when it is whole, and not at all after an error."""
    with table_writer(out, source.schema) as table, read_ahead(source.batches, depth=1) as batches:
        for batch in batches:
            table.write(batch | {"clip_id": clip_id, "subject_id": subject_id})
    return source.report


def _checked(path: Path, rows: Iterable[Rows], settings: ReadSettings, report: Report) -> Iterator[Rows]:
    order = _Order(path, settings, report)
    for batch in rows:
        report.rows += len(batch["frame"])
        face = batch.pop("face", np.zeros(len(batch["frame"])))
        kept, numbered = order(face, batch["frame"], batch["time_s"])
        batch = {name: values[kept] for name, values in (batch | numbered).items()}
        if len(batch["frame"]):
            yield batch
    report.rows += report.dropped[RAGGED]
    order.finish()


class _Order:
    """Each face's frames must go forward, and time with them."""

    def __init__(self, path: Path, settings: ReadSettings, report: Report) -> None:
        self._path, self._fps, self._offset, self._report = path, settings.fps, settings.offset, report
        self._last: dict[int, tuple[float, float]] = {}
        self._first: tuple[float, float] | None = None
        self._latest = (0.0, 0.0)

    def __call__(
        self, face: Float[np.ndarray, " n"], frame: Float[np.ndarray, " n"], time_s: Float[np.ndarray, " n"]
    ) -> tuple[Bool[np.ndarray, " n"], Rows]:
        for what, values in (("face", face), ("frame", frame)):
            if not (np.isfinite(values) & (values == np.round(values)) & (values >= 0) & (values < 2**31)).all():
                raise UserError(f"{self._path} has a {what} number that is no whole number from 0 on: repair it.")
        time_s = (frame / self._fps if self._fps else time_s) + self._offset
        if not np.isfinite(time_s).all():
            raise UserError(f"{self._path} has a row without a time: repair it, or give the reading setting fps.")
        kept = np.ones(len(frame), bool)
        for each in np.unique(face):
            here = np.flatnonzero(face == each)
            kept[here] = self._forward(int(each), frame[here], time_s[here])
        if self._first is None and kept.any():
            self._first = (float(frame[kept][0]), float(time_s[kept][0]))
        return kept, {"face": face.astype(np.int16), "frame": frame.astype(np.int32), "time_s": time_s}

    def _forward(self, face: int, frame: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        """Which of a face's rows are new frames; raises when they run backwards."""
        before = self._last.get(face, (frame[0] - 1, -np.inf))
        steps = np.diff(frame, prepend=before[0])
        if (steps < 0).any():
            where = int(frame[np.argmax(steps < 0)])
            raise UserError(
                f"{self._path} goes back to frame {where}: sort it by frame, or cut it where two recordings meet."
            )
        new = steps > 0
        self._check_times(frame[new], time_s[new], before)
        self._report.dropped[REPEATED] += int((~new).sum())
        self._report.missing_frames += int((steps[new] - 1).sum())
        self._last[face] = (float(frame[-1]), float(time_s[new][-1] if new.any() else before[1]))
        self._latest = max(self._latest, self._last[face])
        return new

    def _check_times(self, frame: np.ndarray, time_s: np.ndarray, before: tuple[float, float]) -> None:
        late = np.flatnonzero(np.diff(time_s, prepend=before[1]) <= 0)
        if not len(late):
            return
        at = late[0]
        earlier = before if at == 0 else (frame[at - 1], time_s[at - 1])
        raise UserError(
            f"{self._path} has times that stand still or run backwards: frame {int(frame[at])} is at {time_s[at]:g} s, "
            f"and frame {int(earlier[0])} before it at {earlier[1]:g} s; repair them, or give the setting fps."
        )

    def finish(self) -> None:
        if self._first is None:
            raise UserError(f"{self._path} has no whole row of values: it was cut off, or nothing was recorded.")
        frames, seconds = (last - first for last, first in zip(self._latest, self._first, strict=True))
        if seconds > 0 and frames / seconds > FASTEST:
            self._report.notes.append(
                f"its times say {frames / seconds:.0f} frames a second, which no camera records: give the setting fps"
            )


def _completed(
    batch: Rows, lists: Mapping[str, int | Sequence[str]], settings: ReadSettings, report: Report
) -> dict[str, object]:
    """All columns of the frames table, apart from whose clip it is."""
    batch = batch | {name: _as_stored(batch[name]) for name in lists}
    confidence = _as_stored(batch.get("confidence", np.full(len(batch["frame"]), np.nan)))
    seen = batch["detected"] & ~((confidence >= 0) & (confidence < settings.min_confidence))
    report.dropped[UNSURE] += int((batch["detected"] & ~seen).sum())
    finite = np.ones(len(seen), bool)
    possible = ~((confidence < 0) | (confidence > 1 + SLACK))
    for name in set(POSSIBLE) & set(lists):
        low, high = POSSIBLE[name]
        finite &= ~np.isnan(batch[name]).any(1)
        possible &= ~((batch[name] < low - SLACK) | (batch[name] > high + SLACK)).any(1)
    report.dropped[NOT_FINITE] += int((seen & ~finite).sum())
    report.dropped[IMPOSSIBLE] += int((seen & finite & ~possible).sum())
    detected = seen & finite & possible
    report.usable += int(detected.sum())
    return {name: batch[name] for name in ("frame", "time_s", *lists)} | {
        "face_id": np.where(detected, batch["face"], -1),
        "detected": detected,
        "confidence": np.where(possible, confidence, np.nan),
        "width": settings.width,
        "height": settings.height,
    } | _in_picture(batch.get("landmarks"), detected, settings)  # fmt: skip


def _as_stored(values: np.ndarray) -> Float[np.ndarray, "..."]:
    """As the table keeps them; what is too large for that, or infinite, is missing."""
    with np.errstate(over="ignore", invalid="ignore"):
        stored = values.astype(np.float32)
    return np.where(np.isfinite(stored), stored, np.float32(np.nan))


def _in_picture(landmarks: np.ndarray | None, detected: Bool[np.ndarray, " n"], settings: ReadSettings) -> Rows:
    """Distance of the outer eye corners, and the share of landmarks outside the picture; NaN where unknown."""
    unknown = np.full(len(detected), np.nan)
    if landmarks is None:
        return {"interocular_px": unknown, "out_of_frame": unknown}
    count = N_LANDMARKS if landmarks.shape[1] == 3 * N_LANDMARKS else landmarks.shape[1] // 2
    points = landmarks.reshape(len(detected), count, -1)[..., :2]
    right, left = points[:, EYE_CORNERS[count]].transpose(1, 0, 2)
    apart = np.where(detected, np.linalg.norm(right - left, axis=1), np.nan)
    if not (settings.width and settings.height):
        return {"interocular_px": apart, "out_of_frame": unknown}
    outside = ((points < 0) | (points >= [settings.width, settings.height])).any(-1).mean(1)
    return {"interocular_px": apart, "out_of_frame": np.where(detected, outside, np.nan)}
