"""Tasks that tests have other processes do; some of these die."""

import os
import signal
import time
from pathlib import Path

from dfe_lib.errors import UserError


def double(number: int, progress: object) -> tuple[int, int]:
    """Twice the number, and who computed it."""
    progress.update(number)
    return 2 * number, os.getpid()


def abort(progress: object) -> None:
    """Crashes as native code does."""
    os.abort()


def killed_once(mark: Path, progress: object) -> int:
    """Is killed at the first try, as when memory runs out."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


def fail(progress: object) -> None:
    raise FileNotFoundError("no such clip")


def refuse(progress: object) -> None:
    raise UserError("this clip is damaged.")


def note_and_wait(mark: Path, progress: object) -> None:
    mark.write_text(str(os.getpid()))
    time.sleep(600)
