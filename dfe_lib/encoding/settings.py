"""What may be asked of an encoding, and where its tables may go; nothing heavy is imported here."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError, did_you_mean

__all__ = ["DEFAULT_GROUPS", "GROUPS", "Settings", "check_outputs", "is_companion_table", "parts_folder"]

GROUPS = ("displays", "face", "pose", "gaze", "action_units", "notes", "fit", "psi")
"""Groups of columns that a table may have beside its key and its tokens, see `columns.COLUMNS`."""
DEFAULT_GROUPS = GROUPS[:6]
"""Those that fit a spreadsheet."""
TABLES = (".csv", ".parquet")
COMPANIONS = {"columns.csv": "column,group,unit,meaning", "codebook.csv": "token,place,"}
"""What is written beside a table, and how each begins."""


@dataclass(frozen=True)
class Settings:
    """How clips are encoded.

    Arguments:
        faces: `"largest"` keeps the one person who shows most face over a clip, `"all"` everybody.
        fps: frames a second that replace a video's own times, or that a table of another program lacks; 0: its own.
        width, height, offset: what else such a table may lack, see `formats.settings.ReadSettings`.
        start_s, end_s: the part of a clip that is encoded, in seconds, without its end (None: to the last frame).
        smoothing: of psi over time, of `smoothing.SMOOTHINGS`; the default is the study's.
        hold_mm: how much further off the tokens of the frame before may be and still be kept; 0 keeps none. The default
            is the study's, `holding.HOLD_MM`.
        groups: of `GROUPS`, the columns beside key and tokens.
        frames: folder for a frames table of each video, picture or file of another program, with all its landmarks
            (some 5 kB a frame); they are not kept when empty.
    """

    faces: str = "largest"
    fps: float = 0.0
    start_s: float = 0.0
    end_s: float | None = None
    smoothing: str = "bilateral"
    hold_mm: float = 0.2
    groups: tuple[str, ...] = DEFAULT_GROUPS
    width: int = 0
    height: int = 0
    offset: float = 0.0
    frames: str = ""

    def __post_init__(self) -> None:
        strange = [name for name in self.groups if name not in GROUPS]
        if strange:
            raise UserError(f"there is no group of columns {strange[0]!r}; {did_you_mean(strange[0], GROUPS)}")
        if self.faces not in ("largest", "all"):
            raise UserError(f"faces must be 'largest' or 'all', not {self.faces!r}.")
        if Path(self.frames).suffix in TABLES:
            raise UserError(f"--frames {self.frames} must be a folder: it gets a table for each clip.")
        if not 0 <= self.hold_mm < math.inf:
            raise UserError(f"--hold-mm must be a number of mm from 0 up, not {self.hold_mm}.")
        if not self.fps >= 0:
            raise UserError(f"--fps must be a number above 0, not {self.fps}.")
        if self.start_s < 0 or (self.end_s is not None and self.end_s <= self.start_s):
            raise UserError(f"from {self.start_s:g} to {self.end_s:g} s is no part of a clip: end after the start.")


def check_outputs(inputs: Iterable[str | os.PathLike], *outputs: str | os.PathLike | None) -> None:
    """Refuses outputs that would mislead or destroy something, before anything is read.

    Arguments:
        inputs: files, folders or globs. outputs: the table or folder of tokens, and perhaps that of psi.

    Raises UserError.
    """
    sources = {Path(each).resolve() for each in inputs}
    targets = [Path(each) for each in outputs if each is not None]
    for target in targets:
        if target.suffix and target.suffix not in TABLES:
            raise UserError(f"{target} must end in .parquet or .csv, or be a folder.")
        if target.suffix and target.is_dir():
            raise UserError(f"{target} is a folder and is named as a table: give another name.")
        if not target.suffix and target.is_file():
            raise UserError(f"{target} is a file and no folder: end it in .parquet or .csv, or give another name.")
        if target.resolve() in sources:
            raise UserError(f"{target} is one of the inputs: give the output a name of its own.")
        _check_place(target)
    if len({target.resolve() for target in targets}) < len(targets):
        raise UserError(f"{targets[0]} cannot hold tokens and expressions: give each a file of its own.")


def parts_folder(out: str | os.PathLike) -> Path:
    """Where the finished clips of an output lie: the folder itself, or one beside the table."""
    path = Path(out)
    return path.with_name(path.name + ".parts") if path.suffix else path


def is_companion_table(path: Path) -> bool:
    """Is this a file that explains a table beside it, as dfe writes them?"""
    start = COMPANIONS.get(path.name)
    return start is not None and path.read_text(encoding="utf-8", errors="replace").startswith(start)


def _check_place(target: Path) -> None:
    folder = target.parent if target.suffix else target
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UserError(f"{existing} cannot be written to: give a folder of your own.")
    for name in COMPANIONS:
        there = folder / name
        if target.name == name:
            raise UserError(f"{target} is written beside every table, to explain it: give the table another name.")
        if there.is_file() and not is_companion_table(there):
            raise UserError(f"{there} is there already and not from dfe: move it, or write into another folder.")
