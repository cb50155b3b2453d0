"""Networks that wait for the next clip of their process: to load them takes as long as several frames."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["kept", "let_go"]

T = TypeVar("T")

_WAITING: dict[tuple[Callable, tuple], list[Any]] = {}
"""Networks in nobody's hands, by how they were made."""


@contextmanager
def kept(make: Callable[..., T], *arguments: object) -> Iterator[T]:
    """What `make(*arguments)` gives, to be used by one thread at a time; made anew where none waits.

    Arguments:
        make: A network whose answers depend on no earlier question. One in whose hands an error occurred is let go.

    >>> with kept(list) as one, kept(list) as other:
    ...     one is other
    False
    >>> with kept(list) as again:
    ...     again is one or again is other
    True
    """
    waiting = _WAITING.setdefault((make, arguments), [])  # this, `pop` and `append` are whole to other threads
    try:
        network = waiting.pop()
    except IndexError:
        network = make(*arguments)
    try:
        yield network
    except BaseException:
        _close(network)
        raise
    waiting.append(network)


def let_go() -> None:
    """Ends all networks that wait: a task of MediaPipe must not be left to the garbage collector."""
    for waiting in _WAITING.values():
        while waiting:
            _close(waiting.pop())


def _close(network: object) -> None:
    """Ends a task of MediaPipe; others need no end."""
    close = getattr(network, "close", None)
    if close is not None:
        close()


# `atexit` would be too late: MediaPipe ends a task in a thread of an executor, which has ended by then
threading._register_atexit(let_go)  # type: ignore[attr-defined]
