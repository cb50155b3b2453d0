"""Pickles that hold arrays, such as FLAME's model file, opened without running anything that is in them.

A pickle is a program that may call any function. Here every name it may use stands for a class that only notes what it
is given; what was noted is then read as arrays of numbers. Source: "Restricting globals" in Python's manual of pickle.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix

from ..errors import UserError

__all__ = ["read_array_pickle"]

DEEPEST = 2
"""Dictionaries inside one another: ChaLearn's annotations are a trait's scores by clip."""
LARGEST = 1 << 29
"""Bytes of a sparse matrix once it is filled up."""


def read_array_pickle(path: Path) -> dict[str, object]:
    """The dictionary in a pickle: its arrays as numpy arrays; text, numbers and dictionaries of them as they are.

    Raises UserError when it names any other class or function, which is not called, or is damaged or no dictionary.
    """
    try:
        with path.open("rb") as file:
            found = _ArrayUnpickler(file, encoding="latin1").load()
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
            raise UserError("it holds no dictionary of named arrays, so it is no model file")
        return {name: value for name, each in found.items() if (value := _plain(each, DEEPEST)) is not None}
    except UserError as error:
        raise UserError(f"{path}: {' '.join(str(error).split())[:300]}.") from None  # it may cite what is in the file
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


class _Noted(metaclass=_Fixed):
    """What a pickle calls or makes: its arguments and its state, and nothing happens."""

    arguments: tuple
    state: Any

    def __new__(cls, *arguments: object) -> "_Noted":
        noted = super().__new__(cls)
        noted.arguments, noted.state = arguments, ()
        return noted

    def __setstate__(self, state: Any) -> None:
        self.state = state


_CORE = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_KINDS = {
    "ndarray": ("numpy",), "dtype": ("numpy",), "_reconstruct": _CORE[:2], "_frombuffer": _CORE[2:],
    "csc_matrix": ("scipy.sparse.csc", "scipy.sparse._csc"), "Ch": ("chumpy.ch",), "encode": ("_codecs",),
    "_reconstructor": ("copy_reg", "copyreg"), "bytes": ("__builtin__", "builtins"),
    "object": ("__builtin__", "builtins"),
}  # fmt: skip
KNOWN = {(module, name): kind for name in _KINDS for kind in [_Fixed(name, (_Noted,), {})] for module in _KINDS[name]}
"""Every name that a pickle may use, and the class that stands for it."""


class _ArrayUnpickler(pickle._Unpickler):
    # the one in Python: the one in C takes 16 bytes of memory for each number up to the highest that is in the file

    def find_class(self, module: str, name: str) -> type:
        try:
            return KNOWN[module, name]
        except KeyError:
            raise UserError(f"it asks for {module}.{name}, which is no array, so it is not opened") from None


def _plain(value: object, deeper: int = 0) -> Any:
    """What was noted as an array; text, numbers and dictionaries as they are; None for anything else."""
    if isinstance(value, dict):
        inside = {name: each for name, each in value.items() if isinstance(name, str)} if deeper else {}
        return {name: _plain(each, deeper - 1) for name, each in inside.items()}
    if not isinstance(value, _Noted):
        return value if isinstance(value, str | int | float) else None
    kind, arguments, state = type(value).__name__, value.arguments, value.state
    if kind in ("_reconstruct", "_reconstructor"):
        wanted = ("ndarray",) if kind == "_reconstruct" else ("csc_matrix", "Ch")
        kind = getattr(arguments[0], "__name__", "") if arguments and arguments[0] in KNOWN.values() else ""
        if kind not in wanted:
            raise UserError("it makes something that is no array")
    if kind == "ndarray":
        return _array(state[4], state[2], state[1], "F" if state[3] else "C")
    if kind == "_frombuffer":
        return _array(*arguments)
    if kind == "csc_matrix":
        return _dense(dict(state))
    return _plain(dict(state)["x"]) if kind == "Ch" else _no_array(kind)


def _array(data: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    code = str(dtype.arguments[0]).lstrip("<>=|") if type(dtype) is KNOWN["numpy", "dtype"] else "objects"
    if code[:1] not in "biuf" or not code[1:].isdigit():
        raise UserError(f"it holds an array of {code}, not of numbers")
    byte_order = dtype.state[1] if dtype.state and dtype.state[1] in "<>" else "="
    return np.frombuffer(_bytes(data), np.dtype(byte_order + code)).reshape(shape, order=order).copy()


def _bytes(data: Any) -> bytes:
    if isinstance(data, _Noted):  # protocols before 3 write bytes as a call
        kind, arguments = type(data).__name__, data.arguments
        if kind == "bytes" and not arguments:
            return b""
        if kind != "encode" or arguments[1:] not in ((), ("latin1",), ("latin-1",)):
            return _no_array(kind)
        data = arguments[0]
    return data.encode("latin1") if isinstance(data, str) else bytes(memoryview(data))


def _dense(state: dict) -> np.ndarray:
    parts = tuple(_plain(state[name]) for name in ("data", "indices", "indptr"))
    shape = tuple(int(size) for size in (state.get("_shape") or state["shape"]))
    if np.prod(shape, dtype=float) * parts[0].itemsize > LARGEST:
        raise UserError("it holds a matrix that is too large to be of a head")
    matrix = csc_matrix(parts, shape)
    matrix.check_format(full_check=True)
    return matrix.toarray()


def _no_array(kind: str) -> Any:
    raise UserError(f"it uses {kind} for something that is no array")
