"""Tasks that tests have other processes do; some of these die."""

import os
import signal
import time
from pathlib import Path

from tqdm import tqdm

from dfe_lib.errors import UserError


def double(number: int, progress: tqdm | bool) -> tuple[int, int]:
    """Twice the number, and who computed it."""
    if isinstance(progress, tqdm):
        progress.update(number)
    return 2 * number, os.getpid()


def abort(progress: tqdm | bool) -> None:
    """Crashes as native code does."""
    os.abort()


def killed_once(mark: Path, progress: tqdm | bool) -> int:
    """Is killed at the first try, as when memory runs out."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


def fail(progress: tqdm | bool) -> None:
    raise FileNotFoundError("no such clip")


def refuse(progress: tqdm | bool) -> None:
    raise UserError("this clip is damaged.")


def note_and_wait(mark: Path, progress: tqdm | bool) -> None:
    mark.write_text(str(os.getpid()))
    time.sleep(600)
