"""Time, memory and bytes of a piece of work, in a process of its own."""

import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

__all__ = ["Work", "Working", "measured"]

Working = Callable[[], int]
"""Does the work, and says how many bytes it wrote."""
Work = Callable[[Path, int], tuple[Working, int]]
"""Prepares work on so many frames in a folder: what to time, and the number of frames that it turned out to be."""


@dataclass(frozen=True)
class Measured:
    """Frames, seconds of processor and clock, peak resident memory in MB of the whole process, and bytes written."""

    frames: int
    cpu_s: float
    wall_s: float
    memory_mb: float
    written: int

    def row(self) -> dict[str, float | int]:
        """What a table says of it."""
        count = max(1, self.frames)
        return {
            "frames": self.frames, "cpu_us_per_frame": 1e6 * self.cpu_s / count,
            "wall_us_per_frame": 1e6 * self.wall_s / count, "frames_per_cpu_s": count / max(self.cpu_s, 1e-9),
            "frames_per_s": count / max(self.wall_s, 1e-9), "cores": self.cpu_s / max(self.wall_s, 1e-9),
            "memory_mb": self.memory_mb, "bytes_per_frame": self.written / count,
        }  # fmt: skip


def measured(work: Work, folder: Path, frames: int) -> Measured:
    """Prepares and does the work in a fresh process; the preparation is not timed, but its memory counts.

    Arguments:
        work: a function of a module, which the process imports.
        folder: to write into. frames: about how many.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, work, folder, frames).result()


def _timed(work: Work, folder: Path, frames: int) -> Measured:
    done, count = work(folder, frames)
    cpu, clock = _cpu_s(), time.perf_counter()
    written = done()
    return Measured(count, _cpu_s() - cpu, time.perf_counter() - clock, _peak_mb(), written)


def _cpu_s() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    """macOS counts bytes, Linux kilobytes."""
    used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(used) / (2**20 if sys.platform == "darwin" else 2**10)
