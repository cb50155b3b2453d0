"""Work in processes of their own, which may die: a death costs the task in hand, and a second one sets it aside.

`python -m dfe_lib.io.processes FD` is such a process; it ends with the one that started it.
"""

import os
import pickle
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from ..errors import UserError

__all__ = ["TRIES", "Here", "Processes", "WorkerDied", "Workers"]

TRIES = 2
"""Processes that a task may take with it."""
SAY_S = 0.2
"""Seconds between two messages about how far a task is."""


class WorkerDied(UserError):
    """A task took its process with it, as often as it may."""

    @classmethod
    def of(cls, how: str) -> "WorkerDied":
        return cls(f"set aside, for what reads it died twice ({how}): repair the file, or leave it out.")


class Workers(ABC):
    """Whoever does tasks; at the end of a block what is not done is stopped where an error ended it."""

    @abstractmethod
    def submit(self, work: Callable, /, *arguments: Any) -> Future:
        """The future result of `work(*arguments, progress=bar)`; it raises :class:`WorkerDied` for a task set aside."""

    @abstractmethod
    def width(self) -> int:
        """Tasks that are done at once."""

    @abstractmethod
    def close(self, at_once: bool) -> None:
        """Ends the work, when all tasks are done or at once."""

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error: object) -> None:
        self.close(at_once=error[0] is not None)


class Here(Workers):
    """This process, which does a task at once where it is submitted: whatever dies takes all of it along.

    Arguments:
        shown: the bar that tasks move on.
    """

    def __init__(self, shown: tqdm) -> None:
        self._shown = shown

    def submit(self, work: Callable, /, *arguments: Any) -> Future:
        future: Future = Future()
        try:
            future.set_result(work(*arguments, progress=self._shown))
        except Exception as error:
            future.set_exception(error)
        return future

    def width(self) -> int:
        return 1

    def close(self, at_once: bool) -> None:
        """There is nothing to end."""


class Processes(Workers):
    """So many processes of this machine, started when they are needed and again when they have died.

    They are fresh ones that import what a task names and nothing else of the program that asks, so that a script
    needs no guard around its main part. Each has one task at a time.

    Arguments:
        count: of processes.
        folder: for their temporary files, so that these go with it.
        shown: the bar that tasks move on; each task is called with one as `progress`.
    """

    def __init__(self, count: int, folder: Path, shown: tqdm) -> None:
        self._count, self._threads, self._own = count, ThreadPoolExecutor(count), threading.local()
        self._folder, self._shown, self._lock = folder, shown, threading.Lock()
        self._children: set[_Child] = set()
        self._closed = False

    def width(self) -> int:
        return self._count

    def submit(self, work: Callable, /, *arguments: Any) -> Future:
        return self._threads.submit(self._tried, partial(work, *arguments))

    def close(self, at_once: bool) -> None:
        self._closed = at_once
        for child in tuple(self._children) if at_once else ():
            child.stop()
        self._threads.shutdown(cancel_futures=at_once)
        for child in tuple(self._children):
            child.stop()

    def _tried(self, task: Callable) -> object:
        how = "stopped"
        for _ in range(TRIES):
            if self._closed:
                break
            child = self._child()
            try:
                kind, value = child.do(task, self._move)
            except (EOFError, OSError):
                how = child.death()
                self._children.discard(child)
                self._own.child = None
                continue
            if kind == "error":
                raise value
            return value
        raise WorkerDied.of(how)

    def _child(self) -> "_Child":
        """The process of this thread."""
        if getattr(self._own, "child", None) is None:
            self._own.child = _Child(self._folder)
            self._children.add(self._own.child)
        return self._own.child

    def _move(self, steps: int) -> None:
        with self._lock:
            self._shown.update(steps)


class _Child:
    """A process and the pipe to it."""

    def __init__(self, folder: Path) -> None:
        self._pipe, theirs = Pipe()
        where = os.pathsep.join(filter(None, sys.path))
        environment = os.environ | {"PYTHONPATH": where, "TMPDIR": str(folder)}
        # -P: or modules in the folder of the caller would stand before all others
        command = [sys.executable, "-P", "-m", __name__, str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    def do(self, task: Callable, move: Callable[[int], None]) -> tuple[str, Any]:
        """`"result"` or `"error"`, and which; raises EOFError or OSError where the process ended."""
        self._pipe.send(task)
        while True:
            kind, value = self._pipe.recv()
            if kind != "moved":
                return kind, value
            move(value)

    def death(self) -> str:
        """How the process, whose pipe has closed, ended."""
        code = self._process.wait()
        self._pipe.close()
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    def stop(self) -> None:
        """Ends it whatever it does; whoever waits for it is told by the pipe."""
        self._process.kill()
        self._process.wait()


class _Moves(tqdm):
    """A bar that another process shows."""

    def __init__(self, send: Callable[[int], None]) -> None:
        super().__init__(disable=True)
        self._send, self._steps, self._said = send, 0.0, time.monotonic()

    def update(self, n: float | None = 1) -> bool | None:
        self._steps += n or 0
        if time.monotonic() - self._said > SAY_S:
            self.flush()
        return None

    def flush(self) -> None:
        self._send(int(self._steps))
        self._steps, self._said = 0, time.monotonic()


def _serve(pipe: Connection) -> NoReturn:
    """Does the tasks that come, one after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is at the keyboard stops the process that asks
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no file of its memory behind
    tasks: queue.SimpleQueue[Callable] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, tasks), daemon=True).start()
    moves = _Moves(lambda steps: pipe.send(("moved", steps)))
    while True:
        task = tasks.get()
        try:
            answer = ("result", task(progress=moves))
            moves.flush()
        except Exception as error:
            answer = ("error", _sendable(error))
        pipe.send(answer)


def _listen(pipe: Connection, tasks: queue.SimpleQueue) -> None:
    while True:
        try:
            tasks.put(pipe.recv())
        except (EOFError, OSError):  # nobody asks any more
            os._exit(1)
        except Exception as error:  # a task that cannot be found here
            tasks.put(partial(_raise, error))


def _raise(error: Exception, progress: tqdm) -> NoReturn:
    raise error


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
