"""What workers do of a clip, each in a process of its own or on another machine."""

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..io.clip_table import MediaFile
from ..io.media import open_media
from .parts import KEY, is_done
from .reading import ClipPlan, ReadClip, extract_part, plan_clip, read_clip
from .settings import Settings

if TYPE_CHECKING:
    from .rows import RowMaker
    from .tokenizer import Tokenizer

__all__ = ["Job", "Planned", "decide", "encode", "extract", "finish", "fit", "join", "loaded", "plan", "read"]

# models of psi are imported by those who fit: who only reads starts in half the time


@dataclass(frozen=True)
class Job:
    """A clip to be done, and where and how.

    Arguments:
        part: the table to write. key: by which it is called finished.
        model: folder of the model, and `digest` of its files.
    """

    clip: MediaFile
    part: Path
    settings: Settings
    key: str
    model: Path
    digest: str

    @property
    def work(self) -> str:
        """Name of the folder in which a long clip's segments wait for each other, and for another run."""
        return f".{self.clip.clip_id}.{self.key[:12]}.work"


@dataclass(frozen=True)
class Planned:
    """A job, the frames of its clip as far as its file says, and how it is read."""

    job: Job
    frames: int
    plan: ClipPlan


_ALONE = threading.Lock()
"""A process does one task at a time, whatever the number of threads that its scheduler gives it tasks in."""


@lru_cache(1)
def loaded(model: Path, digest: str) -> "Tokenizer":
    """The model of this process."""
    from .tokenizer import Tokenizer

    return Tokenizer.from_pretrained(model)


def _rows(job: Job) -> "RowMaker":
    return loaded(job.model, job.digest).rows


def plan(job: Job, progress: tqdm | bool) -> Planned:
    how = plan_clip(job.clip, job.settings)
    if how.kind != "media":
        return Planned(job, 0, how)
    with open_media(job.clip.path, job.settings.start_s, job.settings.end_s) as reader:
        return Planned(job, reader.expected, how)


def read(job: Job, plan: ClipPlan, work: Path, progress: tqdm | bool) -> ReadClip:
    return read_clip(plan, work, job.settings, progress)


def finish(job: Job, read: ReadClip, progress: tqdm | bool) -> None:
    from .clip import finish_clip

    finish_clip(_rows(job), read, job.part, job.settings, {KEY: job.key})


def encode(job: Job, progress: tqdm | bool) -> None:
    from .clip import write_clip

    with _ALONE:
        if not is_done(job.part, job.key):  # a cluster may forget that it was done
            write_clip(_rows(job), job.clip, job.part, job.settings, {KEY: job.key}, progress)


def extract(job: Job, plan: ClipPlan, work: Path, number: int, progress: tqdm | bool) -> None:
    with _ALONE:
        extract_part(plan, number, work, job.settings, progress)


def decide(job: Job, plan: ClipPlan, work: Path, progress: tqdm | bool) -> int:
    from .segments import decide

    with _ALONE:
        return len(decide(_rows(job), plan, work, job.settings).segments)


def fit(job: Job, plan: ClipPlan, work: Path, number: int, progress: tqdm | bool) -> None:
    from .segments import finish_segment

    with _ALONE:
        finish_segment(_rows(job), plan, work, number, job.settings)


def join(job: Job, plan: ClipPlan, work: Path, progress: tqdm | bool) -> None:
    from .segments import join_clip

    with _ALONE:
        if not is_done(job.part, job.key):
            join_clip(_rows(job), plan, work, job.part, job.settings, {KEY: job.key})
