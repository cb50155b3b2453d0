"""How long many clips take on many workers, some of which die: the schedule, played through without the work."""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..errors import UserError

__all__ = ["Schedule", "clip_lengths", "simulated_schedule"]

LENGTHS_S = {"short clips": (15.0, 0.0), "interviews": (15.2, 0.47)}
"""Median length in seconds (of interviews: minutes) and spread of its logarithm: First Impressions V2 has 10,000 clips
of 15 s; DAIC-WOZ has interviews of 7 to 33 minutes, here taken for the middle 90 %."""


@dataclass(frozen=True)
class Schedule:
    """What a simulated run took.

    Arguments:
        wall_s: From the start to the last result. work_s: Time of workers on what was kept.
        lost_s: Time on what died with its worker. deaths: Workers that died at work.
    """

    wall_s: float
    work_s: float
    lost_s: float
    deaths: int


def simulated_schedule(
    tasks_s: Sequence[float] | Float[np.ndarray, " t"],
    workers: int,
    start_s: float = 0.0,
    life_s: float = 0.0,
    seed: int = 0,
) -> Schedule:
    """Gives each free worker the next task, longest first; a dead worker's task goes back to the front.

    Arguments:
        tasks_s: Seconds that a worker takes for each task.
        workers: How many there are.
        start_s: Seconds that a worker takes to start, also after it died.
        life_s: Mean life of a worker in seconds, exponential; 0 for one that does not die.
        seed: Of the lives.

    Raises:
        UserError: There is no worker.

    >>> simulated_schedule([3.0, 2.0, 2.0, 1.0], workers=2, start_s=1.0)
    Schedule(wall_s=5.0, work_s=8.0, lost_s=0.0, deaths=0)
    """
    if workers < 1:
        raise UserError(f"a schedule needs at least one worker, not {workers}.")
    rng = np.random.default_rng(seed)
    waiting = deque(sorted(map(float, tasks_s), reverse=True))
    free = [(start_s, number) for number in range(workers)]
    dies = [start_s + _life(rng, life_s) for _ in free]
    work = lost = end = 0.0
    deaths = 0
    while waiting:
        now, number = heapq.heappop(free)
        task = waiting.popleft()
        if now + task <= dies[number]:
            work, end = work + task, max(end, now + task)
            heapq.heappush(free, (now + task, number))
            continue
        if dies[number] > now:  # else it died while it waited, and took nothing with it
            lost, deaths = lost + dies[number] - now, deaths + 1
        waiting.appendleft(task)
        back = max(now, dies[number]) + start_s
        dies[number] = back + _life(rng, life_s)
        heapq.heappush(free, (back, number))
    return Schedule(end, work, lost, deaths)


def clip_lengths(kind: str, hours: float, seed: int = 0) -> Float[np.ndarray, " c"]:
    """Lengths in seconds of clips of so many hours together, as long as those of a data set.

    Arguments:
        kind: `"short clips"` (First Impressions V2) or `"interviews"` (DAIC-WOZ).

    >>> clip_lengths("short clips", 0.01).tolist()
    [15.0, 15.0, 6.0]
    """
    median, spread = LENGTHS_S[kind]
    unit = 60.0 if kind == "interviews" else 1.0
    count = int(np.ceil(3600 * hours / (unit * median))) + 1
    lengths = unit * median * np.exp(spread * np.random.default_rng(seed).normal(size=2 * count))
    before = np.concatenate([[0.0], np.cumsum(lengths)])[:-1]
    lengths = np.minimum(lengths, np.maximum(3600 * hours - before, 0.0))
    return lengths[lengths > 1e-9]


def _life(rng: np.random.Generator, mean_s: float) -> float:
    return float(rng.exponential(mean_s)) if mean_s else np.inf
