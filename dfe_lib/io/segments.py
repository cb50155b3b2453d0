"""A long clip in segments of fixed length: what is found and fitted depends on no worker and no splitting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from .tables import read_batches

__all__ = ["SEGMENT_S", "Segment", "is_one_segment", "segment_numbers", "table_segments"]

SEGMENT_S = 300.0
"""Seconds of a clip that are worked on together, counted from its first frame: a stated part of every result."""


@dataclass(frozen=True)
class Segment:
    """Rows of a frames table that are worked on together.

    Arguments:
        path: The table. start, stop: Its rows, without `stop`.
    """

    path: Path
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def batches(self, columns: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """The rows, some hundred at a time."""
        return read_batches(self.path, columns, start=self.start, stop=self.stop)

    def times(self) -> Float[np.ndarray, " n"]:
        """Of each row."""
        return np.concatenate([np.empty(0), *(batch["time_s"] for batch in self.batches(["time_s"]))])

    def part(self, from_s: float, to_s: float) -> "Segment":
        """The rows from one time to another, both included, where times do not fall."""
        time_s = self.times()
        first, last = np.searchsorted(time_s, from_s), np.searchsorted(time_s, to_s, side="right")
        return Segment(self.path, self.start + int(first), self.start + max(int(first), int(last)))


def segment_numbers(time_s: Float[np.ndarray, " n"], first_s: float) -> Int[np.ndarray, " n"]:
    """Which segment each frame is in.

    Arguments:
        first_s: Time of the clip's first frame.

    >>> segment_numbers(np.array([12.0, 311.9, 312.0]), 12.0).tolist()
    [0, 0, 1]
    """
    return ((time_s - first_s) // SEGMENT_S).astype(np.int64)


def is_one_segment(seconds: float) -> bool:
    """Is a clip of this length, known to be above 0, worked in one piece?"""
    return 0 < seconds <= SEGMENT_S


def table_segments(path: Path) -> list[Segment]:
    """The segments of a frames table that have rows, in order; all of it where times fall from row to row."""
    starts, rows, last = [0], 0, (-np.inf, 0)
    first_s = None
    for batch in read_batches(path, ["time_s"]):
        first_s = float(batch["time_s"][0]) if first_s is None else first_s
        number = segment_numbers(batch["time_s"], first_s)
        if (np.diff(batch["time_s"], prepend=last[0]) < 0).any():
            return [Segment(path, 0, _rows(path))]
        starts += (rows + np.flatnonzero(np.diff(number, prepend=last[1]))).tolist()
        rows, last = rows + len(number), (batch["time_s"][-1], number[-1])
    return [Segment(path, *ends) for ends in zip(starts, [*starts[1:], rows], strict=True) if ends[1] > ends[0]]


def _rows(path: Path) -> int:
    return sum(len(batch["time_s"]) for batch in read_batches(path, ["time_s"]))
