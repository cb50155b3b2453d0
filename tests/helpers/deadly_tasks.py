"""Tasks that tests have other processes do; some of these die."""

import os
import signal
import time
from pathlib import Path

from tqdm import tqdm

import dfe_lib.encoding.tasks as encoding
from dfe_lib.encoding.reading import ClipPlan, ReadClip
from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.tracking.extraction import ClipSummary
from dfe_lib.tracking.many_clips import _whole


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


def read_or_die(job: encoding.Job, plan: ClipPlan, work: Path, progress: tqdm | bool) -> ReadClip:
    """Reads a clip, unless it is the one that crashes what reads it."""
    _die_of(job)
    return encoding.read(job, plan, work, progress)


def encode_or_die(job: encoding.Job, progress: tqdm | bool) -> None:
    _die_of(job)
    encoding.encode(job, progress)


def extract_or_die(job: encoding.Job, plan: ClipPlan, work: Path, number: int, progress: tqdm | bool) -> None:
    """Finds the faces of a segment; who is the first to do the second segment is killed."""
    with job.part.with_name(".begun").open("a") as begun:
        begun.write(f"{number} ")
    if number == 1:
        killed_once(job.part.with_name(".killed"), True)
    encoding.extract(job, plan, work, number, progress)


def _die_of(job: encoding.Job) -> None:
    if job.clip.clip_id == "deadly":
        os.abort()
    if job.clip.clip_id == "unlucky":
        killed_once(job.part.with_name(".killed"), True)


def take_or_die(clip: MediaFile, *rest: object, progress: tqdm | bool) -> ClipSummary:
    if clip.clip_id == "deadly":
        os.abort()
    return _whole(clip, *rest, progress=progress)
