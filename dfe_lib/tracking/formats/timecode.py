"""SMPTE timecodes, hours:minutes:seconds:frames, to frame numbers and seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...errors import UserError
from .recording import Report

__all__ = ["Clock", "read_timecodes", "timecode_seconds"]

RATES = (24, 25, 30, 50, 60)
DAY_S = 86400.0


@dataclass(frozen=True)
class Clock:
    """When each row of a take was recorded.

    Arguments:
        frame: whole numbers from 0 on; where the timecode jumps, they do.
        time_s: from the first row on.
    """

    frame: Float[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]


def timecode_seconds(codes: Sequence[str] | np.ndarray, rate: float) -> Float[np.ndarray, " n"]:
    """Seconds of timecodes, counting on over midnight.

    Arguments:
        codes: strings; frames may have a fraction.
        rate: frames of a second; at 29.97 a second of timecode has 30.

    >>> timecode_seconds(["23:59:59:30.000", "00:00:00:00.000"], 60.0)
    array([86399.5, 86400. ])
    """
    hours, minutes, seconds, frames = _fields(codes).T
    labelled = round(rate)
    within = ((hours * 60 + minutes) * 60 + seconds + frames / labelled) * labelled / rate
    # back by more than half a day is midnight; a little back is a fault, which the reader reports
    day = DAY_S * labelled / rate
    return within + day * np.cumsum(np.diff(within, prepend=within[:1]) < -day / 2)


def read_timecodes(codes: Sequence[str], fps: float, assumed: float, path: Path, report: Report) -> Clock:
    """Frames and times of a take's rows.

    Arguments:
        codes: of the rows. fps: as the user says, or 0. assumed: frames a second where nothing tells.
        path: for messages. report: takes a note of a rate that is assumed.

    Raises UserError for what is no timecode, and for timecodes that stand still or run backwards.
    """
    try:
        rate = _rate(_fields(codes), fps, assumed, report)
        seconds = timecode_seconds(codes, rate)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    steps = np.diff(seconds) * rate
    if (steps <= 0).any():
        at = int(np.argmax(steps <= 0))
        raise UserError(
            f"{path} has timecodes that stand still or run backwards: {codes[at + 1]} comes after {codes[at]}; sort "
            "it, or cut it where two takes meet."
        )
    unit = max(1.0, np.round(np.median(steps))) if len(steps) else 1.0
    whole = np.maximum(1, np.round(steps / unit))
    return Clock(np.r_[0.0, np.cumsum(whole)], seconds - seconds[0])


def _fields(codes: Sequence[str] | np.ndarray) -> Float[np.ndarray, "n 4"]:
    parts = [str(code).replace(";", ":").split(":") for code in codes]
    odd = next((code for code, part in zip(codes, parts, strict=True) if len(part) != 4), None)
    if odd is not None:
        raise UserError(f"a timecode is not of the form hours:minutes:seconds:frames: repair {odd!r}.")
    try:
        fields = np.array(parts, float).reshape(-1, 4)
    except ValueError:
        raise UserError("a timecode holds something other than numbers: repair it or record again.") from None
    if not (np.isfinite(fields) & (fields >= 0) & (fields < [100, 60, 60, 1000])).all():
        raise UserError("a timecode holds a number that no clock shows: repair it or record again.")
    return fields


def _rate(fields: Float[np.ndarray, "n 4"], fps: float, assumed: float, report: Report) -> float:
    """Frames of a second: as the user says, as the last frame before a new second tells, or assumed and noted."""
    highest = np.floor(fields[:, 3].max())
    if fps:
        if highest >= round(fps):
            raise UserError(f"its timecode counts to frame {highest:.0f} of a second: fps cannot be {fps:g}.")
        return fps
    fitting = [rate for rate in RATES if rate > highest]
    if not fitting:
        raise UserError(f"its timecode counts to frame {highest:.0f} of a second: give the setting fps.")
    last = np.floor(fields[:-1, 3][np.diff(fields[:, 2]) != 0])  # before a new second
    steps = np.diff(fields[:, 3])
    step = np.round(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    if len(last) and last.max() + step == fitting[0]:
        return float(fitting[0])
    rate = max(assumed, float(fitting[0]))
    report.notes.append(f"too short to tell the timecode's rate: taken as {rate:.0f} frames a second (give fps)")
    return rate
