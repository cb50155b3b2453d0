"""LibreFace's CSV files (Chang et al. 2024): action units, and the 478 landmarks of MediaPipe."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...action_units import LIBREFACE_DETECTED, LIBREFACE_INTENSITY
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from ...io.tables import N_LANDMARKS
from .recording import Recording, Report, Rows, assumed_times, missing_units, recording
from .settings import ReadSettings

__all__ = ["is_libreface", "read_libreface"]

FRAME, TIME_MS = "frame_idx", "frame_time_in_ms"
POINTS = tuple(f"lm_mp_{i}_{axis}" for i in range(N_LANDMARKS) for axis in "xyz")
UNITS = {
    "au_intensity": {f"au_{int(name[2:])}_intensity": name for name in LIBREFACE_INTENSITY},
    "au_occurrence": {f"au_{int(name[2:])}": name for name in LIBREFACE_DETECTED},
}


def is_libreface(names: Sequence[str]) -> bool:
    """Do these columns belong to a LibreFace file?"""
    return bool(set(names) & {POINTS[0], *UNITS["au_intensity"]})


def read_libreface(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a LibreFace file, of a video or of one picture.

    Its landmarks are shares of the picture's sides, so they are read where the settings give width and height.

    Raises UserError when there is neither an action unit nor a landmark to read.
    """
    layout = text_layout(path)
    units = {part: {c: n for c, n in names.items() if c in layout.names} for part, names in UNITS.items()}
    units = {part: names for part, names in units.items() if names}
    points = _points(path, layout, settings)
    if not units and not points:
        raise UserError(f"{path} has no action units, and its landmarks need the settings width and height.")
    report = Report(lacks=[f"{part} of action units" for part in UNITS if part not in units])
    for part in units:
        report.lacks += missing_units(units[part], UNITS[part])
    if not points:
        report.lacks.append("landmarks in pixels (they are shares of the picture: give the settings width and height)")
    lists = ({"landmarks": len(points)} if points else {}) | {
        part: tuple(each.values()) for part, each in units.items()
    }
    rows = _rows(path, layout, units, points, settings, report)
    return recording(path, "LibreFace", lists, rows, settings, report)


def _points(path: Path, layout: TextLayout, settings: ReadSettings) -> tuple[str, ...]:
    if POINTS[0] not in layout.names or not (settings.width and settings.height):
        return ()
    layout.require(POINTS, path)
    return POINTS


def _rows(
    path: Path,
    layout: TextLayout,
    units: dict[str, dict[str, str]],
    points: tuple[str, ...],
    settings: ReadSettings,
    report: Report,
) -> Iterator[Rows]:
    key = [name for name in (FRAME, TIME_MS) if name in layout.names]
    columns = [*key, *points, *(name for part in units.values() for name in part)]
    rows = _batches(path, layout, columns, units, points, settings, report)
    return rows if TIME_MS in key else assumed_times(rows, settings, report)


def _batches(
    path: Path,
    layout: TextLayout,
    columns: list[str],
    units: dict[str, dict[str, str]],
    points: tuple[str, ...],
    settings: ReadSettings,
    report: Report,
) -> Iterator[Rows]:
    # MediaPipe gives depth in shares of the width
    size = np.tile([settings.width, settings.height, settings.width], N_LANDMARKS)
    count = 0
    for batch in read_columns(path, layout, columns, report.dropped):
        lines = np.arange(count, count + len(batch[columns[-1]]), dtype=float)
        count += len(lines)
        rows = {part: np.stack([batch[name] for name in names], 1) for part, names in units.items()}
        if points:
            rows["landmarks"] = np.stack([batch[name] for name in points], 1) * size
        times = {"time_s": batch[TIME_MS] / 1000} if TIME_MS in batch else {}
        # a frame without a face has no value at all
        seen = np.isfinite(np.concatenate(list(rows.values()), 1)).any(1)
        yield rows | times | {"frame": batch.get(FRAME, lines), "detected": seen}
