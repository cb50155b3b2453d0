"""Names from outside that become names of files."""

import re
from pathlib import Path

from ..errors import UserError

__all__ = ["LONGEST", "file_name", "plain_name", "table_path"]

LONGEST = 200
"""Bytes of a name: file systems take 255, and endings come on top."""


def file_name(name: str, what: str = "clip_id", where: str = "") -> str:
    """The name, if it is one of a file and nothing more: no folder, no way out of one, no hidden file.

    Raises:
        UserError: It is not; `what` it is, and `where` it stands, are in the message.

    >>> file_name("anna_1")
    'anna_1'
    >>> file_name("../anna", where="clips.csv")
    Traceback (most recent call last):
    dfe_lib.errors.UserError: clips.csv: the clip_id '../anna' names no file: use letters, digits, '.', '_' and '-'.
    """
    place = f"{where}: " if where else ""
    if len(name.encode(errors="replace")) > LONGEST:
        raise UserError(f"{place}the {what} {name[:40]!r}... is longer than {LONGEST} bytes: give it a shorter name.")
    if name[:1] in ("", ".") or re.search(r'[/\\:*?"<>|\x00-\x1f\x7f\ud800-\udfff]', name):
        raise UserError(f"{place}the {what} {name!r} names no file: use letters, digits, '.', '_' and '-'.")
    return name


def table_path(folder: Path, clip_id: str) -> Path:
    """The clip's table in a folder. Raises UserError where the clip's name is none of a file."""
    return folder / f"{file_name(clip_id)}.parquet"


def plain_name(name: str) -> str:
    """A file's own name as a clip's: other characters than letters, digits, `.` and `-` become `_`; never too long.

    >>> plain_name("my clip (1)")
    'my_clip_1_'
    """
    plain = re.sub(r"[^\w.-]+", "_", name).encode()[: LONGEST - 20].decode(errors="ignore")
    return f"_{plain}" if plain.startswith(".") else plain
