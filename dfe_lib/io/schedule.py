"""Many items on many workers, each in steps: which task when, and what becomes of an item whose task fails."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .outputs import OutputError
from .processes import Workers

__all__ = ["Steps", "Task", "in_steps"]

T = TypeVar("T")
Task = tuple[Workers, Callable, tuple]
"""Who does it, what, and with which arguments."""
Steps = Generator[list[Task], list, Any]
"""Tasks that may be done side by side; their results come back, then the next are given, and at last a result."""


@dataclass
class _Run:
    """An item under way: its further steps, and the tasks of the present one."""

    item: Any
    steps: Steps
    tasks: list[Future] = field(default_factory=list)
    result: Any = None

    def go_on(self, results: list | None) -> bool:
        """Submits the tasks of the next step; is there one?"""
        try:
            step = next(self.steps) if results is None else self.steps.send(results)
            while not step:
                step = self.steps.send([])
        except StopIteration as end:
            self.result = end.value
            return False
        self.tasks = []
        for workers, work, arguments in step:
            self.tasks.append(task := workers.submit(work, *arguments))
            if task.done() and task.exception() is not None:  # the others are in vain
                break
        return True

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.steps.close()


def in_steps(
    items: Iterable[T], steps: Callable[[T], Steps], width: Callable[[], int]
) -> Iterator[tuple[T, Any, Exception | None]]:
    """Each item as soon as it is done, with its result, or with what a task of it raised.

    No more items are begun than keep the workers busy, since what an item leaves for its later steps lies on the disk.

    Arguments:
        items: in the order in which they are begun. steps: of an item. width: tasks that are done at once.

    Raises OutputError, and what is no Exception, at once.
    """
    left, under_way = iter(items), dict[Future, _Run]()
    while True:
        while len(under_way) < 2 * width() and (item := next(left, None)) is not None:
            run = _Run(item, steps(item))
            run.go_on(None)
            under_way |= dict.fromkeys(run.tasks, run)
        if not under_way:
            return
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            if future not in under_way:  # another task of the item has failed
                continue
            run = under_way.pop(future)
            error = _error(future)
            if error is not None:
                run.end()
                under_way = {task: other for task, other in under_way.items() if other is not run}
                yield run.item, None, error
            elif not any(task in under_way for task in run.tasks):
                if run.go_on([task.result() for task in run.tasks]):
                    under_way |= dict.fromkeys(run.tasks, run)
                else:
                    yield run.item, run.result, None


def _error(future: Future) -> Exception | None:
    error = future.exception()
    if isinstance(error, OutputError) or not isinstance(error, Exception | None):
        raise error
    return error
