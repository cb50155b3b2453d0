"""A frame without a face is a row: rows for the frames that a file leaves out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...errors import UserError
from .recording import Report, Rows

__all__ = ["LONGEST_GAP", "every_number", "with_every_frame"]

LONGEST_GAP = 10_000
"""Frames; a longer one is no gap in a recording, but two recordings or a damaged number (our choice)."""


def every_number(frame: Float[np.ndarray, " n"], path: Path) -> Float[np.ndarray, " m"]:
    """All numbers from the first to the last of some frames that go forward.

    Raises UserError when one gap is longer than LONGEST_GAP.
    """
    steps = np.diff(frame)
    if len(steps) and steps.max() > LONGEST_GAP:
        before = int(frame[steps.argmax()])
        raise UserError(
            f"{path} skips {int(steps.max()) - 1} frames after frame {before}: cut it where two recordings meet."
        )
    return np.arange(frame[0], frame[-1] + 1) if len(frame) else frame


def with_every_frame(
    rows: Iterable[Rows], frame: Float[np.ndarray, " m"], time_s: Float[np.ndarray, " m"], report: Report, reason: str
) -> Iterator[Rows]:
    """The rows, and one without a face for each of some frames that they leave out.

    Arguments:
        rows: in the order of their frames.
        frame, time_s: of the frames that there must be, in their order.
        report: counts the rows that are added, under `reason`.
    """
    done, last = 0, None
    for batch in rows:
        if not len(batch["frame"]):
            continue
        upto = int(np.searchsorted(frame, batch["frame"].max(), side="right"))
        wanted = slice(done, max(done, upto))
        missing = ~np.isin(frame[wanted], batch["frame"] if last is None else np.r_[last, batch["frame"]])
        report.added[reason] += int(missing.sum())
        done, last = max(done, upto), batch["frame"][-1]
        yield _inserted(batch, frame[wanted][missing], time_s[wanted][missing])
    if last is not None and done < len(frame):
        report.added[reason] += len(frame) - done
        blank = {name: values[:0] for name, values in batch.items()}
        yield _inserted(blank, frame[done:], time_s[done:])


def _inserted(batch: Rows, frame: Float[np.ndarray, " k"], time_s: Float[np.ndarray, " k"]) -> Rows:
    """A batch with rows without a face at their places."""
    if not len(frame):
        return batch
    where = np.searchsorted(batch["frame"], frame)
    known = {"frame": frame, "time_s": time_s, "detected": np.array(False), "face": np.array(0.0)}
    unknown = np.array(np.nan)
    return {name: np.insert(values, where, known.get(name, unknown), axis=0) for name, values in batch.items()}
