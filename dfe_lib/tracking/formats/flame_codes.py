"""Expression codes of the FLAME head model, as EMOCA, DECA and SMIRK write them: these coefficients are psi.

A clip is a .npz file, a bare .npy array, a folder of `exp.npy` and `pose.npy`, or a folder with one of these a frame.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...errors import UserError
from ...io.safe_arrays import array_names, open_array, open_arrays
from .gaps import every_number, with_every_frame
from .numbered_frames import Member, numbered
from .recording import Recording, Report, Rows, assumed_times, recording
from .rotation_6d import axis_angle, is_interleaved
from .settings import ASSUMED_FPS, ReadSettings

__all__ = ["EYELIDS", "JAW", "flame_names", "is_flame_codes", "read_flame_codes"]

JAW = ("jawX", "jawY", "jawZ")
EYELIDS = ("eyelidLeft", "eyelidRight")
ALIASES: dict[str, tuple[str, ...]] = {
    "expression": ("expression_params", "expcode", "expression", "exp", "expr"),
    "jaw": ("jaw_params", "jawpose", "jaw_pose", "jaw"),
    "pose": ("posecode", "pose"),
    "eyelids": ("eyelid_params", "eyelids", "eyelid"),
}
"""Names under which the programs keep each part, most specific first."""
NAMES = {name for names in ALIASES.values() for name in names}
BARE = {width: (count, width - count) for count in (50, 100) for width in (count, count + 3, count + 5)}
"""Widths of an array without names: expression alone, with the jaw, with the jaw and the eyelids."""
CHUNK = 512
SKIPPED = "frames that the numbers skip"

Parts = dict[str, np.ndarray]


def flame_names(n_expression: int, jaw: bool = True, eyelids: bool = False) -> tuple[str, ...]:
    """Names of the coefficients.

    >>> flame_names(50)[-4:]
    ('exp50', 'jawX', 'jawY', 'jawZ')
    """
    return tuple(f"exp{i + 1}" for i in range(n_expression)) + JAW * jaw + EYELIDS * eyelids


def is_flame_codes(path: Path) -> bool:
    """Is this a file or a folder of codes? Looks at names and shapes alone."""
    if path.is_dir():
        return bool(_named_files(path)) or _first_frame(path) is not None
    if path.suffix == ".npz":
        return not array_names(path).isdisjoint(ALIASES["expression"])
    if path.suffix == ".npy" and not _is_part(path):
        return open_array(path).shape[1:] in {(width,) for width in BARE}
    return False


def read_flame_codes(path: Path, settings: ReadSettings) -> Recording:
    """Rows of codes: expression (50 or 100), jaw as an axis-angle (3, rad), eyelids (2) where they are kept.

    A 6-number jaw becomes an axis-angle, see `rotation_6d`; of a 6-number pose, the head's turn is left out. A frame
    that the numbers of a folder skip is a row without a face.

    Raises UserError when a part has another length, or the parts are not of one length.
    """
    report = Report(lacks=["landmarks and pictures: the codes alone are the expression"])
    members = [] if path.is_file() or _named_files(path) else _members(path, settings.faces, report)
    chunks = _stacks(path, members) if members else _slices(_parts(path))
    first = next(chunks, None)
    if first is None:
        raise UserError(f"{path} has no frame in it: nothing was recorded.")
    names = _names(first[1], path)
    if JAW[0] not in names:
        report.lacks.append("the jaw: mouths look closed")
    rows = assumed_times(_rows(path, chain([first], chunks), names, _jaw(first[1], settings, report)), settings, report)
    if members:
        frame = every_number(np.unique([float(each[0]) for each in members]), path)
        rows = with_every_frame(rows, frame, frame / (settings.fps or ASSUMED_FPS), report, SKIPPED)
    return recording(path, "FLAME codes", {"psi": names}, rows, settings, report)


def _slices(parts: Parts) -> Iterator[tuple[Rows, Parts]]:
    """Frame numbers and parts of a clip's arrays, chunk by chunk."""
    count = len(parts["expression"])
    for start in range(0, count, CHUNK):
        frame = np.arange(start, min(start + CHUNK, count), dtype=float)
        yield {"frame": frame}, {name: np.asarray(part[start : start + CHUNK]) for name, part in parts.items()}


