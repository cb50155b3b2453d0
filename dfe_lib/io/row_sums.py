"""How many frames and people a table has, counted as its rows go by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int

from .tables import read_batches, table_schema

__all__ = ["RowSums", "sum_rows"]

Rows = dict[str, np.ndarray]
COLUMNS = ("clip_id", "face_id", "frame", "time_s")


@dataclass
class RowSums:
    """Sums over the rows of a frames, expressions or tokens table.

    Arguments:
        frames: Distinct ones of all clips. with_face: Those in which a row shows a face.
        people: Distinct ones who are shown.
        first, last: Number and time of the first clip's first and last frame; None without a row.
    """

    frames: int = 0
    with_face: int = 0
    people: int = 0
    first: tuple[int, float] | None = None
    last: tuple[int, float] | None = None

    @property
    def duration_s(self) -> float:
        """From the first clip's first frame to its last."""
        return self.last[1] - self.first[1] if self.first and self.last else 0.0

    @property
    def fps(self) -> float:
        """Frame numbers a second of the first clip; 0 without a duration."""
        if not self.first or not self.last or not self.duration_s:
            return 0.0
        return (self.last[0] - self.first[0]) / self.duration_s


@dataclass
class _Distinct:
    """Distinct numbers among those that go by, of which only the last is held while they rise.

    Arguments:
        again: Gives all of them once more, for numbers that fall.
    """

    again: Callable[[], Iterator[np.ndarray]]
    _count: int = 0
    _last: int = -1
    _falls: bool = False

    def add(self, numbers: Int[np.ndarray, " n"]) -> None:
        if len(numbers):
            steps = np.diff(numbers, prepend=self._last)
            self._falls |= bool((steps < 0).any())
            self._count += int((steps > 0).sum())
            self._last = int(numbers[-1])

    @property
    def count(self) -> int:
        return len(np.unique(np.concatenate(list(self.again())))) if self._falls else self._count


@dataclass
class _Clips:
    """Numbers for clips, by name, in order of appearance; a row's frame gets one that no other clip's has."""

    numbers: dict[str, int] = field(default_factory=dict)

    def __call__(self, rows: Rows) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Numbers of the rows' clips, and of their frames."""
        names, which = np.unique(rows["clip_id"].astype(str), return_inverse=True)
        order = {name: rows["clip_id"].tolist().index(name) for name in names}
        for name in sorted(order, key=order.__getitem__):
            self.numbers.setdefault(name, len(self.numbers))
        clip = np.array([self.numbers[name] for name in names], np.int64)[which]
        return clip, (clip << 32) + rows["frame"]


def sum_rows(path: Path, each: Callable[[Rows], None] = lambda rows: None, columns: tuple[str, ...] = ()) -> RowSums:
    """Reads a table once, some hundred rows at a time, or twice where frames go back.

    Arguments:
        each: Is given the rows as they go by, with these further columns; `shown` says which show a face.
    """
    shown = "detected" if "detected" in table_schema(path).names else "valid"
    clips, sums = _Clips(), RowSums()

    def numbers(only: bool) -> Iterator[np.ndarray]:
        for rows in read_batches(path, [*COLUMNS, shown]):
            yield clips(rows)[1][rows[shown] if only else slice(None)]

    frames, faces, people = _Distinct(lambda: numbers(False)), _Distinct(lambda: numbers(True)), set()
    for rows in read_batches(path, [*COLUMNS, shown, *columns]):
        here, (clip, frame) = rows[shown].astype(bool), clips(rows)
        frames.add(frame)
        faces.add(frame[here])
        people |= set((clip[here] * 2**16 + rows["face_id"][here]).tolist())
        _note_ends(sums, rows, clip == 0)
        each(rows | {"shown": here})
    sums.frames, sums.with_face, sums.people = frames.count, faces.count, len(people)
    return sums


def _note_ends(sums: RowSums, rows: Rows, one: np.ndarray) -> None:
    if one.any():
        ends = [(int(frame), float(time)) for frame, time in zip(rows["frame"][one], rows["time_s"][one], strict=True)]
        low, high = min(ends, key=lambda end: end[0]), max(ends, key=lambda end: end[0])
        sums.first = low if sums.first is None else min(sums.first, low, key=lambda end: end[0])
        sums.last = high if sums.last is None else max(sums.last, high, key=lambda end: end[0])
