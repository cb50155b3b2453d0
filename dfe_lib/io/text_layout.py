"""How a text table is written: its encoding, separator, decimal mark and the names of its columns."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError

__all__ = ["NOT_A_NUMBER", "TextLayout", "text_layout"]

HEAD = 1 << 16
LONGEST_HEADER = 1 << 20
DELIMITERS = ",;\t"
_SIGNS = ("", "-", "+")
_WORDS = ("nan", "NaN", "NAN", "Nan", "nan(ind)", "nan(snan)", "NaN(ind)")
_MICROSOFT = ("1.#IND", "1.#QNAN", "1.#SNAN", "1.#INF", "1.#J", "1.#R", "1.#IO", "1.#QO")  # some are rounded words
NOT_A_NUMBER = (
    *(
        "",
        "NA",
        "N/A",
        "n/a",
        "na",
        "NULL",
        "Null",
        "null",
        "None",
        "none",
        "#N/A",
        "#NA",
        "#NV",
        "<NA>",
        "NaT",
        ".",
        "-",
    ),
    *(sign + word for sign in _SIGNS for word in _WORDS),
    *(sign + word + "0" * zeros for sign in _SIGNS for word in _MICROSOFT for zeros in range(6)),
)
"""What programs write where they have no number: statistics programs, Excel, and C's libraries on each system."""


@dataclass(frozen=True)
class TextLayout:
    """How a text table is written.

    Arguments:
        names: of the columns, in the file's order, without the blanks around them.
        delimiter, decimal_point, encoding: of the text.
        glue: what stands between two values, where that is the delimiter and a blank and cannot be the delimiter alone:
            with a comma that is the decimal mark as well (OpenFace on a German computer).
        header_line: the line of the file with the names; Excel's `sep=;` or iMotions' facts may stand above.
    """

    names: tuple[str, ...]
    delimiter: str
    decimal_point: str
    encoding: str
    glue: str = ""
    header_line: int = 1

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
    lines = re.split(r"\r\n|\r|\n", text)
    above = _lines_above(lines)
    told = re.fullmatch(r'"?sep=(.)"?', lines[above].strip(" "))  # Excel's own first line
    above += bool(told)
    header = lines[above] if above < len(lines) else ""
    if not header.strip():
        raise UserError(f"{path} is empty or starts with an empty line: give a file with a line of column names.")
    delimiter = told[1] if told else max(DELIMITERS, key=lambda each: len(_cells(header, each)))
    names = tuple(name.strip() for name in _cells(header, delimiter))
    if len(names) < 2:
        raise UserError(f"{path} does not start with column names separated by commas, semicolons or tabs.")
    rows = lines[above + 1 :]
    if delimiter == "," and _commas_are_both(rows, len(names)):
        return TextLayout(names, ";", ",", encoding, ", ", above + 1)
    return TextLayout(names, delimiter, _decimal_point(path, encoding, delimiter), encoding, "", above + 1)


def _lines_above(lines: Sequence[str]) -> int:
    """Lines about the recording that iMotions writes above the names: each starts with #, the last with #DATA."""
    above = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    return above if any(re.match(r"#DATA\b", line) for line in lines[:above]) else 0


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except (csv.Error, TypeError):  # a field of more than 100 kB, or no separator at all
        return []


def _commas_are_both(rows: Sequence[str], width: int) -> bool:
    """Is a comma the decimal mark, and with a blank behind it the separator? One whole row tells."""
    row = next((row for row in rows if row.strip()), "")
    return ", " in row and len(_cells(row, ",")) > width == len(row.split(", "))


def _decimal_point(path: Path, encoding: str, delimiter: str) -> str:
    """The decimal mark of most numbers in the first stretch of the file that has any with one.

    Where the comma separates the values, it is the mark only inside quotes.
    """
    ends = re.escape(delimiter) + "\r\n"
    quote = '"' if delimiter == "," else '"?'
    marked = re.compile(rf"(?:^|(?<=[{ends}])) *{quote} *[-+]?\d*([.,])\d+(?:[eE][-+]?\d+)? *{quote} *(?=[{ends}]|$)")
    for block in _text_blocks(path, encoding):
        marks = marked.findall(block)
        if marks or delimiter == ",":
            return "," if 2 * marks.count(",") > len(marks) else "."
    return "."


def _text_blocks(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while block := file.read(HEAD):
            yield block


def _head(path: Path) -> tuple[str, str]:
    """Encoding and first lines of a file, at least its first line whole."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD)
            encoding = _encoding(start)
            while not re.search(rb"[\r\n]", start) and len(start) < LONGEST_HEADER and (more := file.read(HEAD)):
                start += more
    except OSError as error:
        raise UserError(f"{path} cannot be opened ({error.strerror}): check the name and its permissions.") from None
    # one wrong byte among the rows does not hide what file it is: whoever reads that row says so
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(start).removeprefix("\ufeff")
    if "\0" in text or (encoding != "utf-8" and "\ufffd" in text):
        raise UserError(f"{path} is no text table: give a CSV file in UTF-8 or UTF-16.")
    if "\ufffd" in re.split(r"[\r\n]", text, maxsplit=1)[0]:
        raise UserError(f"{path} is not in UTF-8 but in another encoding, such as Latin-1: save it in UTF-8.")
    return encoding, text


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) > 1 and 0 in start[:2] and any(start[:2]):  # a name's first letter and a zero: no mark before it
        return "utf-16-le" if start[0] else "utf-16-be"
    return "utf-8"


def _shortened(names: Sequence[str], most: int = 5) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
