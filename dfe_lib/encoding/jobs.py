"""Clips as tasks for workers: what is done where, in which order, and what becomes of a clip whose worker dies."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from ..io.clip_table import MediaFile
from ..io.cluster import Cluster, Workers, open_workers
from ..io.media import is_media, open_media
from ..io.outputs import OutputError
from ..io.processes import Here
from ..io.progress import bar
from ..io.scratch import scratch
from ..tracking.extraction import UNREADABLE
from .clip import ReadClip, finish_clip, read_clip, write_clip
from .parts import KEY, is_done
from .settings import Settings
from .tokenizer import Tokenizer

__all__ = ["Job", "loaded", "run_jobs"]


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


@dataclass
class _Crew:
    """Who reads clips, who fits them, where what is read lies meanwhile, and the bar."""

    reading: Workers
    fitting: Workers
    folder: Path
    shown: tqdm

    @property
    def shared(self) -> bool:
        """Do all workers do all of the work?"""
        return self.fitting is self.reading


Task = tuple[Executor, Callable, tuple]
Steps = Generator[list[Task], list, None]
"""Tasks that may be done side by side; what they gave comes back, and then the next of them are given."""


def run_jobs(jobs: Sequence[Job], workers: int, scheduler: str, notes: Path) -> Iterator[tuple[Job, str]]:
    """Does the jobs; each with the reason why it failed, or nothing.

    A single worker reads one clip in a process of its own while another is fitted in this one. Of several, each does
    whole clips, the longest first.

    Arguments:
        workers: processes. scheduler: address of a Dask scheduler, whose workers do it instead; or `""`.
        notes: folder on a disk that all workers share.

    Raises OutputError where nothing can be written.
    """
    with (
        bar(unit="frame", desc="encode", disable=None if jobs else True) as shown,
        scratch() as folder,
        open_workers(workers, scheduler, notes, shown, len(jobs)) as reading,
        Here(shown) as here,
    ):
        crew = _Crew(reading, reading if scheduler or workers > 1 else here, folder, shown)
        sizes, failed = _sizes(jobs, crew)
        yield from failed.items()
        shown.total = sum(sizes.values()) or None
        longest_first = sorted(sizes, key=lambda job: -sizes[job]) if crew.shared else list(sizes)
        for job, reason in _driven(longest_first, crew):
            if isinstance(reading, Cluster):
                shown.update(sizes[job])
            yield job, reason


def _sizes(jobs: Sequence[Job], crew: _Crew) -> tuple[dict[Job, int], dict[Job, str]]:
    """Frames of each clip, as far as its file says; and the clips that already this takes the workers from."""
    futures = {job: crew.reading.submit(_size, job) for job in jobs}
    reasons = {job: _reason(future) for job, future in futures.items()}
    return {job: futures[job].result() for job in jobs if not reasons[job]}, {job: r for job, r in reasons.items() if r}


@dataclass
class _Run:
    """A job under way: its further steps, and the tasks of the present one."""

    job: Job
    steps: Steps
    tasks: list[Future] = field(default_factory=list)

    def go_on(self, results: list | None) -> bool:
        """Submits the tasks of the next step; is there one?"""
        try:
            step = self.steps.send(results) if results is not None else next(self.steps)
        except StopIteration:
            return False
        self.tasks = [executor.submit(work, *arguments) for executor, work, arguments in step]
        return True

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.steps.close()


def _driven(jobs: Sequence[Job], crew: _Crew) -> Iterator[tuple[Job, str]]:
    """Keeps the workers busy, with no more clips begun than that takes, since what is read lies on the disk."""
    left, under_way = iter(jobs), dict[Future, _Run]()
    while True:
        while len(under_way) < 2 * crew.reading.width() and (job := next(left, None)) is not None:
            run = _Run(job, _steps(job, crew))
            run.go_on(None)
            under_way |= dict.fromkeys(run.tasks, run)
        if not under_way:
            return
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            run = under_way.pop(future, None)
            if run is None:  # another task of the clip has failed
                continue
            reason = _reason(future)
            if reason:
                run.end()
                under_way = {task: other for task, other in under_way.items() if other is not run}
                yield run.job, reason
            elif all(task.done() for task in run.tasks) and not any(task in under_way for task in run.tasks):
                if run.go_on([task.result() for task in run.tasks]):
                    under_way |= dict.fromkeys(run.tasks, run)
                else:
                    yield run.job, ""


def _reason(future: Future) -> str:
    """Why a task failed; raises what is no fault of its clip."""
    error = future.exception()
    if isinstance(error, OutputError) or not isinstance(error, Exception | None):
        raise error
    if error is None or isinstance(error, UNREADABLE):
        return "" if error is None else str(error) or type(error).__name__
    return f"unexpected {type(error).__name__}: {error}"


def _steps(job: Job, crew: _Crew) -> Steps:
    if crew.shared:
        yield [(crew.reading, _encode, (job,))]
        return
    work = crew.folder / job.clip.clip_id
    try:
        (read,) = yield [(crew.reading, _read, (job, work))]
        yield [(crew.fitting, _finish, (job, read))]
    finally:
        rmtree(work, ignore_errors=True)


_ALONE = threading.Lock()
"""A process does one clip at a time, whatever the number of threads that its scheduler gives it tasks in."""


@lru_cache(1)
def loaded(model: Path, digest: str) -> Tokenizer:
    """The model of this process."""
    return Tokenizer.from_pretrained(model)


def _size(job: Job, progress: tqdm | bool) -> int:
    """Frames of a video, as far as it says."""
    if not is_media(job.clip.path):
        return 0
    try:
        with open_media(job.clip.path, job.settings.start_s, job.settings.end_s) as reader:
            return reader.expected
    except UNREADABLE:  # whoever reads it says so
        return 0


def _read(job: Job, work: Path, progress: tqdm | bool) -> ReadClip:
    return read_clip(job.clip, work, job.settings, progress)


def _finish(job: Job, read: ReadClip, progress: tqdm | bool) -> None:
    finish_clip(loaded(job.model, job.digest).rows, read, job.part, job.settings, {KEY: job.key})


def _encode(job: Job, progress: tqdm | bool) -> None:
    with _ALONE:
        if not is_done(job.part, job.key):  # a cluster may forget that it was done
            rows = loaded(job.model, job.digest).rows
            write_clip(rows, job.clip, job.part, job.settings, {KEY: job.key}, progress)
