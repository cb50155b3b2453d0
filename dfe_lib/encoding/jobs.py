"""Many clips on many workers: which task when, and what becomes of a clip whose worker dies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from ..io.cluster import Cluster, open_workers
from ..io.processes import Here, Workers
from ..io.progress import bar
from ..io.schedule import Steps, in_steps
from ..io.scratch import scratch
from ..tracking.extraction import UNREADABLE
from . import tasks
from .tasks import Job, Planned

__all__ = ["run_jobs"]


@dataclass
class _Crew:
    """Who reads clips, who fits them, where what is read lies meanwhile, and the bar.

    Arguments:
        folder: for clips that are read in one go. shared: on a disk that all workers share, for those in segments.
    """

    reading: Workers
    fitting: Workers
    folder: Path
    shared: Path
    shown: tqdm

    @property
    def is_one(self) -> bool:
        """Do the same workers read and fit?"""
        return self.fitting is self.reading


def run_jobs(jobs: Sequence[Job], workers: int, scheduler: str, shared: Path) -> Iterator[tuple[Job, str]]:
    """Does the jobs; each with the reason why it failed, or nothing.

    A single worker reads one clip in a process of its own while another is fitted in this one. Of several, each does
    whole clips, the longest first, and segments of clips that can be entered in the middle.

    Arguments:
        workers: processes. scheduler: address of a Dask scheduler, whose workers do it instead; or `""`.
        shared: folder on a disk that all workers share. What a killed run has finished of a long clip stays in it.

    Raises OutputError where nothing can be written.
    """
    if not jobs:
        return
    with (
        bar(unit="frame", desc="encode") as shown,
        scratch() as folder,
        open_workers(workers, scheduler, shared, shown, len(jobs)) as reading,
        Here(shown) as here,
    ):
        crew = _Crew(reading, reading if scheduler or workers > 1 else here, folder, shared.resolve(), shown)
        planned, failed = _planned(jobs, crew)
        yield from failed
        shown.total = sum(each.frames for each in planned) or None
        for each, _, error in in_steps(planned, partial(_steps, crew=crew), reading.width):
            if isinstance(reading, Cluster):
                shown.update(each.frames)
            yield each.job, _reason(error)


def _planned(jobs: Sequence[Job], crew: _Crew) -> tuple[list[Planned], list[tuple[Job, str]]]:
    """How each clip is read, in the order in which they are begun; and those that cannot be, with the reason."""
    futures = [(job, crew.reading.submit(tasks.plan, job)) for job in jobs]
    reasons = [(job, reason) for job, future in futures if (reason := _reason(future.exception()))]
    planned = [future.result() for _, future in futures if future.exception() is None]
    return sorted(planned, key=lambda each: -each.frames) if crew.is_one else planned, reasons


def _reason(error: BaseException | None) -> str:
    """Why a clip failed."""
    if error is None or isinstance(error, UNREADABLE):
        return "" if error is None else str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"


def _steps(clip: Planned, crew: _Crew) -> Steps:
    if clip.plan.parts > 1:
        return _by_segments(clip, crew)
    return _whole(clip.job, crew) if crew.is_one else _by_halves(clip, crew)


def _whole(job: Job, crew: _Crew) -> Steps:
    yield [(crew.reading, tasks.encode, (job,))]


def _by_halves(clip: Planned, crew: _Crew) -> Steps:
    work = crew.folder / clip.job.clip.clip_id
    try:
        (read,) = yield [(crew.reading, tasks.read, (clip.job, clip.plan, work))]
        yield [(crew.fitting, tasks.finish, (clip.job, read))]
    finally:
        rmtree(work, ignore_errors=True)


def _by_segments(clip: Planned, crew: _Crew) -> Steps:
    what = clip.job, clip.plan, crew.shared / clip.job.work
    yield [(crew.reading, tasks.extract, (*what, number)) for number in range(clip.plan.parts)]
    (segments,) = yield [(crew.fitting, tasks.decide, what)]
    yield [(crew.fitting, tasks.fit, (*what, number)) for number in range(segments)]
    yield [(crew.fitting, tasks.join, what)]
