"""Many clips on many workers: which task when, and what becomes of a clip whose worker dies."""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from ..io.cluster import Cluster, open_workers
from ..io.outputs import OutputError
from ..io.processes import Here, Workers
from ..io.progress import bar
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


Task = tuple[Workers, Callable, tuple]
Steps = Generator[list[Task], list, None]
"""Tasks that may be done side by side; what they gave comes back, and then the next of them are given."""


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
        for each, reason in _driven(planned, crew):
            if isinstance(reading, Cluster):
                shown.update(each.frames)
            yield each.job, reason


def _planned(jobs: Sequence[Job], crew: _Crew) -> tuple[list[Planned], list[tuple[Job, str]]]:
    """How each clip is read, in the order in which they are begun; and those that cannot be, with the reason."""
    futures = [(job, crew.reading.submit(tasks.plan, job)) for job in jobs]
    reasons = [(job, reason) for job, future in futures if (reason := _reason(future))]
    planned = [future.result() for _, future in futures if future.exception() is None]
    return sorted(planned, key=lambda each: -each.frames) if crew.is_one else planned, reasons


@dataclass
class _Run:
    """A clip under way: its further steps, and the tasks of the present one."""

    clip: Planned
    steps: Steps
    tasks: list[Future] = field(default_factory=list)

    def go_on(self, results: list | None) -> bool:
        """Submits the tasks of the next step; is there one?"""
        try:
            step = next(self.steps) if results is None else self.steps.send(results)
        except StopIteration:
            return False
        self.tasks = [workers.submit(work, *arguments) for workers, work, arguments in step]
        return True

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.steps.close()


def _driven(clips: Sequence[Planned], crew: _Crew) -> Iterator[tuple[Planned, str]]:
    """Keeps the workers busy, with no more clips begun than that takes, since what is read lies on the disk."""
    left, under_way = iter(clips), dict[Future, _Run]()
    while True:
        while len(under_way) < 2 * crew.reading.width() and (clip := next(left, None)) is not None:
            run = _Run(clip, _steps(clip, crew))
            run.go_on(None)
            under_way |= dict.fromkeys(run.tasks, run)
        if not under_way:
            return
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            if future not in under_way:  # another task of the clip has failed
                continue
            run = under_way.pop(future)
            if reason := _reason(future):
                run.end()
                under_way = {task: other for task, other in under_way.items() if other is not run}
                yield run.clip, reason
            elif not any(task in under_way for task in run.tasks):
                if run.go_on([task.result() for task in run.tasks]):
                    under_way |= dict.fromkeys(run.tasks, run)
                else:
                    yield run.clip, ""


def _reason(future: Future) -> str:
    """Why a task failed; raises what is no fault of its clip."""
    error = future.exception()
    if error is None:
        return ""
    if isinstance(error, OutputError) or not isinstance(error, Exception):
        raise error
    return str(error) or type(error).__name__ if isinstance(error, UNREADABLE) else f"{type(error).__name__}: {error}"


def _steps(clip: Planned, crew: _Crew) -> Steps:
    if clip.plan.parts > 1:
        return _by_segments(clip, crew)
    return _whole(clip.job, crew) if crew.is_one else _by_halves(clip.job, crew)


def _whole(job: Job, crew: _Crew) -> Steps:
    yield [(crew.reading, tasks.encode, (job,))]


def _by_halves(job: Job, crew: _Crew) -> Steps:
    work = crew.folder / job.clip.clip_id
    try:
        (read,) = yield [(crew.reading, tasks.read, (job, work))]
        yield [(crew.fitting, tasks.finish, (job, read))]
    finally:
        rmtree(work, ignore_errors=True)


def _by_segments(clip: Planned, crew: _Crew) -> Steps:
    what = clip.job, clip.plan, crew.shared / clip.job.work
    yield [(crew.reading, tasks.extract, (*what, number)) for number in range(clip.plan.parts)]
    (segments,) = yield [(crew.fitting, tasks.decide, what)]
    yield [(crew.fitting, tasks.fit, (*what, number)) for number in range(segments)]
    yield [(crew.fitting, tasks.join, what)]
