"""Progress bars where somebody watches: in a terminal or a notebook in a browser, not in a headless run."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

__all__ = ["bar", "is_watched"]


def bar(items: Iterable | None = None, **settings: object) -> tqdm:
    """A tqdm bar that is silent when nobody watches; `settings` are tqdm's."""
    return tqdm(items, **({"disable": not is_watched()} | settings))


def is_watched() -> bool:
    """Does a terminal show stderr, or a browser show the cell?

    A browser's notebook lets a cell ask for input; papermill, nbconvert and nbval do not.
    """
    if sys.stderr.isatty():
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))
