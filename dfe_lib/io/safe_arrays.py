"""Arrays of numpy's own files; nothing in a file from outside is run, and no more is unpacked than fits."""

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..errors import UserError
from .array_pickle import read_array_pickle

__all__ = ["LARGEST", "array_names", "open_array", "open_arrays", "read_array_pickle"]

LARGEST = 1 << 29
"""Bytes that the arrays of one .npz file may unpack to: half a day of expression codes, ten times FLAME's file."""


def open_array(path: Path) -> np.ndarray:
    """The array of a .npy file, mapped from disk. Raises UserError for a damaged file and for pickled objects."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header raises whatever its half-read text leads to
        raise UserError(f"{path} is no array of numbers ({_why(error)}): save it with numpy.save.") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.ndim:
        raise UserError(f"{path} holds no plain array of numbers: save it with numpy.save.")
    return array


def array_names(path: Path) -> set[str]:
    """Names of what a .npz file holds; nothing is unpacked. Raises UserError for a damaged file."""
    try:
        with zipfile.ZipFile(path) as file:
            return {name.removesuffix(".npy") for name in file.namelist()}
    except Exception as error:
        raise UserError(f"{path} is no file of arrays ({_why(error)}): save it with numpy.savez.") from None


def open_arrays(path: Path, wanted: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of numbers of a .npz file by name; text and pickled objects in it are left alone.

    Arguments:
        path: the file.
        wanted: names of the arrays to read, as far as they are there (default: all).

    Raises UserError for a damaged file, and for arrays that are larger together than `LARGEST`.
    """
    names = array_names(path)
    names = names if wanted is None else names & set(wanted)
    try:
        _check_size(path, names)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: _or_none(file, name) for name in file.files if name in names}
    except UserError:
        raise
    except Exception as error:  # as in open_array
        raise UserError(f"{path} is no file of arrays ({_why(error)}): save it with numpy.savez.") from None
    return {name: array for name, array in arrays.items() if array is not None}


def _check_size(path: Path, names: Collection[str]) -> None:
    with zipfile.ZipFile(path) as file:
        size = sum(each.file_size for each in file.infolist() if each.filename.removesuffix(".npy") in names)
    if size > LARGEST:
        raise UserError(
            f"{path} would unpack to {size >> 20} MB, and {LARGEST >> 20} are read: cut it into several clips."
        )


def _or_none(file: np.lib.npyio.NpzFile, name: str) -> np.ndarray | None:
    try:
        array = file[name]
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            return None
        raise
    return array if isinstance(array, np.ndarray) and array.dtype.kind in "biuf" else None


def _why(error: Exception) -> str:
    if any(word in str(error) for word in ("allow_pickle", "Object arrays", "Python objects")):
        return "it holds pickled objects, which are not opened"
    return str(error).splitlines()[0].rstrip(".")[:200] if str(error) else type(error).__name__
