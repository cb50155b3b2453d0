"""Sentences about results, filled in where README and notebooks have their places.

A place is `<!--claim:NAME--> the sentence<!--/claim-->`, right behind a word; what stands in it is replaced. A list
item or paragraph with a place in it is wrapped anew. Its comments stay with the words before them, since a line that
begins with a comment is no text for Markdown.
"""

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

import nbformat

from ..errors import UserError, did_you_mean
from ..io.tables import write_text

__all__ = ["fill", "filled", "stated"]

PLACE = re.compile(r"<!--claim:(\w+)-->(.*?)<!--/claim-->", re.DOTALL)
WIDTH = 120
"""Of a wrapped line."""


def fill(path: Path, sentences: Mapping[str, str]) -> None:
    """Fills the places of a Markdown file, or of a notebook's Markdown cells, from sentences by the name of the claim.

    Raises:
        UserError: a place is of no claim.
    """
    write_text(path, filled(path, sentences))


def filled(path: Path, sentences: Mapping[str, str]) -> str:
    """The text of the file as :func:`fill` writes it."""
    if path.suffix != ".ipynb":
        return _filled(path.read_text(encoding="utf-8"), sentences, path.name, WIDTH)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _filled(cell.source, sentences, path.name, width=0)
    return nbformat.writes(notebook, version=4) + "\n"


def stated(path: Path) -> set[str]:
    """Names of the claims that a file has places for."""
    return {name for name, _ in PLACE.findall(path.read_text(encoding="utf-8"))}


def _filled(text: str, sentences: Mapping[str, str], where: str, width: int) -> str:
    """Width 0 leaves the lines as they are."""

    def sentence(place: re.Match) -> str:
        if place[1] not in sentences:
            raise UserError(f"{where} has a place for the claim {place[1]}; {did_you_mean(place[1], sentences)}")
        return f"<!--claim:{place[1]}--> {sentences[place[1]]}<!--/claim-->"

    if not width:
        return PLACE.sub(sentence, text)
    # An item of a list ends where the next begins, a paragraph at an empty line.
    parts = re.split(r"(\n\n+|\n(?=- ))", text)
    return "".join(_wrapped(PLACE.sub(sentence, part), width) if PLACE.search(part) else part for part in parts)


def _wrapped(part: str, width: int) -> str:
    indent = "  " if part.startswith("- ") else ""
    words = " ".join(part.split())
    return textwrap.fill(words, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
