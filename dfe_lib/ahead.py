"""Reading ahead: what makes items and what uses them run side by side."""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

__all__ = ["read_ahead"]


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
