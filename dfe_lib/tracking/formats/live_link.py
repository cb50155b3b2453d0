"""Live Link Face CSV files (Epic Games): ARKit's 52 facial actions, which are the coefficients of psi themselves."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...blendshapes import ACTIONS
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .recording import ReadSettings, Recording, Report, Rows, recording

__all__ = ["is_live_link", "read_live_link", "timecode_seconds"]

KEY = ("Timecode", "BlendShapeCount")
RATES = (24, 25, 30, 50, 60)
DEFAULT_RATE = 60.0
DAY_S = 86400.0
OUTSIDE = "frames with an action beyond 0 to 1, brought back to it"


def is_live_link(names: Sequence[str]) -> bool:
    """Do these columns belong to a Live Link Face file?"""
    return set(KEY) <= set(names)


def read_live_link(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a Live Link Face file: psi in the order of `names.ACTIONS`, frames numbered from 0.

    A row whose BlendShapeCount is 0 is a frame without a face. The app writes names in either case.

    Raises UserError when one of the 52 actions is missing.
    """
    layout = text_layout(path)
    layout.require(KEY, path)
    by_name = {name.lower(): name for name in layout.names}
    actions = [by_name.get(action.lower(), _pascal(action)) for action in ACTIONS]
    layout.require(actions, path)
    report = Report(lacks=["landmarks (the app does not write them)"])
    rows = _rows(path, layout, actions, settings, report)
    return recording(path, "Live Link Face", {"psi": ACTIONS}, rows, settings, report)


def timecode_seconds(codes: np.ndarray, rate: float) -> Float[np.ndarray, " n"]:
    """Seconds of timecodes `hours:minutes:seconds:frames`, counting on over midnight.

    Arguments:
        codes: strings; frames may have a fraction.
        rate: frames of a second.

    >>> timecode_seconds(np.array(["23:59:59:30.000", "00:00:00:00.000"]), 60.0)
    array([86399.5, 86400. ])
    """
    parts = [str(code).replace(";", ":").split(":") for code in codes]
    if any(len(part) != 4 for part in parts):
        raise UserError("a timecode is not of the form hours:minutes:seconds:frames")
    try:
        hours, minutes, seconds, frames = np.array(parts, float).reshape(-1, 4).T
    except ValueError:
        raise UserError("a timecode holds something other than numbers") from None
    within = hours * 3600 + minutes * 60 + seconds + frames / rate
    # back by more than half a day is midnight; a little back is a fault, which the reader reports
    return within + DAY_S * np.cumsum(np.diff(within, prepend=within[:1]) < -DAY_S / 2)


def _pascal(action: str) -> str:
    return action[0].upper() + action[1:]


def _rows(path: Path, layout: TextLayout, actions: list[str], settings: ReadSettings, report: Report) -> Iterator[Rows]:
    rate = settings.fps or _rate(path, layout, report)
    count, start, before = 0, None, None
    for batch in read_columns(path, layout, ["BlendShapeCount", *actions], report.dropped, text=["Timecode"]):
        try:
            time_s = timecode_seconds(batch["Timecode"], rate)
        except UserError as error:
            raise UserError(f"{path}: {error}; repair it or record again.") from None
        if before is None:
            start = before = time_s[0]
        time_s = time_s + DAY_S * round((before - time_s[0]) / DAY_S)  # midnight between two batches
        psi = np.stack([batch[name] for name in actions], 1)
        outside = ((psi < 0) | (psi > 1)).any(1)
        report.dropped[OUTSIDE] += int(outside.sum())
        yield {
            "frame": np.arange(count, count + len(psi), dtype=float),
            "time_s": time_s - start,
            "detected": batch["BlendShapeCount"] > 0,
            "psi": np.clip(psi, 0, 1),
        }
        count, before = count + len(psi), time_s[-1]


def _rate(path: Path, layout: TextLayout, report: Report) -> float:
    """Frames of a second of timecode: the common rate that its highest frame number fits."""
    highest = -1.0
    for batch in read_columns(path, layout, [], report.dropped.copy(), text=["Timecode"]):
        fields = [str(code).rpartition(":")[2] for code in batch["Timecode"]]
        highest = max([highest, *(float(value) for value in fields if value.replace(".", "", 1).isdigit())])
    fitting = [rate for rate in RATES if rate > highest]
    if highest >= RATES[0] - 1 and fitting:
        return float(fitting[0])
    report.notes.append(f"too short to tell the timecode's rate: taken as {DEFAULT_RATE:.0f} frames a second")
    return DEFAULT_RATE
