"""Arrays on disk, .npy and .npz, of numbers alone: nothing in them is ever run."""

import zipfile
from pathlib import Path

import numpy as np

from .errors import UserError

__all__ = ["open_array", "open_arrays"]


def open_array(path: Path) -> np.ndarray:
    """The array of a .npy file, mapped from disk. Raises UserError for a damaged file and for pickled objects."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path} is no array of numbers ({_why(error)}): save it with numpy.save.") from None
    return _numbers(array, path)


def open_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of numbers of a .npz file by name; text and pickled objects in it are left alone."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: array for name in file.files if (array := _or_none(file, name)) is not None}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no file of arrays ({_why(error)}): save it with numpy.savez.") from None


def _or_none(file: np.lib.npyio.NpzFile, name: str) -> np.ndarray | None:
    try:
        array = file[name]
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            return None
        raise
    return array if array.dtype.kind in "biuf" else None


def _numbers(array: np.ndarray, path: Path) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.ndim:
        raise UserError(f"{path} holds no plain array of numbers: save it with numpy.save.")
    return array


def _why(error: Exception) -> str:
    if any(word in str(error) for word in ("allow_pickle", "Object arrays", "Python objects")):
        return "it holds pickled objects, which are not opened"
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
