"""The table of a study's clips: who is in each, its labels, what else is known of it, and which split it is in.

A CSV file, one row a clip. A user's own study and every data set of `dfe datasets` come as one, so that
`01_preprocess` (parameter `media`) and `05_downstream` read them in one way. Columns:

- `clip_id`: name of the clip, the stem of its file unless there is a path; `subject_id`: who is in it. Needed.
- `path`: of the video, picture or other program's file; from the table's folder unless it is absolute.
- `session`, `task`: of the recording; `split`: `train`, `dev`, `test` or empty; `talking`: 1 where the person talks.
- All others are labels and covariates: numbers, or words throughout (yes and no, names of classes); an empty cell is
  not known.
"""

import difflib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import UserError, counted
from .delimited import NOT_A_NUMBER, read_rows, text_layout
from .names import file_name
from .tables import write_csv

__all__ = [
    "KEY",
    "SPLITS",
    "MediaFile",
    "check_clip_table",
    "columns_sha256",
    "has_clips",
    "held_back",
    "is_clip_table",
    "lacks_paths",
    "official_split",
    "read_clip_table",
    "read_subjects",
    "read_table",
    "table_clips",
    "write_clip_table",
]

KEY = ("clip_id", "subject_id")
TEXT = (*KEY, "path", "session", "task", "split")
"""Columns that describe the clip; the others are labels and covariates."""
SPLITS = ("train", "dev", "test", "")
SPLIT_WORDS = {"training": "train", "valid": "dev", "val": "dev", "validation": "dev", "development": "dev",
               "na": "", "nan": ""}  # fmt: skip
"""What else the splits are called."""
TRUTHS = ("True", "False", "TRUE", "FALSE", "true", "false")
NOTHING = frozenset(NOT_A_NUMBER)


@dataclass(frozen=True)
class MediaFile:
    """A video or picture to read; `clip_id` is unique among the files found together and names its tables.

    Raises UserError where `clip_id` cannot name a file.

    Arguments:
        start_s, end_s: the part of a video that is read, see `media.open_media`.
    """

    path: Path
    clip_id: str
    subject_id: str
    start_s: float | int = 0.0
    end_s: float | int | None = None

    def __post_init__(self) -> None:
        file_name(self.clip_id)


def has_clips(path: Path) -> bool:
    """Is this a CSV file with clips and their subjects, with or without their files?"""
    return _names(path) >= {*KEY}


def is_clip_table(path: Path) -> bool:
    """Is this a CSV file with clips, their subjects and their files?"""
    return _names(path) >= {*KEY, "path"}


def lacks_paths(path: Path) -> bool:
    """Is this a table of clips without their files, which cannot be read by it, and no table of frames?"""
    return has_clips(path) and not _names(path) & {"path", "frame"}


def read_clip_table(path: str | os.PathLike) -> pd.DataFrame:
    """The table, checked; paths are absolute.

    Raises:
        UserError: see :func:`check_clip_table` and :func:`read_table`.
    """
    path = Path(path)
    table = check_clip_table(read_table(path, TEXT), str(path)).reset_index(drop=True)
    if "path" in table:
        table["path"] = [str(path.parent.absolute() / each) if each else "" for each in table["path"]]
    return table


def official_split(table: pd.DataFrame) -> list[str] | None:
    """Of each clip `train`, `dev`, `test` or nothing; None where the table has no test people.

    Where nobody of the test split has labels, as where a data set keeps them, the dev split is the test.
    """
    if "split" not in table:
        return None
    names = table["split"].tolist()
    if "test" not in names:
        names = ["test" if name == "dev" else name for name in names]
    return names if {"train", "test"} <= set(names) else None


def held_back(path: str | os.PathLike) -> list[str]:
    """Subjects of the test split of a table, who must have no part in any training; none where it has no split.

    Raises:
        UserError: see :func:`read_clip_table`.
    """
    table = read_clip_table(path)
    split = official_split(table) or []
    return sorted({who for who, name in zip(table["subject_id"], split, strict=False) if name == "test"})


def read_subjects(path: str | os.PathLike) -> dict[str, str]:
    """Who is in each clip of a table, whose other columns may hold anything.

    Raises:
        UserError: see :func:`read_table`; a column is missing, or a clip stands there twice or without a subject.
    """
    table = read_table(Path(path), KEY)
    _need(table, KEY, str(path))
    table = check_clip_table(table[list(KEY)], str(path))
    return dict(zip(table["clip_id"], table["subject_id"], strict=True))


def read_table(path: Path, words: Sequence[str] = ()) -> pd.DataFrame:
    """A small text table, its columns named as in the file without blanks around them, without its empty rows.

    The index numbers the rows as if none were left out, so that row i is line i + 2 of the file.

    Arguments:
        path: a text table.
        words: columns to keep as words, as far as they are there; in them only an empty cell is not known.

    Raises:
        UserError: There is no such table, it is not in one encoding, a quote is not closed, or a line has more or
            fewer values than there are columns.
    """
    layout = text_layout(path)
    rows = read_rows(path, layout)
    table = pd.DataFrame(list(rows.values()), columns=list(layout.names), index=[line - 2 for line in rows], dtype=str)
    for i, name in enumerate(layout.names):
        cells = table.iloc[:, i]
        cells = cells.where(cells != "") if name in words else _values(cells, layout.decimal_point)
        table.isetitem(i, cells)
    return table


