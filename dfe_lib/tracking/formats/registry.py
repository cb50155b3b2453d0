"""The files of other programs that the study reads: which one a file is, and where they lie in a folder."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...io.delimited import text_layout
from .d_vlog import is_d_vlog, read_d_vlog
from .daic_woz import is_companion, is_daic_woz, read_daic_woz
from .flame_codes import is_flame_codes, read_flame_codes
from .libreface import is_libreface, read_libreface
from .live_link import is_live_link, read_live_link
from .openface import is_openface, read_openface
from .py_feat import is_py_feat, read_py_feat
from .recording import ReadSettings, Recording

__all__ = ["FORMATS", "Format", "find_recordings", "recognise"]

TEXT = (".csv", ".tsv", ".txt")
ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Arguments:
        name: what people call it.
        read: reads it.
        fits_columns: does a text table with these columns belong to it?
        fits_path: does this file or folder belong to it, by its name and arrays?
    """

    name: str
    read: Callable[[Path, ReadSettings], Recording]
    fits_columns: Callable[[Sequence[str]], bool] | None = None
    fits_path: Callable[[Path], bool] | None = None


FORMATS: tuple[Format, ...] = (
    Format("DAIC-WOZ session", read_daic_woz, fits_path=is_daic_woz),  # some of its files look like OpenFace's
    Format("OpenFace 2 CSV", read_openface, fits_columns=is_openface),
    Format("Live Link Face CSV", read_live_link, fits_columns=is_live_link),
    Format("Py-Feat Fex CSV", read_py_feat, fits_columns=is_py_feat),
    Format("LibreFace CSV", read_libreface, fits_columns=is_libreface),
    Format("D-Vlog visual features", read_d_vlog, fits_path=is_d_vlog),
    Format("FLAME expression codes (EMOCA, DECA, SMIRK)", read_flame_codes, fits_path=is_flame_codes),
)
"""Every format, in the order in which they are tried."""


def recognise(path: Path) -> Format:
    """The format of a file or folder, by its columns, arrays and name.

    Raises UserError when it is none of them, or cannot be opened.
    """
    if is_companion(path):
        raise UserError(f"{path} is a part of a DAIC-WOZ session: give the session's file of features.")
    names = text_layout(path).names if path.suffix.lower() in TEXT and path.is_file() else ()
    by_path = path.is_dir() or path.suffix.lower() in (*ARRAYS, ".txt")
    for each in FORMATS:
        if each.fits_columns is not None and names and each.fits_columns(names):
            return each
        if each.fits_path is not None and by_path and each.fits_path(path):
            return each
    known = ", ".join(each.name for each in FORMATS)
    raise UserError(f"{path} is in none of the formats that are read here ({known}).")


def find_recordings(path: Path) -> Iterator[Path]:
    """What is a clip by itself: the file or folder, or those below it, sorted; a clip's own members are no clips.

    A folder that links lead to several times, perhaps in a circle, is walked once.
    """
    yield from _found(path, set())


def _found(path: Path, walked: set[str]) -> Iterator[Path]:
    if _is_recording(path):
        yield path
    elif path.is_dir() and (place := os.path.realpath(path)) not in walked:
        walked.add(place)
        for member in sorted(path.iterdir()):
            if not member.name.startswith("."):
                yield from _found(member, walked)


def _is_recording(path: Path) -> bool:
    if path.is_file() and path.suffix.lower() not in (*TEXT, *ARRAYS):
        return False
    try:
        return bool(recognise(path))
    except UserError:
        return False
