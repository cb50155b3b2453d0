"""Progress bars where somebody watches: in a terminal or a notebook in a browser, not in a headless run; durations."""

import queue
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress

from tqdm import tqdm

from ..errors import counted

__all__ = ["bar", "duration", "is_browsed", "is_watched", "read_ahead"]


def bar(items: Iterable | None = None, **settings: object) -> tqdm:
    """A tqdm bar that is silent when nobody watches; `settings` are tqdm's."""
    return tqdm(items, **({"disable": not is_watched()} | settings))


def duration(seconds: float) -> str:
    """Hours or minutes, as precise as an estimate is.

    >>> duration(12600.0), duration(100.0), duration(20.0)
    ('3.5 hours', '2 minutes', '1 minute')
    """
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else counted(max(1, round(seconds / 60)), "minute")


def is_watched() -> bool:
    """Does a terminal show stderr, or a browser show the cell?"""
    return sys.stderr.isatty() or is_browsed()


def is_browsed() -> bool:
    """Does a browser show the cell? Its notebook lets a cell ask for input; papermill, nbconvert and nbval do not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


@contextmanager
def read_ahead(items: Generator, depth: int = 8) -> Iterator[Iterator]:
    """Walks `items` in a thread of its own, at most `depth` ahead, so that decoding overlaps what follows.

    An error inside `items` is raised where they are used; leaving the block early stops the thread.

    >>> with read_ahead(number for number in range(3)) as numbers:
    ...     list(numbers)
    [0, 1, 2]
    """
    ahead: queue.Queue = queue.Queue(depth)
    stop = threading.Event()

    def walk() -> None:
        error = None
        try:
            for item in items:
                ahead.put((item, None))
                if stop.is_set():
                    break
            items.close()  # here, not where it is collected: what it holds open must be let go before the block ends
        except BaseException as caught:  # raised again in the thread that asked
            error = caught
        ahead.put((None, error or StopIteration()))

    def taken() -> Iterator:
        while True:
            item, error = ahead.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item

    thread = threading.Thread(target=walk, name="read-ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stop.set()
        while thread.is_alive():  # empty the queue, or the thread may wait for room for ever
            with suppress(queue.Empty):
                ahead.get(timeout=0.01)
        thread.join()
