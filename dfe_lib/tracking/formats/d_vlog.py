"""D-Vlog's visual features (Yoon et al. 2022): `<id>_visual.npy`, 68 landmarks of a vlog about once a second."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from ...errors import UserError
from ...io.safe_arrays import open_array
from .recording import Recording, Report, Rows, recording
from .settings import ReadSettings

__all__ = ["interleaved", "is_d_vlog", "read_d_vlog"]

ENDING = "_visual.npy"
WIDTH = 136
FPS = 1.0
CHUNK = 4096
CHECKED = 2000
"""Frames from which the order of the numbers is recognised."""


def is_d_vlog(path: Path) -> bool:
    """Is this a file of visual features?"""
    return path.name.endswith(ENDING) and open_array(path).shape[1:] == (WIDTH,)


def read_d_vlog(path: Path, settings: ReadSettings) -> Recording:
    """Landmarks of one vlog; a row of zeros is a moment without a face.

    There are no times: a row is a second, unless the settings give fps. Blinks and the course of an expression are
    lost at that rate.

    Raises UserError when the numbers are not the landmarks of upright faces in either order that is known.
    """
    array = open_array(path)
    if array.shape[1:] != (WIDTH,):
        raise UserError(f"{path} has the shape {array.shape}, not (rows, {WIDTH}): it is no D-Vlog file.")
    report = Report(lacks=["more than about one frame a second: no blinks, no course of an expression"])
    rate = settings.fps or FPS
    report.notes.append(f"no times in the file: {rate:g} rows a second")
    rows = _rows(array, interleaved(path, array[:CHECKED]), _size(array, settings, report), rate)
    return recording(path, "D-Vlog (68 landmarks)", {"landmarks": WIDTH}, rows, settings, report)


def interleaved(path: Path, rows: Float[np.ndarray, "n 136"]) -> bool:
    """Is each row x0, y0, x1, y1, ... rather than all x before all y? The eyes and the mouth decide."""
    present = rows[np.isfinite(rows).all(1) & (rows != 0).any(1)]
    if not len(present):
        raise UserError(f"{path} has no row with a face in it: the face detector found nobody.")
    pairs, blocks = present.reshape(-1, 68, 2), present.reshape(-1, 2, 68).transpose(0, 2, 1)
    shares = [_upright(points).mean() for points in (pairs, blocks)]
    if max(shares) < 0.5:
        raise UserError(f"{path} does not hold 68 landmarks of upright faces in an order that is known here.")
    return bool(shares[0] >= shares[1])


def _upright(points: Float[np.ndarray, "n 68 2"]) -> Bool[np.ndarray, " n"]:
    """Right eye left of the left one, eyes above the mouth, the mouth's corners on their sides."""
    right, left, mouth = (points[:, part].mean(1) for part in (slice(36, 42), slice(42, 48), slice(48, 68)))
    corners = points[:, 48, 0] < points[:, 54, 0]
    return (right[:, 0] < left[:, 0]) & (np.maximum(right, left)[:, 1] < mouth[:, 1]) & corners


def _size(array: Float[np.ndarray, "n 136"], settings: ReadSettings, report: Report) -> tuple[float, float]:
    """What a number has to be multiplied by to be in pixels."""
    if np.nanmax(array[:CHECKED]) > 2:
        return 1.0, 1.0
    if settings.width and settings.height:
        return float(settings.width), float(settings.height)
    report.notes.append("landmarks are shares of the picture, taken as square: give the settings width and height")
    return 1000.0, 1000.0


def _rows(array: Float[np.ndarray, "n 136"], pairs: bool, size: tuple[float, float], rate: float) -> Iterator[Rows]:
    for start in range(0, len(array), CHUNK):
        values = np.asarray(array[start : start + CHUNK], float)
        points = values.reshape(-1, 68, 2) if pairs else values.reshape(-1, 2, 68).transpose(0, 2, 1)
        frame = np.arange(start, start + len(values), dtype=float)
        yield {
            "frame": frame,
            "time_s": frame / rate,
            "detected": (values != 0).any(1),
            "landmarks": (points * size).reshape(len(values), -1),
        }
