"""Simulated people: what stays the same in a person, from the face at rest to how often and how fast they show what."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS, mirror_permutation
from .displays import DISPLAYS
from .sessions import TASKS, task_rates

__all__ = ["SPREADS", "TALKING_FACTOR", "Person", "Spreads", "log_rate_covariance", "mean_counts", "sample_person"]

TALKING_FACTOR = 0.4
"""A mouth that talks has less time for displays of the group `"mouth"` (our choice)."""


@dataclass(frozen=True)
class Spreads:
    """Standard deviations of the random effects (logarithms, our choice within what the checks of 01 allow).

    Arguments:
        general: of how expressive a person is; group: how fond of a group; own: how fond of one display.
        task: of a person's rate of a display from task to task, the part of the session that is no trait.
        blink: of a person's blink rate (Doughty 2001 gives 95 % of people between 8 and 21 a minute: 0.25).
        level, tempo: of a person's strengths and times; event_level, event_tempo: of single events.
        lean, event_lean: of the difference between the sides.
        speech: of the mouth's movement, and of the syllables' rate.
        regularity: of the shape of the intervals between events.
    """

    general: float = 0.15
    group: float = 0.2
    own: float = 0.25
    task: float = 0.35
    blink: float = 0.2
    level: float = 0.12
    event_level: float = 0.3
    tempo: float = 0.15
    event_tempo: float = 0.35
    lean: float = 0.06
    event_lean: float = 0.08
    speech: float = 0.15
    regularity: float = 0.2


SPREADS = Spreads()

RESTING: dict[str, float] = {
    "browInnerUp": 0.018, "browOuterUp": 0.011, "browDown": 0.07, "eyeWide": 0.009, "cheekSquint": 0.051,
    "eyeSquint": 0.052, "noseSneer": 0.011, "mouthUpperUp": 0.047, "mouthSmile": 0.094, "mouthDimple": 0.035,
    "mouthFrown": 0.022, "mouthShrugLower": 0.02, "mouthStretch": 0.015, "mouthPress": 0.015,
    "mouthLowerDown": 0.041, "jawOpen": 0.055, "eyeBlink": 0.014, "mouthRollLower": 0.02, "mouthPucker": 0.02,
    "cheekPuff": 0.01, "jawForward": 0.02,
}  # fmt: skip
"""Mean of each action in the face at rest (both sides of a stem). Set so that people differ in the task means of an
action by the share of its variance that is known of its action unit, see `cohort_summary.SHARES`; the last four, of
which nothing is known, are our choice."""

RESTING_SHAPE = 0.7
"""Standard deviation of the logarithm of the face at rest over people: a spread of 0.8 of the mean, as in the task
means of AU04 and AU14 in public AU data."""
SIDE_SHAPE = 0.15
"""The same between the two sides of one face (our choice)."""


@dataclass(frozen=True)
class Person:
    """What stays the same in one person.

    Arguments:
        rest: (52,) psi of the face at rest.
        log_rates: (K, T) logarithm of what the rates of K displays in T tasks are multiplied by; mean factor 1.
        level, tempo: (K,) logarithms that strengths and times are shifted by.
        lean: left strength minus right as a share, halved.
        talkative: odds of talking; syllables: factor of their rate; mouth: factor of the mouth's movement in speech.
        regularity: (K,) shape of the gamma intervals between events; 1 is Poisson.
    """

    rest: Float[np.ndarray, "52"]
    log_rates: Float[np.ndarray, "k t"]
    level: Float[np.ndarray, " k"]
    tempo: Float[np.ndarray, " k"]
    lean: float
    talkative: float
    syllables: float
    mouth: float
    regularity: Float[np.ndarray, " k"]


def sample_person(rng: np.random.Generator) -> Person:
    """A person without any condition.

    >>> sample_person(np.random.default_rng(0)).log_rates.shape == (len(DISPLAYS), len(TASKS))
    True
    """
    count = len(DISPLAYS)
    spread = SPREADS
    rest = _resting_face(rng)
    log_rates = _spread_roots() @ rng.standard_normal(_spread_roots().shape[1])
    tempo = rng.normal(0, spread.tempo, 1) + np.zeros(count)
    regularity = np.exp(rng.normal(0, spread.regularity, 1) + np.zeros(count))
    return Person(
        rest, log_rates.reshape(count, -1) - _variances().reshape(count, -1) / 2, rng.normal(0, spread.level, count),
        tempo, float(rng.normal(0, spread.lean)), float(np.exp(rng.normal(0, 0.3))),
        float(np.exp(rng.normal(0, spread.speech / 2))), float(np.exp(rng.normal(0, spread.speech))), regularity,
    )  # fmt: skip


@cache
def log_rate_covariance() -> Float[np.ndarray, "kt kt"]:
    """Covariance over people of the log-rates of all displays and tasks, displays outermost."""
    return _spread_roots() @ _spread_roots().T


@cache
def mean_counts(minutes: float | int) -> Float[np.ndarray, "k t"]:
    """Expected events of each display in each task of a session; syllables are not counted.

    >>> blinks = mean_counts(6)[[display.name for display in DISPLAYS].index("blink")]
    >>> blinks.tolist()
    [17.0, 17.0, 17.0, 4.5, 20.0, 26.0]
    """
    counts = np.zeros((len(DISPLAYS), len(TASKS)))
    talking = np.array([task.talking for task in TASKS])
    for row, display in zip(counts, DISPLAYS, strict=True):
        if display.group != "speech":
            open_time = 1 - talking * (1 - TALKING_FACTOR) * (display.group == "mouth")
            row[:] = display.rate * task_rates(display.group) * open_time * minutes / len(TASKS)
    return counts


@cache
def _variances() -> Float[np.ndarray, " kt"]:
    return np.diag(log_rate_covariance()).copy()


@cache
def _spread_roots() -> Float[np.ndarray, "kt f"]:
    """Loadings of the log-rates, displays outermost, on factors: general, group, display, display in a task."""
    count, tasks = len(DISPLAYS), len(TASKS)
    groups = sorted({display.group for display in DISPLAYS})
    general, group = np.zeros((count, 1)), np.zeros((count, len(groups)))
    own, task = np.zeros((count, count)), np.zeros((count, count))
    for i, display in enumerate(DISPLAYS):
        if display.group == "blink":
            own[i, i] = SPREADS.blink
            task[i, i] = SPREADS.blink / 2
        elif display.group != "speech":
            general[i], group[i, groups.index(display.group)] = SPREADS.general, SPREADS.group
            own[i, i], task[i, i] = SPREADS.own, SPREADS.task
    always = np.repeat(np.hstack([general, group, own]), tasks, axis=0)
    return np.hstack([always, np.kron(task, np.eye(tasks))])


def _resting_face(rng: np.random.Generator) -> Float[np.ndarray, "52"]:
    """Log-normal strengths, nearly alike on both sides."""
    mirror, own = mirror_permutation(), rng.standard_normal(len(ACTIONS))
    pair = rng.standard_normal(len(ACTIONS))
    pair = np.where(np.arange(len(pair)) <= mirror, pair, pair[mirror])
    log = RESTING_SHAPE * pair + SIDE_SHAPE * own
    mean = np.array([RESTING.get(name.removesuffix("Left").removesuffix("Right"), 0.0) for name in ACTIONS])
    return np.clip(mean * np.exp(log - (RESTING_SHAPE**2 + SIDE_SHAPE**2) / 2), 0, 0.6)
