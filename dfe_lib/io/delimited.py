"""Tables in text files, as other programs write them: large ones by column and streamed, small ones by row.

Handles comma, semicolon and tab, decimal commas, `sep=;`, UTF-8 with and without a mark, UTF-16, and the line ends of
every system.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ..errors import UserError
from .text_layout import NOT_A_NUMBER, TextLayout, text_layout

__all__ = ["NOT_A_NUMBER", "RAGGED", "TextLayout", "read_columns", "read_rows", "text_layout"]

BLOCK = 1 << 22
"""Bytes that are parsed at a time: large enough to keep the parser busy, small enough to write one while it parses the
next."""
COMMON = ("", "nan", "NaN", "-nan(ind)")
"""Words for no number that a block is tried with first."""
LONGEST_LINE = 1 << 26
LINE_END = re.compile(rb"\r\n|\r|\n")
RAGGED = "lines with another number of values than the header"


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
    # each block is parsed to its end before the next is read, so that no thread of the parser, which calls `skip` back,
    # can outlive the reading
    quick = _options(layout, types, dropped, COMMON)
    full = _options(layout, types, dropped, [*NOT_A_NUMBER, *(f" {word}" for word in NOT_A_NUMBER)])
    try:
        for block in _blocks(path, layout):
            legible = _legible(block)
            table = _parsed(legible, quick, full, dropped)
            columns = {name: table[name].to_numpy() for name in types}
            if legible is not block:
                _check_words(columns[name] for name in text)
            if len(table):
                yield columns
    except pa.ArrowInvalid as error:
        reason = _in_words(error, layout)
        raise UserError(f"{path} cannot be read as numbers ({reason}): repair that place.") from None


def read_rows(path: Path, layout: TextLayout) -> dict[int, list[str]]:
    """The rows of a small file that hold anything, one value a column, by the line of the file in which they start.

    Raises UserError when it is not in one encoding, a quote is not closed, or a line has other than
    one value a column.
    """
    text = io.StringIO(_text(path, layout), newline="")
    reader = csv.reader(text, delimiter=layout.delimiter, skipinitialspace=True, strict=True)
    rows, line, width = {}, layout.header_line + 1, len(layout.names)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells[width:]):  # values without a name would move or fall away; commas that end a line do no harm
                raise UserError(
                    f"{path} has {len(cells)} values for {width} columns in line {line}: put quotes around what holds "
                    f"the separator {layout.delimiter!r}."
                )
            if any(cells) and len(cells) < width:
                raise UserError(
                    f"{path} has {len(cells)} values for {width} columns in line {line}: it was cut off, or lacks "
                    f"separators {layout.delimiter!r} for what is not known."
                )
            if any(cells):
                rows[line] = [*cells, *[""] * width][:width]
            line = layout.header_line + 1 + reader.line_num
    except csv.Error as error:
        raise UserError(f"{path} cannot be read from line {line} on ({error}): correct its quotes.") from None
    return rows


def _legible(block: bytes) -> bytes:
    """The block itself where it is in UTF-8, else with a mark for each wrong byte.

    One may stand in a line that the parser hands to `skip`, and it cannot hand over what it cannot decode.
    """
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").encode()
    return block


def _check_words(columns: Iterable[np.ndarray]) -> None:
    """Raises ArrowInvalid where a wrong byte stands in words that are read."""
    if any("\ufffd" in (cell or "") for column in columns for cell in column):
        raise pa.ArrowInvalid("invalid UTF8")


def _parsed(block: bytes, quick: tuple, full: tuple, dropped: Counter) -> pa.Table:
    """A block by the few common words for no number, and by all of them where that fails: they cost half the pace."""
    before = dropped[RAGGED]
    try:
        return pa.csv.read_csv(pa.BufferReader(block), *quick)
    except pa.ArrowInvalid:
        dropped[RAGGED] = before
        return pa.csv.read_csv(pa.BufferReader(block), *full)


def _options(
    layout: TextLayout, types: dict[str, pa.DataType], dropped: Counter, nothing: list[str] | tuple[str, ...]
) -> tuple:
    def skip(row: pa.csv.InvalidRow) -> str:
        dropped[RAGGED] += 1
        return "skip"

    # pyarrow wants every column's name once; those that stand there twice are not asked for
    unique = [name if layout.names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(layout.names)]
    return (
        pa.csv.ReadOptions(column_names=unique, block_size=BLOCK + LONGEST_LINE),
        pa.csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=skip),
        pa.csv.ConvertOptions(
            include_columns=list(types),
            column_types=types,
            null_values=list(nothing),
            decimal_point=layout.decimal_point,
        ),
    )


def _blocks(path: Path, layout: TextLayout) -> Iterator[bytes]:
    """Whole lines below the header, about BLOCK bytes at a time, in UTF-8 and with the layout's delimiter."""
    rest, skipped = b"", layout.header_line
    for data in _utf8(path, layout.encoding):
        rest += data
        while skipped and (end := LINE_END.search(rest)) and end.end() < len(rest):  # a \r may go on with a \n
            rest, skipped = rest[end.end() :], skipped - 1
        end_of_lines = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, -1)) + 1
        if not skipped and end_of_lines:
            yield _tidy(rest[:end_of_lines], layout)
            rest = rest[end_of_lines:]
        elif len(rest) > LONGEST_LINE:
            raise UserError(f"{path} has a line of more than {LONGEST_LINE >> 20} MB: it is no table that can be read.")
    for _ in range(skipped):
        rest = rest[end.end() :] if (end := LINE_END.search(rest)) else b""
    if rest:
        yield _tidy(rest, layout)


def _utf8(path: Path, encoding: str) -> Iterator[bytes]:
    decode = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)().decode
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            try:
                yield data if decode is None else decode(data).encode()
            except UnicodeError:
                raise UserError(f"{path} is not in {encoding.upper()} throughout: save it in UTF-8.") from None


def _tidy(block: bytes, layout: TextLayout) -> bytes:
    """The same lines with nothing but the delimiter between values, and no blanks before a quote."""
    if layout.glue:
        block = block.replace(layout.glue.encode(), layout.delimiter.encode())
    if b' "' in block:
        block = re.sub(rb"(?m)(^|%b) +\"" % re.escape(layout.delimiter.encode()), rb'\1"', block)
    return block


def _text(path: Path, layout: TextLayout) -> str:
    data = b"".join(_blocks(path, layout))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = len(LINE_END.findall(data, 0, error.start)) + layout.header_line + 1
        raise UserError(
            f"{path} has a character in line {line} that is no utf-8, but perhaps Latin-1: save it in UTF-8."
        ) from None


def _in_words(error: Exception, layout: TextLayout) -> str:
    """The parser's complaint in one line, with the column's name for its number."""
    if "invalid UTF8" in str(error):
        return "it is not in UTF-8 but in another encoding, such as Latin-1"
    words = " ".join(str(error).split()).rstrip(".")[:300]
    column = re.match(r"In CSV column #(\d+): CSV conversion error to \w+: invalid value (.*)", words)
    return f"{column[2]} in the column {layout.names[int(column[1])]}" if column else words
