"""What every adapter of a data set does: find files by their names, read label tables, and say what differs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ...errors import UserError
from ...io.clip_table import SPLITS, read_table
from ...io.media import VIDEOS

__all__ = [
    "VIDEO",
    "Found",
    "check_range",
    "find_labels",
    "matching_files",
    "one_file",
    "read_labels",
    "renamed",
    "split_of",
    "without_shared_people",
]

VIDEO = rf"\.(?:{'|'.join(ending[1:] for ending in VIDEOS)})"
"""Regular expression of a video's ending."""
FOLDERS = {"train": "train", "training": "train", "dev": "dev", "development": "dev", "valid": "dev",
           "validation": "dev", "val": "dev", "test": "test", "testing": "test"}  # fmt: skip
"""Folders that are named after a split."""


@dataclass
class Found:
    """What an adapter found in a folder.

    Arguments:
        table: of clips, see `clip_tables`.
        notes: sentences a person should read before using it.
        files: tables to be written beside the table of clips, by the name that its column `path` gives; for data sets
            whose own files hold many clips in one.
    """

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    files: dict[str, pd.DataFrame] = field(default_factory=dict)


def matching_files(folder: Path, pattern: str, what: str) -> dict[re.Match, Path]:
    """Files below a folder whose whole name fits a regular expression, in the order of their paths.

    Raises:
        UserError: There is none.
    """
    paths = (path for path in sorted(folder.rglob("*")) if not path.name.startswith("."))
    found = {match: path for path in paths if (match := re.fullmatch(pattern, path.name, re.IGNORECASE))}
    if not found:
        raise UserError(f"{folder} holds no {what}: unpack the data set there as `dfe datasets` describes it.")
    return found


def one_file(folder: Path, pattern: str, what: str) -> Path | None:
    """The file below a folder whose name fits; None where there is none.

    Raises:
        UserError: There are several.
    """
    found = [path for path in sorted(folder.rglob("*")) if re.fullmatch(pattern, path.name, re.IGNORECASE)]
    if len(found) > 1:
        raise UserError(f"{folder} holds {what} more than once ({found[0]} and {found[1]}): keep one.")
    return found[0] if found else None


def find_labels(folder: Path, pattern: str, what: str) -> Path:
    """The file of labels below a folder. Raises UserError when there is not just one."""
    path = one_file(folder, pattern, what)
    if path is None:
        raise UserError(f"{folder} has no {what}: it comes with the data set, put it there.")
    return path


def read_labels(path: Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """A table of labels, see :func:`clip_tables.read_table`.

    Arguments:
        path: a text table. text: columns to keep as words, as far as they are there.

    Raises:
        UserError: The file is no table, or a line of it is no row.
    """
    return read_table(path, text).reset_index(drop=True)


def renamed(table: pd.DataFrame, names: Mapping[str, Sequence[str]], path: Path) -> pd.DataFrame:
    """The columns that a table has under one of several names, under the names given here; case does not count.

    Arguments:
        names: of each column wanted, what it may be called; one that starts with `?` may be missing.

    Raises:
        UserError: A column is there under none of its names.

    >>> renamed(pd.DataFrame({"PHQ_Score": [3]}), {"phq8": ["PHQ8_Score", "PHQ_Score"]}, Path("a.csv")).phq8.tolist()
    [3]
    """
    there = {str(name).casefold(): name for name in table.columns}
    columns = {}
    for wanted, known in names.items():
        found = next((there[name.casefold()] for name in known if name.casefold() in there), None)
        if found is not None:
            columns[wanted.lstrip("?")] = table[found]
        elif not wanted.startswith("?"):
            raise UserError(
                f"{path} has no column {' or '.join(known)}; it has {', '.join(map(str, table.columns[:12]))}: "
                "it is another file, or another version of the data set than the one known here."
            )
    return pd.DataFrame(columns)


def check_range(values: pd.Series, low: float | int, high: float | int, what: str, path: Path) -> None:
    """Raises UserError when a value that is known lies outside."""
    wrong = values[values.notna() & ~values.between(low, high)]
    if len(wrong):
        raise UserError(f"{path} has {what} of {wrong.iloc[0]}, and only {low:g} to {high:g} are known here.")


def split_of(path: Path, folder: Path) -> str:
    """The split after which a folder on the way to a file is named; empty where none is.

    >>> split_of(Path("avec/Training/Northwind/a.mp4"), Path("avec"))
    'train'
    """
    words = [word for part in path.relative_to(folder).parts[:-1] for word in re.split(r"[\W_\d]+", part.lower())]
    return next((FOLDERS[word] for word in words if word in FOLDERS), "")


def without_shared_people(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """An official split that shares people, made sound: who is tested on is not trained on.

    Rows of a person keep the split that comes last of train, dev, test; the person's other rows lose theirs.
    """
    order = table["split"].map({name: k for k, name in enumerate(("", *SPLITS[:3]))})
    kept = order == order.groupby(table["subject_id"]).transform("max")
    lost = ~kept & (table["split"] != "")
    if lost.any():
        people = table["subject_id"][lost].nunique()
        notes.append(
            f"the official split shares {people} people: {int(lost.sum())} of their clips in earlier splits are left "
            "out of it, so scores are not those of the official protocol"
        )
    return table.assign(split=table["split"].where(kept, ""))
