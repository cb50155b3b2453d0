"""Face features of Seamless Interaction (Meta, 2025): 24 action-unit values a frame in `<id>.npz`, or in .npy files.

The files do not name the units, and their scale is not documented: the values are called FAU01 to FAU24 here.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from ...errors import UserError
from ...io.safe_arrays import open_array, open_arrays
from .recording import Recording, Report, Rows, recording
from .settings import ReadSettings

__all__ = ["UNITS", "is_seamless", "read_seamless"]

VALUES, VALID = "FAUValue", "is_valid"
WIDTH = 24
UNITS = tuple(f"FAU{i + 1:02d}" for i in range(WIDTH))
FPS = 30.0
CHUNK = 4096
INVALID = "frames that the files call invalid"


def is_seamless(path: Path) -> bool:
    """Is this a file of features of one person in one interaction?"""
    if path.suffix == ".npz":
        return f"movement:{VALUES}" in open_arrays(path)
    return path.suffix == ".npy" and path.parent.name.rpartition(":")[2] == VALUES


def read_seamless(path: Path, settings: ReadSettings) -> Recording:
    """Action-unit values of each frame, 30 a second; a frame that the file calls invalid has no face.

    Raises UserError when the values are not 24 a frame, or there is not one word on validity a frame.
    """
    values, valid = _arrays(path)
    if values.ndim != 2 or values.shape[1] != WIDTH:
        raise UserError(f"{path} has values of the shape {values.shape}, not (frames, {WIDTH}): download it again.")
    if valid is not None and len(valid) != len(values):
        raise UserError(f"{path} has {len(values)} frames of values and {len(valid)} of validity: download it again.")
    report = Report(lacks=["landmarks and pictures: use the video of the same name for them"])
    report.notes += [f"{FPS:g} frames a second, as its authors say"] * (not settings.fps)
    report.notes.append("the files do not name the 24 values (FAU01 to FAU24 here) and do not document their scale")
    report.notes += ["it does not say which frames are valid"] * (valid is None)
    whole = np.ones(len(values), bool) if valid is None else valid
    report.dropped[INVALID] += int((~whole).sum())
    rows = _rows(values, whole, settings.fps or FPS)
    return recording(path, "Seamless Interaction", {"au_intensity": UNITS}, rows, settings, report)


def _arrays(path: Path) -> tuple[Float[np.ndarray, "..."], Bool[np.ndarray, " n"] | None]:
    """Values and validity of the frames, each as (T, k)."""
    if path.suffix == ".npz":
        arrays = open_arrays(path)
        values, valid = arrays[f"movement:{VALUES}"], arrays.get(f"movement:{VALID}")
    else:
        prefix = path.parent.name.removesuffix(VALUES)
        beside = path.parent.with_name(f"{prefix}{VALID}") / path.name
        values, valid = open_array(path), open_array(beside) if beside.is_file() else None
    return values, None if valid is None else np.asarray(valid, bool).reshape(len(valid), -1).min(1)


def _rows(values: Float[np.ndarray, "n 24"], valid: Bool[np.ndarray, " n"], rate: float) -> Iterator[Rows]:
    for start in range(0, len(values), CHUNK):
        frame = np.arange(start, min(start + CHUNK, len(values)), dtype=float)
        here = slice(start, start + CHUNK)
        yield {
            "frame": frame,
            "time_s": frame / rate,
            "detected": valid[here],
            "au_intensity": np.asarray(values[here], float),
        }
