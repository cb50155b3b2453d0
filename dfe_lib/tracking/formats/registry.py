"""The files of other programs that the study reads: which one a file is, and where they lie in a folder."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...blendshapes import ACTIONS
from ...errors import UserError
from ...io.clip_table import KEY as CLIP_KEY
from ...io.delimited import text_layout
from .affdex import is_affdex, read_affdex
from .blendshape_scores import (
    JSON,
    is_blendshape_json,
    is_blendshape_table,
    read_blendshape_json,
    read_blendshape_table,
)
from .d_vlog import is_d_vlog, read_d_vlog
from .daic_woz import is_companion, is_daic_woz, read_daic_woz
from .facsvatar import is_facsvatar, read_facsvatar
from .flame_codes import is_flame_codes, read_flame_codes
from .libreface import UNITS, is_libreface, read_libreface
from .live_link import is_live_link, read_live_link
from .openface import KEY, is_openface, read_openface
from .py_feat import FACE, is_py_feat, read_py_feat
from .recording import Recording
from .seamless import is_seamless, read_seamless
from .settings import ReadSettings
from .takes import is_take, read_take

__all__ = ["FORMATS", "Format", "find_recordings", "recognise"]

TEXT = (".csv", ".tsv", ".txt")
ARRAYS = (".npy", ".npz")
MOST_NAMED = 5


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Arguments:
        name: what people call it.
        read: reads it.
        fits_columns: does a text table with these columns belong to it?
        fits_path: does this file or folder belong to it, by its name and arrays?
        columns: by which people know it, to name the nearest format of a table that is in none.
    """

    name: str
    read: Callable[[Path, ReadSettings], Recording]
    fits_columns: Callable[[Sequence[str]], bool] | None = None
    fits_path: Callable[[Path], bool] | None = None
    columns: tuple[str, ...] = ()


FORMATS: tuple[Format, ...] = (
    Format("DAIC-WOZ session", read_daic_woz, fits_path=is_daic_woz),  # some of its files look like OpenFace's
    Format("Py-Feat Fex CSV", read_py_feat, is_py_feat, columns=FACE),  # some of its columns are OpenFace's
    Format("FACSvatar CSV (cleaned OpenFace)", read_facsvatar, fits_columns=is_facsvatar),
    Format("OpenFace 2 CSV", read_openface, is_openface, columns=(*KEY, "x_0", "AU01_r")),
    Format("Live Link Face take", read_take, fits_path=is_take),
    Format("Live Link Face CSV", read_live_link, is_live_link, columns=("Timecode", *ACTIONS)),
    Format("FaceLandmarker blendshapes (CSV)", read_blendshape_table, is_blendshape_table, columns=ACTIONS),
    Format("FaceLandmarker blendshapes (JSON)", read_blendshape_json, fits_path=is_blendshape_json),
    Format("AFFDEX or iMotions export", read_affdex, is_affdex, columns=("Timestamp", "Smile", "Brow Furrow")),
    Format("LibreFace CSV", read_libreface, is_libreface, columns=("frame_idx", *UNITS["au_intensity"])),
    Format("D-Vlog visual features", read_d_vlog, fits_path=is_d_vlog),
    Format("Seamless Interaction features", read_seamless, fits_path=is_seamless),
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
    by_path = path.is_dir() or path.suffix.lower() in (*ARRAYS, *JSON, ".txt")
    for each in FORMATS:
        if each.fits_columns is not None and names and each.fits_columns(names):
            return each
        if each.fits_path is not None and by_path and each.fits_path(path):
            return each
    known = ", ".join(each.name for each in FORMATS)
    raise UserError(f"{path} is in none of the formats that are read here ({known}){_nearest(names)}.")


def _nearest(names: Sequence[str]) -> str:
    """The format of which a table has the largest share of columns, and what it lacks; empty where it has none."""
    there = {name.casefold() for name in names}
    lacking = {
        each.name: [name for name in each.columns if name.casefold() not in there] for each in FORMATS if each.columns
    }
    sizes = {each.name: len(each.columns) for each in FORMATS}
    nearest = min(lacking, key=lambda name: len(lacking[name]) / sizes[name])
    if len(lacking[nearest]) == sizes[nearest]:
        return ""
    missing = lacking[nearest]
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    return f"; the nearest is {nearest}, of which it lacks the columns {', '.join(missing[:MOST_NAMED])}{more}"


def find_recordings(path: Path, skipped: dict[Path, str] | None = None) -> Iterator[Path]:
    """What is a clip by itself: the file or folder, or those below it, sorted; a clip's own members are no clips.

    A folder that links lead to several times, perhaps in a circle, is walked once.

    Arguments:
        path: where to look.
        skipped: takes what was passed over and why: files that end as recordings do, damaged or in no format, and
            folders that cannot be opened. Parts of a clip, and tables with a column clip_id, are no such files.
    """
    yield from _found(path, set(), {} if skipped is None else skipped)


def _found(path: Path, walked: set[str], skipped: dict[Path, str]) -> Iterator[Path]:
    if _is_recording(path, skipped):
        yield path
    elif path.is_dir() and (place := os.path.realpath(path)) not in walked:
        walked.add(place)
        for member in _members(path, skipped):
            yield from _found(member, walked, skipped)


def _members(folder: Path, skipped: dict[Path, str]) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        skipped[folder] = _closed(folder, error)
        return []


def _is_recording(path: Path, skipped: dict[Path, str]) -> bool:
    if path.is_file() and path.suffix.lower() not in (*TEXT, *ARRAYS, *JSON):
        return False
    try:
        return bool(recognise(path))
    except UserError as error:
        reason = str(error)
    except OSError as error:
        reason = _closed(path, error)
    if path.is_file() and not is_companion(path) and not _is_about_clips(path):
        skipped[path] = reason
    return False


def _is_about_clips(path: Path) -> bool:
    """A table of clips, of their subjects, or one that dfe wrote of them."""
    try:
        return path.suffix.lower() in TEXT and CLIP_KEY[0] in text_layout(path).names
    except UserError:
        return False


def _closed(path: Path, error: OSError) -> str:
    return f"{path} cannot be opened ({error.strerror}): check its permissions."