def _stacks(path: Path, members: list[Member]) -> Iterator[tuple[Rows, Parts]]:
    """Frame numbers, faces and parts of a folder's members, chunk by chunk."""
    for start in range(0, len(members), CHUNK):
        chunk = members[start : start + CHUNK]
        key = {
            "frame": np.array([each[0] for each in chunk], float),
            "face": np.array([each[1] for each in chunk], float),
        }
        yield key, _stacked([_single(each[2]) for each in chunk], path)


def _jaw(parts: Parts, settings: ReadSettings, report: Report) -> Callable[[np.ndarray], np.ndarray]:
    """What makes an axis-angle of the jaw; a layout of six numbers that is taken is noted."""
    if "jaw" not in parts or parts["jaw"].shape[1] == 3:
        return lambda jaw: jaw
    interleaved = is_interleaved(parts["jaw"].astype(float))
    taken = "two columns of a rotation side by side, as their lengths show"
    if not interleaved:
        other = "columns" if settings.jaw_6d == "rows" else "rows"
        taken = f"two {settings.jaw_6d} of a rotation; were they {other}, the jaw would turn the other way"
    report.notes.append(f"the jaw's six numbers are taken as {taken} (setting jaw_6d)")
    return lambda jaw: axis_angle(jaw, settings.jaw_6d, interleaved)


def _rows(
    path: Path, chunks: Iterable[tuple[Rows, Parts]], names: tuple, jaw: Callable[[np.ndarray], np.ndarray]
) -> Iterator[Rows]:
    for key, parts in chunks:
        if _names(parts, path) != names:
            raise UserError(f"{path} has frames with different parts of the codes: make them all with one program.")
        psi = _psi(parts, jaw)
        yield key | {"psi": psi, "detected": np.isfinite(psi).all(1)}


def _names(parts: Parts, path: Path) -> tuple[str, ...]:
    lengths = {name: part.shape[1] for name, part in parts.items()}
    expected = {"expression": (50, 100), "jaw": (3, 6), "eyelids": (2,)}
    for name, length in lengths.items():
        if length not in expected[name]:
            wanted = " or ".join(map(str, expected[name]))
            raise UserError(f"{path}: {name} has {length} numbers a frame, not {wanted}.")
    return flame_names(lengths["expression"], "jaw" in lengths, "eyelids" in lengths)


def _psi(parts: Parts, jaw: Callable[[np.ndarray], np.ndarray]) -> Float[np.ndarray, "n e"]:
    turned = [jaw(parts["jaw"].astype(float))] if "jaw" in parts else []
    eyelids = [parts["eyelids"]] if "eyelids" in parts else []
    return np.concatenate([parts["expression"], *turned, *eyelids], 1).astype(np.float64)


def _parts(path: Path) -> Parts:
    """The parts of a file or folder as (T, k) arrays of one length."""
    if path.suffix == ".npy":
        return _bare(path)
    arrays = open_arrays(path, NAMES) if path.suffix == ".npz" else {f.stem: open_array(f) for f in _named_files(path)}
    parts = _by_alias(arrays)
    if "expression" not in parts:
        raise UserError(f"{path} has no expression codes: they are looked for as {', '.join(ALIASES['expression'])}.")
    pose = parts.pop("pose", None)
    if pose is not None and "jaw" not in parts and _rows_of(pose).shape[1] == 6:
        parts["jaw"] = _rows_of(pose)[:, 3:]
    if "jaw" in parts and parts["jaw"].shape[1:] == (3, 2):  # two columns of a rotation, as their shape tells
        parts["jaw"] = axis_angle(parts["jaw"].reshape(-1, 6).astype(float), "columns", interleaved=True)
    parts = {name: _rows_of(part) for name, part in parts.items()}
    if len({len(part) for part in parts.values()}) > 1:
        lengths = ", ".join(f"{name} {len(part)}" for name, part in parts.items())
        raise UserError(f"{path} has parts of different lengths ({lengths}): they must have one row a frame.")
    return parts


