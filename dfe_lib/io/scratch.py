"""Folders for work in progress, of which none outlives its process for long; and one writer at a time for an output."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from shutil import rmtree

from filelock import FileLock, Timeout

from ..errors import UserError
from .outputs import writing

__all__ = ["OLD_S", "scratch", "sole_writer", "sweep"]

PREFIX = "dfe-"
LOCK = ".lock"
HOLDER = ".writer"
PARTIAL = ".*.part"
"""What is being written, see `tables.atomic_path`."""
OLD_S = 24 * 3600
"""Leftovers of killed processes stay so long, for somebody may want to look at them."""


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder in TMPDIR that is gone afterwards, as is what killed processes left there more than a day ago."""
    _sweep_once()
    with ExitStack() as held:
        with writing(Path(tempfile.gettempdir()) / f"{PREFIX}..."):
            name = held.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True))
            held.enter_context(FileLock(Path(name) / LOCK))
            work = Path(name) / "work"
            work.mkdir()
        yield work


@cache
def _sweep_once() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_left(folder):
            rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Is this a folder of ours, old, and nobody at work in it?"""
    try:
        if not (folder / LOCK).is_file() or time.time() - folder.stat().st_mtime < OLD_S:
            return False
        with FileLock(folder / LOCK, timeout=0):
            return True
    except (OSError, Timeout):
        return False


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keeps everybody else from writing an output at the same time; made when it is missing.

    Partial files that a killed writer left in it are removed.

    Raises UserError that says who is writing it, or that it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
        _note(folder)
        for part in list(folder.rglob(PARTIAL)):
            _remove(part)
    except Timeout:
        raise UserError(
            f"{folder} is being written by {_holder(folder)}: wait for it, or name another output."
        ) from None
    except (OSError, NotImplementedError) as error:  # a disk without locks
        raise UserError(f"{folder} cannot be written ({error}): check its permissions and the disk.") from None
    try:
        yield
    finally:
        for name in (HOLDER, LOCK):  # held until they are gone; FileLock never takes a lock file that was removed
            with suppress(OSError):  # the disk may have become read-only meanwhile
                (folder / name).unlink(missing_ok=True)
        lock.release()


def sweep(folder: Path, names: str = ".*", older_s: float | int = 0) -> None:
    """Removes partial files and folders that a killed writer left in a folder.

    Arguments:
        names: how those that nobody writes now begin, as a glob. older_s: seconds since they were last written.
    """
    for part in folder.glob(f"{names}.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime >= older_s:
                _remove(part)


def _remove(path: Path) -> None:
    """A file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _note(folder: Path) -> None:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    (folder / HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()} since {since}", encoding="utf-8")


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8", errors="replace")[:200] or "another process"
    except OSError:
        return "another process"
