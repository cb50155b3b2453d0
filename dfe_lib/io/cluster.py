"""Tasks on the workers of a Dask cluster, and the choice between these and processes of this machine."""

import itertools
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..errors import UserError
from .processes import TRIES, Here, Processes, WorkerDied, Workers
from .scratch import scratch

__all__ = ["Cluster", "open_workers"]

ANSWER_S = 20
"""Seconds that a scheduler may take to answer."""


class Cluster(Workers):
    """The workers of a Dask scheduler, which come and go; a task whose worker died twice is set aside.

    Dask counts a death against every task that the worker held, and this counts it against the one that it was at:
    each try is noted on the disk before it begins.

    Arguments:
        address: of the scheduler, such as `tcp://10.0.0.1:8786`.
        notes: folder for the notes, on a disk that all workers share.

    Raises UserError where nobody answers, or workers have another version of this package.
    """

    def __init__(self, address: str, notes: Path) -> None:
        import distributed

        try:
            self._client = distributed.Client(address, timeout=ANSWER_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UserError(
                f"no Dask scheduler answers at {address}: start one there, or check it ({error})."
            ) from None
        self._killed = distributed.KilledWorker
        self._executor = self._client.get_executor(pure=False)
        self._notes, self._count = notes.resolve(), itertools.count()
        self._check_versions()

    def width(self) -> int:
        return max(1, sum(self._client.nthreads().values()))

    def submit(self, work: Callable, /, *arguments: Any) -> Future:
        whole: Future = Future()
        note = self._notes / f".{socket.gethostname()}.{next(self._count)}.tries.part"
        self._send(partial(_attempt, note, work, *arguments), note, whole)
        return whole

    def close(self, at_once: bool) -> None:
        self._client.close()

    def _check_versions(self) -> None:
        ours = _version()
        try:
            others = set(self._client.run(_version).values()) - {ours}
        except ModuleNotFoundError as error:
            others = {str(error)}
        if others:
            self._client.close()
            theirs = ", ".join(sorted(others))
            raise UserError(f"the workers have dfe_lib {theirs} and this is dfe_lib {ours}: install the same.")

    def _send(self, task: Callable, note: Path, whole: Future) -> None:
        future = self._executor.submit(task)
        future.add_done_callback(partial(self._take, task, note, whole))
        whole.add_done_callback(lambda done: future.cancel() if done.cancelled() else None)

    def _take(self, task: Callable, note: Path, whole: Future, future: Future) -> None:
        """Passes a result on; a task that was beside others when their worker died is sent again."""
        if whole.cancelled():
            return
        try:
            error = future.exception()
        except CancelledError:
            error = UserError("the scheduler has gone: run again, what is finished is kept.")
        if isinstance(error, self._killed) and _tries(note) < TRIES:
            self._send(task, note, whole)
        elif error is not None:
            note.unlink(missing_ok=True)
            whole.set_exception(WorkerDied.of("on the cluster") if isinstance(error, self._killed) else error)
        else:
            whole.set_result(future.result())


def _attempt(note: Path, work: Callable, *arguments: Any) -> object:
    """Does a task on a worker, unless two of them have died of it."""
    if _tries(note) >= TRIES:
        raise WorkerDied.of("on the cluster")
    with note.open("ab") as tries:
        tries.write(b".")
    try:
        return work(*arguments, progress=False)
    finally:  # a killed process does not come here
        note.unlink(missing_ok=True)


def _tries(note: Path) -> int:
    try:
        return note.stat().st_size
    except OSError:
        return 0


def _version() -> str:
    from .. import __version__

    return __version__


@contextmanager
def open_workers(count: int, scheduler: str, notes: Path, shown: tqdm, tasks: int) -> Iterator[Workers]:
    """Whoever does the tasks: a cluster, processes, or this one where there is a single task and nothing else to lose.

    Arguments:
        count: of processes. scheduler: address of a Dask scheduler, which is asked instead; `""` for none.
        notes: folder on a disk that the workers share. shown: the bar that tasks move on.
        tasks: how many there are.
    """
    if count < 1:
        raise UserError(f"there must be 1 worker or more, not {count}.")
    if count > 1 and scheduler:
        raise UserError("a scheduler has workers of its own: name the scheduler or a number of workers.")
    with scratch() as folder, _chosen(count, scheduler, notes, folder, shown, tasks) as workers:
        yield workers


def _chosen(count: int, scheduler: str, notes: Path, folder: Path, shown: tqdm, tasks: int) -> Workers:
    if scheduler:
        return Cluster(scheduler, notes)
    if count == 1 and tasks == 1:
        return Here(shown)
    return Processes(count, folder, shown)
