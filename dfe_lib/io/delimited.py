"""Tables of numbers in text files, as other programs write them: streamed, with their columns taken by name.

Handles comma, semicolon and tab, decimal commas, UTF-8 with and without a mark, UTF-16, and Windows line ends.
"""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ..errors import UserError

__all__ = ["RAGGED", "TextLayout", "read_columns", "text_layout"]

BLOCK = 1 << 22
"""Bytes that are parsed at a time: large enough to keep the parser busy, small enough to write one while it parses the
next."""
HEAD = 1 << 16
LONGEST_HEADER = 1 << 20
DELIMITERS = ",;\t"
MISSING = ["", "NA", "N/A", "NaN", "nan", "-nan", "-nan(ind)", "nan(ind)", "NULL", "null", "None", "#N/A"]
RAGGED = "lines with another number of values than the header"


@dataclass(frozen=True)
class TextLayout:
    """How a text table is written.

    Arguments:
        names: of the columns, in the file's order, without the blanks around them.
        delimiter, decimal_point, encoding: of the text.
    """

    names: tuple[str, ...]
    delimiter: str
    decimal_point: str
    encoding: str

    def require(self, names: Sequence[str], path: Path) -> None:
        """Raises UserError when one of the columns is missing or stands there twice."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise UserError(f"{path} lacks the columns {_shortened(missing)}: export it again with them.")
        twice = [name for name in names if self.names.count(name) > 1]
        if twice:
            raise UserError(f"{path} has the columns {_shortened(twice)} more than once: keep one of each.")


def text_layout(path: Path) -> TextLayout:
    """Names of the columns and the way the file is written, from its first lines.

    Raises UserError for a file that is empty, is no text, or whose first line names no columns.
    """
    encoding, text = _head(path)
    header, _, rest = text.partition("\n")
    if not header.strip():
        raise UserError(f"{path} is empty or starts with an empty line: give a file with a line of column names.")
    delimiter = max(DELIMITERS, key=header.count)
    if not header.count(delimiter):
        raise UserError(f"{path} does not start with column names separated by commas, semicolons or tabs.")
    names = tuple(name.strip() for name in next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter)))
    decimal_point = "," if delimiter != "," and "," in rest.partition("\n")[0] else "."
    return TextLayout(names, delimiter, decimal_point, encoding)


def read_columns(
    path: Path, layout: TextLayout, numbers: Sequence[str], dropped: Counter, text: Sequence[str] = ()
) -> Iterator[dict[str, np.ndarray]]:
    """The file's rows, a few thousand at a time, as one array a column; a missing number is NaN.

    Arguments:
        path, layout: the file, and what :func:`text_layout` says of it.
        numbers: columns to read as float64.
        dropped: counts the lines left out because they are not whole, under `RAGGED`.
        text: columns to read as strings.

    Raises UserError for a missing column, and for a value that is no number.
    """
    layout.require([*numbers, *text], path)
    types = dict.fromkeys(numbers, pa.float64()) | dict.fromkeys(text, pa.string())
    try:
        with _open(path, layout, types, dropped) as batches:
            for batch in batches:
                if len(batch):
                    yield {name: batch[name].to_numpy(zero_copy_only=False) for name in types}
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} cannot be read as numbers ({_first_line(error)}): repair that place.") from None


def _open(path: Path, layout: TextLayout, types: dict[str, pa.DataType], dropped: Counter) -> pa.csv.CSVStreamingReader:
    def skip(row: pa.csv.InvalidRow) -> str:
        dropped[RAGGED] += 1
        return "skip"

    # pyarrow wants every column's name once; those that stand there twice are not asked for
    unique = [name if layout.names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(layout.names)]
    return pa.csv.open_csv(
        path,
        pa.csv.ReadOptions(column_names=unique, skip_rows=1, block_size=BLOCK, encoding=layout.encoding),
        pa.csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=skip),
        pa.csv.ConvertOptions(
            include_columns=list(types),
            column_types=types,
            null_values=[*MISSING, *(f" {word}" for word in MISSING)],
            decimal_point=layout.decimal_point,
        ),
    )


def _head(path: Path) -> tuple[str, str]:
    """Encoding and first lines of a file, at least its first line whole."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD)
            encoding = _encoding(start)
            while b"\n" not in start and len(start) < LONGEST_HEADER and (more := file.read(HEAD)):
                start += more
    except OSError as error:
        raise UserError(f"{path} cannot be opened ({error.strerror}): check the name and its permissions.") from None
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(start)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UserError(f"{path} is no text table: give a CSV file in UTF-8 or UTF-16.")
    return encoding, text.lstrip("\ufeff")


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8"


def _shortened(names: Sequence[str], most: int = 5) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
