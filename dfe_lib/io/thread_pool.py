"""Work on all cores of a machine, in order, with few pieces of it in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from .machine import cpu_count

__all__ = ["in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`function` of each item, in their order; torch has one thread in each of as many threads as there are cores.

    Products that round by the number of threads then do not depend on it. No more than two items a core are under way,
    so that `items` may be endless or larger than memory.

    >>> list(in_threads(lambda number: number**2, range(3)))
    [0, 1, 4]
    """
    cores = cpu_count()
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for item in items:
            under_way.append(pool.submit(torch.no_grad()(function), item))
            if len(under_way) == 2 * cores:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
