"""Live Link Face CSV files (Epic Games): ARKit's 52 facial actions, which are the coefficients of psi themselves."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from ...blendshapes import ACTIONS
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .action_columns import OUTSIDE, action_columns, plain_name, share_psi, shares
from .gaps import every_number, with_every_frame
from .recording import Recording, Report, Rows, recording
from .settings import ASSUMED_FPS, ReadSettings
from .timecode import Clock, read_timecodes

__all__ = ["TIMECODE", "is_live_link", "read_live_link"]

TIMECODE, COUNT = "timecode", "blendshapecount"
FEWEST = 40
"""Actions by which a table of them is known, of the 52."""
SHORT = "lines that are cut short or hold no values"
SKIPPED = "frames that the timecode skips"


def is_live_link(names: Sequence[str]) -> bool:
    """Do these columns belong to a Live Link Face file? Names are compared without case."""
    known = {plain_name(name) for name in names}
    return TIMECODE in known and sum(plain_name(action) in known for action in ACTIONS) >= FEWEST


def read_live_link(path: Path, settings: ReadSettings, assumed_fps: float = ASSUMED_FPS) -> Recording:
    """Rows of a Live Link Face file: psi in the order of `blendshapes.ACTIONS`, frames numbered from 0.

    A row whose BlendShapeCount is 0 or whose values are missing is a frame without a face, and so is every frame that
    the timecode skips. Values in percent become shares.

    Arguments:
        path: of the file. settings: of reading.
        assumed_fps: of a timecode that does not show its rate, where the settings have none.

    Raises UserError when one of the 52 actions is missing (but the tongue, which is then 0), and for values that are
    neither shares nor percent.
    """
    layout = text_layout(path)
    report = Report(lacks=["landmarks (the app does not write them)"])
    actions = action_columns(layout, path, report)
    codes, whole = _lines(path, layout)
    clock = read_timecodes(codes, settings.fps, assumed_fps, path, report)
    scale = shares(_row_maxima(path, layout, list(actions.values())), path, report)
    frame = every_number(clock.frame, path)
    rows = _rows(path, layout, actions, clock, whole, scale, report)
    rows = with_every_frame(rows, clock.frame, clock.time_s, report, SHORT)
    rows = with_every_frame(rows, frame, np.interp(frame, clock.frame, clock.time_s), report, SKIPPED)
    timed = replace(settings, fps=0.0)  # it is in the clock, which knows what the timecode skips
    return recording(path, "Live Link Face", {"psi": ACTIONS}, rows, timed, report)


def _column(layout: TextLayout, plain: str) -> str | None:
    return next((name for name in layout.names if plain_name(name) == plain), None)


def _lines(path: Path, layout: TextLayout) -> tuple[list[str], Bool[np.ndarray, " n"]]:
    """Timecode of every row, and whether the row has all its values: the app cuts rows without a face short."""
    codes, whole, place = [], [], [plain_name(name) for name in layout.names].index(TIMECODE)
    with path.open(encoding=layout.encoding, errors="replace", newline=None) as file:
        rows = csv.reader(file, delimiter=layout.delimiter)
        next((row for row in rows if len(row) == len(layout.names)), None)  # down to the names
        for row in rows:
            if any(cell.strip() for cell in row):
                codes.append(row[place].strip() if len(row) > place else "")
                whole.append(len(row) == len(layout.names))
    if not codes:
        raise UserError(f"{path} has no whole row of values: it was cut off, or nothing was recorded.")
    return codes, np.array(whole)


def _row_maxima(path: Path, layout: TextLayout, columns: list[str]) -> Float[np.ndarray, " n"]:
    batches = read_columns(path, layout, columns, Counter())
    return np.concatenate([np.empty(0), *(np.stack(list(batch.values())).max(0) for batch in batches)])


def _rows(
    path: Path,
    layout: TextLayout,
    actions: dict[str, str],
    clock: Clock,
    whole: Bool[np.ndarray, " n"],
    scale: float,
    report: Report,
) -> Iterator[Rows]:
    count = _column(layout, COUNT)
    places, start = np.flatnonzero(whole), 0
    for batch in read_columns(path, layout, [*([count] if count else []), *actions.values()], Counter()):
        here = places[start : start + len(batch[actions["jawOpen"]])]
        start += len(batch[actions["jawOpen"]])
        if start > len(places):
            raise UserError(f"{path} has quotes around line ends: save it again without them.")
        psi, beyond = share_psi({action: batch[name] for action, name in actions.items()}, scale)
        report.dropped[OUTSIDE] += beyond
        yield {
            "frame": clock.frame[here],
            "time_s": clock.time_s[here],
            "detected": batch[count] > 0 if count else np.isfinite(psi).all(1),
            "psi": psi,
        }