def _bare(path: Path) -> Parts:
    array = open_array(path)
    if array.ndim != 2 or array.shape[1] not in BARE:
        widths = ", ".join(map(str, BARE))
        raise UserError(f"{path} has the shape {array.shape}; an array without names must be (frames, {widths}).")
    count, more = BARE[array.shape[1]]
    ends = {"expression": (0, count)} | ({"jaw": (count, count + 3)} if more else {})
    ends |= {"eyelids": (count + 3, count + 5)} if more == 5 else {}
    return {name: array[:, start:stop] for name, (start, stop) in ends.items()}


def _rows_of(part: np.ndarray) -> np.ndarray:
    """(k,) is one frame; (T, 1, k) is (T, k)."""
    return part[None] if part.ndim == 1 else part.reshape(len(part), -1)


def _by_alias(arrays: dict[str, np.ndarray]) -> Parts:
    found = {part: next((name for name in names if name in arrays), None) for part, names in ALIASES.items()}
    return {part: arrays[name] for part, name in found.items() if name}


def _is_part(path: Path) -> bool:
    return any(path.stem in names for names in ALIASES.values())


def _named_files(folder: Path) -> list[Path]:
    """The parts that lie in a folder, when the expression is among them."""
    files = [folder / f"{name}.npy" for names in ALIASES.values() for name in names]
    files = [file for file in files if file.is_file()]
    return files if any(file.stem in ALIASES["expression"] for file in files) else []


def _first_frame(folder: Path) -> Path | None:
    """A member of a folder with one file or folder a frame."""
    for member in sorted(folder.iterdir()):
        if member.is_dir() and _named_files(member):
            return member
        if member.suffix in (".npz", ".npy") and _is_single(member):
            return member
    return None


def _is_single(path: Path) -> bool:
    """One frame's file; a whole clip's has more rows, and is a clip by itself."""
    if path.suffix == ".npz":
        parts = _by_alias(open_arrays(path, ALIASES["expression"]))
        return "expression" in parts and len(_rows_of(parts["expression"])) == 1
    return not _is_part(path) and open_array(path).shape in {(width,) for width in BARE}


def _single(path: Path) -> Parts:
    if path.suffix == ".npy":
        count, more = BARE[len(array)] if len(array := open_array(path)) in BARE else (0, 0)
        if not count:
            raise UserError(f"{path} has {array.shape} numbers, which is no code of FLAME.")
        parts = {"expression": array[None, :count]} | ({"jaw": array[None, count : count + 3]} if more else {})
        return parts | ({"eyelids": array[None, count + 3 :]} if more == 5 else {})
    return _parts(path)


def _stacked(singles: list[Parts], path: Path) -> Parts:
    if any(each.keys() != singles[0].keys() for each in singles):
        raise UserError(f"{path} has frames with different parts of the codes: make them all with one program.")
    try:
        return {name: np.concatenate([each[name] for each in singles]) for name in singles[0]}
    except ValueError:
        raise UserError(f"{path} has frames with codes of different lengths: make them all with one program.") from None


def _members(folder: Path, faces: str, report: Report) -> list[Member]:
    """Frame number, face and place of each frame, in order."""
    first = _first_frame(folder)
    if first is None:
        raise UserError(f"{folder} holds no codes: they are looked for as .npz files or folders with exp.npy.")
    alike = [each for each in folder.iterdir() if each.is_dir() == first.is_dir() and each.suffix == first.suffix]
    return numbered([each for each in alike if first.is_file() or _named_files(each)], faces, report)
