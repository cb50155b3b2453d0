"""The one exception that is meant for the person at the keyboard, what becomes one, and parts of its sentences."""

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["UserError", "counted", "did_you_mean", "study_packages"]


LONGEST, END = 1000, 250
"""Characters of a message, and of its end where the middle is left out."""


class UserError(ValueError):
    """Bad input; the message is one sentence that says what is wrong and what to do.

    It stays one line of at most LONGEST characters, whatever the file holds that it quotes.

    >>> len(str(UserError(f"{'x' * 5000} is no number: take it out.")))
    1000
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.splitlines())
        super().__init__(line if len(line) <= LONGEST else f"{line[: LONGEST - END - 5]} ... {line[-END:]}")


PLURALS = {"person": "people"}


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "clip"), counted(12, "person")
    ('1 clip', '12 people')
    """
    return f"{count} {noun if count == 1 else PLURALS.get(noun, noun + 's')}"


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence: the nearest choice, or all of them.

    >>> did_you_mean("sead", ["run", "seed"])
    'did you mean seed?'
    """
    choices = sorted(set(choices))
    close = difflib.get_close_matches(name, choices, 1)
    return f"did you mean {close[0]}?" if close else "choose from " + ", ".join(choices) + "."


@contextmanager
def study_packages() -> Iterator[None]:
    """Imports of packages that the study needs and encoding does not.

    Raises:
        UserError: One of them is not installed.

    >>> with study_packages():  # doctest: +ELLIPSIS
    ...     import absent_package
    Traceback (most recent call last):
    dfe_lib.errors.UserError: absent_package is not installed: run ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        # the pip of this Python, which need not be the one on the path; -e, as results lie in the project's folder
        line = f"{_shown(sys.executable)} -m pip install -c requirements.lock -e '.[study]'"
        raise UserError(f"{error.name} is not installed: run `{line}` in the project's folder.") from error


def _shown(program: str) -> str:
    """A program as one calls it from here."""
    here = os.path.relpath(program)
    return program if here.startswith("..") else here