def columns_sha256(path: Path, columns: Sequence[str]) -> str:
    """sha256 of what these columns say, as far as the table has them; how its file is written does not count.

    Raises:
        UserError: see :func:`read_table`.
    """
    table = read_table(path, columns)
    rows = table[[column for column in columns if column in table]].fillna("")
    return hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()


def check_clip_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with its words tidy and its splits named as in `SPLITS`.

    Arguments:
        table: of clips. name: of it, for messages.

    Raises:
        UserError: A column is missing, a clip stands there twice, without a subject or under a name that cannot be one
            of a file, a split has no known name, a
            person is in two splits, or a label is a number here and a word there.

    >>> table = pd.DataFrame({"clip_id": ["a_1", "b_1"], "subject_id": ["a", "b"], "split": ["valid", "test"]})
    >>> check_clip_table(table, "mine.csv").split.tolist()
    ['dev', 'test']
    """
    _need(table, KEY, name)
    if not len(table):
        raise UserError(f"{name} has no rows: give one row a clip.")
    table = table.copy()
    for column in set(TEXT) & set(table.columns):
        table[column] = table[column].fillna("").astype(str).str.strip()
    _check_key(table, name)
    _check_numbers(table, name)
    if "split" in table:
        table["split"] = table["split"].str.lower().replace(SPLIT_WORDS)
        _check_splits(table, name)
    return table


def write_clip_table(path: str | os.PathLike, table: pd.DataFrame) -> None:
    """Writes the table, checked."""
    write_csv(path, check_clip_table(table, Path(path).name))


def table_clips(path: str | os.PathLike) -> list[MediaFile]:
    """The table's clips, to be read by `01_preprocess`.

    Raises:
        UserError: A clip has no path, or its file does not exist.
    """
    table = read_clip_table(path)
    _need(table, ("path",), str(path))
    clips = [MediaFile(Path(row.path), row.clip_id, row.subject_id) for row in table.itertuples()]
    missing = [clip for clip in clips if not clip.path.exists() or not clip.path.name]
    if missing:
        raise UserError(
            f"{path} names {counted(len(missing), 'file')} not to be found, such as that of {missing[0].clip_id} "
            f"({missing[0].path}): correct the column path."
        )
    return clips


def _names(path: Path) -> set[str]:
    """Columns of a CSV file; none where it is no such table, as whoever reads it says."""
    try:
        return set(text_layout(path).names) if path.suffix.lower() == ".csv" and path.is_file() else set()
    except UserError:
        return set()


def _values(cells: pd.Series, decimal_point: str) -> pd.Series:
    """Numbers or truths where all cells are that or not known; else the words as they are."""
    known = cells.where([cell not in NOTHING for cell in cells])  # a set: `isin` would sort all the words each time
    if known.notna().any() and known.dropna().isin(TRUTHS).all():
        return (known.str.lower() == "true").where(known.notna())
    # where a comma is the mark, a point marks thousands, and such numbers are not read
    numbers = known.str.translate(str.maketrans(",.", ".?")) if decimal_point == "," else known
    try:
        return pd.to_numeric(numbers)
    except (ValueError, OverflowError):
        return known.where(cells != "none", cells)  # among words it is one, such as no therapy


def _need(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    for column in columns:
        if column not in table:
            close = difflib.get_close_matches(column, [str(each) for each in table.columns], 1, cutoff=0.4)
            hint = f"rename {close[0]}?" if close else "add it."
            raise UserError(f"{name} has no column {column}; it has {', '.join(map(str, table.columns))}: {hint}")


def _check_key(table: pd.DataFrame, name: str) -> None:
    for column in KEY:
        if (table[column] == "").any():
            line = int(table.index[table[column] == ""][0]) + 2
            raise UserError(f"{name} has an empty {column} in line {line}: fill it in, or take the line out.")
    for clip_id in table["clip_id"]:
        file_name(clip_id, where=name)
    twice = table["clip_id"][table["clip_id"].duplicated()]
    if len(twice):
        raise UserError(f"{name} has the clip {twice.iloc[0]} more than once: give one row a clip.")


def _check_numbers(table: pd.DataFrame, name: str) -> None:
    """A column is numbers, or words throughout: where most cells are numbers, a word among them is a slip."""
    for column in table.columns.difference(TEXT):
        if pd.api.types.is_numeric_dtype(table[column]) or pd.api.types.is_bool_dtype(table[column]):
            continue
        numbers = pd.to_numeric(table[column], errors="coerce")
        words = table[column].notna() & numbers.isna()
        if not words.any():
            table[column] = numbers
        elif numbers.notna().any():
            wrong = table[column][words].iloc[0]
            raise UserError(
                f"{name} has {wrong!r} in the column {column}, beside numbers: use numbers alone, or words alone."
            )
        else:
            table[column] = table[column].map(lambda cell: " ".join(str(cell).split()), na_action="ignore")


def _check_splits(table: pd.DataFrame, name: str) -> None:
    unknown = sorted(set(table["split"]) - set(SPLITS))
    if unknown:
        raise UserError(f"{name} has a split called {unknown[0]!r}: use train, dev or test, or leave it empty.")
    used = table[table["split"] != ""]
    splits = used.groupby("subject_id")["split"].agg(lambda each: sorted(set(each)))
    shared = splits[splits.map(len) > 1]
    if len(shared):
        raise UserError(
            f"{name} has {counted(len(shared), 'subject')} in more than one split, such as {shared.index[0]} "
            f"({' and '.join(shared.iloc[0])}): empty their split where they must not count."
        )
