"""A simulated session: tasks one after the other, and in each of them when the person talks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from .displays import GROUPS

__all__ = ["GRID_HZ", "TASKS", "Schedule", "Task", "sample_schedule", "task_rates"]

GRID_HZ = 10
"""Steps a second in which talking begins and ends, whatever the frame rate: behaviour does not depend on the camera."""


@dataclass(frozen=True)
class Task:
    """What a person is asked to do, for an equal share of the session.

    Arguments:
        talking: share of the time that is talked; turn_s: mean length of a stretch of talk.
        rates: for each of `repertoire.GROUPS`, what the events a minute of its displays are multiplied by. The blinks'
            are events a minute themselves, the speech's syllables a second of talk.
    """

    name: str
    talking: float
    turn_s: float
    rates: tuple[float, ...]


TASKS: tuple[Task, ...] = (
    Task("rest", 0.0, 1.0, (0.3, 0.3, 0.5, 1.0, 17.0, 10.0, 4.5)),
    Task("funny_video", 0.0, 1.0, (3.0, 0.3, 0.8, 0.8, 17.0, 8.0, 4.5)),
    Task("sad_video", 0.0, 1.0, (0.3, 4.0, 0.8, 0.8, 17.0, 8.0, 4.5)),
    Task("reading", 0.9, 8.0, (0.3, 0.3, 0.6, 0.5, 4.5, 20.0, 4.8)),
    Task("counting", 0.6, 3.0, (1.0, 0.8, 1.2, 1.2, 20.0, 12.0, 4.0)),
    Task("interview", 0.5, 5.0, (1.8, 1.0, 2.0, 1.2, 26.0, 14.0, 4.5)),
)
"""Blinks: 17 a minute at rest, 4.5 reading, 26 in conversation (Bentivoglio et al. 1997); counting lies between by our
choice. Talk, and which groups a task calls for, are our choice: smiles to a funny clip and in an interview, the
negative displays to a sad clip. Syllables a second: 4 to 5 (Tauroza and Allison 1990)."""


@dataclass(frozen=True)
class Schedule:
    """Tasks and talk of one session.

    Arguments:
        seconds: length of the session.
        talking: (g,) at each step of `GRID_HZ`, is the person talking?
    """

    seconds: float
    talking: Bool[np.ndarray, " g"]

    @property
    def task_s(self) -> float:
        """Length of each task, seconds."""
        return self.seconds / len(TASKS)

    def task_at(self, time_s: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Index in `TASKS` at each time."""
        return np.clip((time_s / self.task_s).astype(int), 0, len(TASKS) - 1)

    def talking_at(self, time_s: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        return self.talking[np.clip((time_s * GRID_HZ).astype(int), 0, len(self.talking) - 1)]

    def grid_s(self) -> Float[np.ndarray, " g"]:
        """Times of the middles of the steps."""
        return (np.arange(len(self.talking)) + 0.5) / GRID_HZ


def sample_schedule(minutes: float | int, rng: np.random.Generator, talkative: float = 1.0) -> Schedule:
    """A session of so many minutes.

    Arguments:
        talkative: multiplies the odds of talking where the task has talk at all.

    >>> sample_schedule(6, np.random.default_rng(0)).task_s
    60.0
    """
    seconds = 60.0 * minutes
    schedule = Schedule(seconds, np.zeros(max(round(seconds * GRID_HZ), 1), bool))
    which = schedule.task_at(schedule.grid_s())
    for index, task in enumerate(TASKS):
        here = which == index
        if task.talking:
            odds = talkative * task.talking / (1 - task.talking)
            schedule.talking[here] = _turns(int(here.sum()), odds / (1 + odds), task.turn_s, rng)
    return schedule


def task_rates(group: str) -> Float[np.ndarray, " t"]:
    """The factor of a group's rates in each task."""
    return np.array([task.rates[GROUPS.index(group)] for task in TASKS])


def _turns(steps: int, share: float, turn_s: float, rng: np.random.Generator) -> Bool[np.ndarray, " s"]:
    """Stretches of talk and silence in turns, of exponential lengths whose means give the share."""
    first = bool(rng.random() < share)
    means = (turn_s, turn_s * (1 - share) / share)
    lengths = rng.exponential(1.0, (5 + 2 * int(steps / GRID_HZ / min(means)), 2)) * (means if first else means[::-1])
    turn = np.searchsorted(np.cumsum(lengths), (np.arange(steps) + 0.5) / GRID_HZ)
    return (turn % 2 == 0) == first
