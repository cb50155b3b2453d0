"""The DAIC-WOZ layout (Gratch et al. 2014): one session as `<id>_CLNF_features.txt` and its companions, no video."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...action_units import OPENFACE_INTENSITY, OPENFACE_OCCURRENCE
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .openface import KEY, columns_of, table_lists, table_rows
from .recording import Recording, Report, Rows, recording
from .settings import ReadSettings

__all__ = ["is_companion", "is_daic_woz", "read_daic_woz"]

MIDDLE = "_CLNF_"
ANCHORS = ("features", "AUs")
"""The file that stands for a session: its landmarks, or its action units where landmarks are not kept."""

FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "features": {"landmarks": tuple(f"{axis}{i}" for i in range(68) for axis in "xy")},
    "features3D": {"landmarks_mm": tuple(f"{axis}{i}" for i in range(68) for axis in "XYZ")},
    "pose": {"pose": ("Tx", "Ty", "Tz", "Rx", "Ry", "Rz")},
    "gaze": {"gaze": ("x_0", "y_0", "z_0", "x_1", "y_1", "z_1")},
    "AUs": {
        "au_intensity": tuple(f"{name}_r" for name in OPENFACE_INTENSITY),
        "au_occurrence": tuple(f"{name}_c" for name in OPENFACE_OCCURRENCE),
    },
}
"""Columns of each companion behind each column of the frames table; of the gaze, the two vectors in camera axes."""


def is_daic_woz(path: Path) -> bool:
    """Is this the file that stands for a session?"""
    if MIDDLE not in path.name or path.suffix != ".txt":
        return False
    first = next((kind for kind in ANCHORS if _companion(path, kind).exists()), None)
    return first is not None and path.name == _companion(path, first).name


def is_companion(path: Path) -> bool:
    """Does this file belong to a session for which another stands?"""
    return MIDDLE in path.name and path.suffix == ".txt" and not is_daic_woz(path)


def read_daic_woz(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a session: the files of the same folder and number, side by side.

    Raises UserError when the files do not hold the same frames.
    """
    files = {kind: _companion(path, kind) for kind in FILES if _companion(path, kind).exists()}
    layouts = {kind: text_layout(file) for kind, file in files.items()}
    parts = {kind: _parts(kind, layouts[kind], file) for kind, file in files.items()}
    lists = {name: size for kind in files for name, size in table_lists(parts[kind]).items()}
    report = Report(lacks=[f"the file {_companion(path, kind).name}" for kind in FILES if kind not in files])
    streams = [_stream(files[kind], layouts[kind], parts[kind], report) for kind in files]
    return recording(path, "DAIC-WOZ (OpenFace)", lists, _rows(path, streams), settings, report)


def _companion(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name.partition(MIDDLE)[0]}{MIDDLE}{kind}.txt")


def _parts(kind: str, layout: TextLayout, path: Path) -> dict[str, tuple[str, ...]]:
    layout.require(KEY, path)
    parts = {name: columns_of(name, columns, layout, path) for name, columns in FILES[kind].items()}
    parts = {name: columns for name, columns in parts.items() if columns}
    if not parts:
        raise UserError(f"{path} has none of the columns of its kind: unpack the session again.")
    return parts


def _stream(path: Path, layout: TextLayout, parts: dict[str, tuple[str, ...]], report: Report) -> Iterator[Rows]:
    columns = [*KEY, *(name for part in parts.values() for name in part)]
    for batch in read_columns(path, layout, columns, report.dropped):
        yield {name: batch[name] for name in KEY} | table_rows(parts, batch)


def _rows(path: Path, streams: list[Iterator[Rows]]) -> Iterator[Rows]:
    for parts in _side_by_side(path, streams):
        first = parts[0]
        if any(not np.array_equal(first["frame"], part["frame"]) for part in parts):
            raise UserError(f"{path} and the files beside it hold other frames than one another: unpack them again.")
        lists = {name: values for part in parts for name, values in part.items() if name not in KEY}
        yield lists | {
            "frame": first["frame"] - 1,
            "time_s": first["timestamp"],
            "detected": first["success"] == 1,
            "confidence": first["confidence"],
        }


def _side_by_side(path: Path, streams: list[Iterator[Rows]]) -> Iterator[list[Rows]]:
    """Batches of the same length from every stream."""
    waiting: list[Rows] = [{} for _ in streams]
    while True:
        for i, stream in enumerate(streams):
            if not len(waiting[i].get("frame", ())):
                waiting[i] = next(stream, {})
        lengths = [len(rows.get("frame", ())) for rows in waiting]
        if not any(lengths):
            return
        if not all(lengths):
            raise UserError(f"{path} and the files beside it are not of one length: unpack them again.")
        count = min(lengths)
        yield [{name: values[:count] for name, values in rows.items()} for rows in waiting]
        waiting = [{name: values[count:] for name, values in rows.items()} for rows in waiting]
