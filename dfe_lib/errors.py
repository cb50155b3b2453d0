"""The one exception that is meant for the person at the keyboard."""

import difflib
from collections.abc import Iterable

__all__ = ["UserError", "did_you_mean"]


class UserError(ValueError):
    """Bad input; the message is one sentence that says what is wrong and what to do."""


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence: the nearest choice, or all of them.

    >>> did_you_mean("sead", ["run", "seed"])
    'did you mean seed?'
    """
    choices = sorted(set(choices))
    close = difflib.get_close_matches(name, choices, 1)
    return f"did you mean {close[0]}?" if close else "choose from " + ", ".join(choices) + "."
