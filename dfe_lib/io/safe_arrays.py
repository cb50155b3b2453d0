"""Pickles that hold arrays, such as FLAME's model file, opened without running anything that is in them.

A pickle is a program that may call any function. Here it can make arrays of numbers, and the two containers in which
FLAME's files keep some of theirs (scipy's sparse matrix, chumpy's array), out of classes of this module; every other
name in it is refused.
"""

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError

__all__ = ["open_array", "open_arrays", "read_array_pickle"]

KINDS = "biuf"


def read_array_pickle(path: Path) -> dict[str, object]:
    """The dictionary in a pickle: its arrays as numpy arrays; text, numbers and dictionaries of them as they are.

    Raises UserError when it names any other class or function, which is not called, or is damaged or no dictionary.
    """
    try:
        with path.open("rb") as file:
            found = _ArrayUnpickler(file, encoding="latin1").load()
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
            raise UserError("it holds no dictionary of named arrays, so it is no model file")
        return {name: value for name, each in found.items() if (value := _plain(each)) is not None}
    except UserError as error:
        raise UserError(f"{path}: {error}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be opened ({error.strerror}): check the name and its permissions.") from None
    except Exception as error:  # a damaged pickle raises whatever its half-read instructions lead to
        raise UserError(
            f"{path} is no readable pickle of arrays ({type(error).__name__}): download it again."
        ) from None


class _Fixed(type):
    """Classes that a pickle cannot change: its instructions may set attributes of whatever it can name."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise UserError("the pickle tries to change a class, so it is not opened")


class _Type(metaclass=_Fixed):
    """Stands in for numpy.dtype."""

    def __init__(self, code: str, *_: object) -> None:
        self._code = code if isinstance(code, str) else ""
        self._order = "|"

    def __setstate__(self, state: tuple) -> None:
        self._order = state[1]

    def numpy(self) -> np.dtype:
        order = {"<": "<", ">": ">"}.get(self._order, "=")
        code = self._code.lstrip("<>=|")
        if code[:1] not in KINDS or not code[1:].isdigit():
            raise UserError(f"it holds an array of {self._code or 'objects'}, not of numbers")
        return np.dtype(order + code)


class _Array(metaclass=_Fixed):
    """Stands in for numpy.ndarray."""

    def __init__(self, *_: object) -> None:
        self._state: tuple = ()

    def __setstate__(self, state: tuple) -> None:
        self._state = state

    def numpy(self) -> np.ndarray:
        _, shape, kind, fortran, data = self._state
        numbers = kind.numpy()
        array = np.frombuffer(data.encode("latin1") if isinstance(data, str) else bytes(data), numbers)
        return array.reshape(shape, order="F" if fortran else "C").copy()


class _Container(metaclass=_Fixed):
    """Stands in for a sparse matrix or a chumpy array: what it keeps is looked up, nothing of it is called."""

    def __init__(self, *_: object) -> None:
        self._state: dict = {}

    def __setstate__(self, state: Any) -> None:
        self._state = dict(state)


class _Sparse(_Container):
    """scipy.sparse.csc_matrix."""

    def numpy(self) -> np.ndarray:
        data, rows, starts = (_plain(self._state[name]) for name in ("data", "indices", "indptr"))
        shape = self._state.get("_shape") or self._state["shape"]
        dense = np.zeros(shape, data.dtype)
        columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        np.add.at(dense, (rows, columns), data)
        return dense


class _Chumpy(_Container):
    """chumpy.ch.Ch, an array inside."""

    def numpy(self) -> object:
        return _plain(self._state["x"])


class _Calls(metaclass=_Fixed):
    """What a pickle may call; class methods, because nobody can set an attribute of one."""

    @classmethod
    def frombuffer(cls, data: bytes | bytearray, kind: _Type, shape: tuple, order: str = "C") -> _Array:
        """Stands in for the function by which newer pickles make an array of its bytes."""
        array = _Array()
        array.__setstate__((1, shape, kind, order == "F", data))
        return array

    @classmethod
    def reconstruct(cls, kind: type, *_: object) -> _Array:
        """Stands in for numpy's function of that name."""
        return _checked_instance(kind, _Array)

    @classmethod
    def rebuild(cls, kind: type, *_: object) -> _Container:
        """Stands in for copyreg's way to make an object of an old pickle."""
        return _checked_instance(kind, _Container)

    @classmethod
    def encode(cls, text: str, encoding: str = "latin1") -> bytes:
        """Stands in for _codecs.encode, by which Python 3 writes bytes for Python 2."""
        if encoding not in ("latin1", "latin-1"):
            raise UserError(f"it encodes text as {encoding}, which arrays do not need")
        return text.encode("latin1")

    @classmethod
    def empty(cls) -> bytes:
        """Stands in for bytes, which old pickles call for an empty array; with a number it would fill the memory."""
        return b""


def _checked_instance(cls: object, kind: type) -> Any:
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise UserError("it makes something that is no array")
    return cls()


class _Nothing(metaclass=_Fixed):
    """Stands in for object, which old pickles name without making one."""


KNOWN: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _Calls.reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _Calls.reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _Calls.frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _Calls.frombuffer,
    ("scipy.sparse.csc", "csc_matrix"): _Sparse,
    ("scipy.sparse._csc", "csc_matrix"): _Sparse,
    ("chumpy.ch", "Ch"): _Chumpy,
    ("copy_reg", "_reconstructor"): _Calls.rebuild,
    ("copyreg", "_reconstructor"): _Calls.rebuild,
    ("__builtin__", "bytes"): _Calls.empty,
    ("builtins", "bytes"): _Calls.empty,
    ("__builtin__", "object"): _Nothing,
    ("builtins", "object"): _Nothing,
    ("_codecs", "encode"): _Calls.encode,
}
"""Every name that a pickle may use, and what it gets for it."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable:
        try:
            return KNOWN[module, name]
        except KeyError:
            raise UserError(f"it asks for {module}.{name}, which is no array, so it is not opened") from None


def _plain(value: object) -> Any:
    """The array that a stand-in holds; text, numbers and dictionaries as they are; None for anything else."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if isinstance(name, str)}
    if isinstance(value, _Array | _Sparse | _Chumpy):
        return value.numpy()
    return value if isinstance(value, str | int | float) else None


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
