r"""How many people a label needs before its scores mean anything, by the usual formulas for a measure fixed beforehand.

A model that is also chosen and trained on these people needs more, so that every number here is a lower bound.

| label | effect | power from |
|---|---|---|
| numbers, ordered levels | correlation r = .5, .3, .1 | Fisher's z: $n = 3 + ((z_\alpha + z_\beta) / \tanh^{-1} r)^2$ |
| yes or no | AUC = .71, .64, .56, the same as d = .8, .5, .2 | the AUC's standard error (Hanley and McNeil 1982) |
| classes | Cohen's f = .4, .25, .1 | the noncentral F distribution |

Large, medium and small are Cohen's (1988); tests are two-sided at 5 %, with 80 % power.
"""

from collections.abc import Callable, Iterable
from itertools import count

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.stats import f as f_distribution
from scipy.stats import ncf, norm

from ..errors import counted
from .power import ENOUGH
from .tasks import Task, level_name

__all__ = ["LEAST_OF_CLASS", "LEAST_PEOPLE", "detectable", "people_for", "sample_size", "too_few"]

LEAST_PEOPLE = 10
"""With fewer, not even a very large effect (r = .8) is found four times in five: no statistics."""
LEAST_OF_CLASS = 4
"""Likewise of people with each value of a label of two values or of classes."""
ALPHA = 0.05
SIZES = ("large", "medium", "small")
EFFECTS = {
    "regression": ("r", (0.5, 0.3, 0.1)),
    "ordinal": ("r", (0.5, 0.3, 0.1)),
    "binary": ("AUC", (0.71, 0.64, 0.56)),
    "classes": ("f", (0.4, 0.25, 0.1)),
}
NO_EFFECT = {"r": 0.0, "AUC": 0.5, "f": 0.0}
LARGEST = {"r": 0.999, "AUC": 0.999, "f": 10.0}


def people_for(effect: str, size: float, classes: int = 2, smaller_share: float = 0.5) -> int:
    """The least number of people in whom an effect is found with 80 % power.

    Arguments:
        effect: `"r"`, `"AUC"` or `"f"`. size: of it, above no effect.
        classes: number of them, for f. smaller_share: of the people with the rarer value, for the AUC.

    >>> [people_for("r", size) for size in (0.5, 0.3, 0.1)]
    [30, 85, 783]
    """
    found = _power_of(effect, classes, smaller_share)
    few = 4 if effect == "r" else 2 * classes
    many = next(few * 2**k for k in count() if found(size, few * 2**k) >= ENOUGH)
    sizes = np.arange(max(few, many // 2), many + 1)
    return int(sizes[np.searchsorted([found(size, int(n)) for n in sizes], ENOUGH)])


def detectable(effect: str, people: int, classes: int = 2, smaller_share: float = 0.5) -> float:
    """The smallest effect that so many people show with 80 % power; NaN where none is.

    >>> round(detectable("r", 30), 2)
    0.49
    """
    found = _power_of(effect, classes, smaller_share)
    low, high = NO_EFFECT[effect] + 1e-6, LARGEST[effect]
    if people < 2 * classes or found(high, people) < ENOUGH:
        return float("nan")
    return float(brentq(lambda size: found(size, people) - ENOUGH, low, high, xtol=1e-4))


def too_few(task: Task, targets: Float[np.ndarray, "n c"], subjects: Iterable[str], least: int = LEAST_PEOPLE) -> str:
    """Why there are no statistics of a task; empty where there are.

    Arguments:
        targets: (n, c) of the rows whose label is predicted. subjects: (n) whose they are.
        least: number of people below which there are none.
    """
    people = len(set(subjects))
    if people < least:
        return f"only {counted(people, 'person')} with this label: a score would be chance below {least}"
    rarest = _rarest(task, targets, subjects)
    if rarest is not None and rarest[1] < LEAST_OF_CLASS:
        few = counted(rarest[1], "person")
        return f"only {few} with {rarest[0]}: a score would be chance below {LEAST_OF_CLASS} of each"
    return "" if np.ptp(targets, axis=0).all() else "everybody has the same label"


def sample_size(task: Task, targets: Float[np.ndarray, "n c"], subjects: Iterable[str]) -> dict[str, str | int | float]:
    """Of a task: kind, people, rarest (people with the rarest value), effect, detectable (the smallest effect that is
    found in so many people with 80 % power), and the people that large, medium and small effects need."""
    effect, sizes = EFFECTS[task.kind]
    people, rarest = len(set(subjects)), _rarest(task, targets, subjects)
    classes = len(task.levels) if task.kind == "classes" else 2
    share = 0.5
    if task.kind == "binary" and rarest and rarest[1]:
        share = min(rarest[1] / people, 0.5)
    needed = {f"people_{name}": people_for(effect, size, classes) for name, size in zip(SIZES, sizes, strict=True)}
    return {
        "kind": task.kind, "people": people, "rarest": rarest[1] if rarest else np.nan, "effect": effect,
        "detectable": detectable(effect, people, classes, share), **needed,
    }  # fmt: skip


def _rarest(task: Task, targets: np.ndarray, subjects: Iterable[str]) -> tuple[str, int] | None:
    """The value that fewest people have, and how many they are; None where labels are no classes."""
    if task.kind not in ("binary", "classes"):
        return None
    columns = targets.T if task.kind == "classes" else np.stack([1 - targets[:, 0], targets[:, 0]])
    names = [level_name(level) for level in task.levels or (0.0, 1.0)]
    who = np.asarray(list(subjects))
    counts = [len(set(who[column > 0])) for column in columns]
    place = int(np.argmin(counts))
    return f"{task.name} = {names[place]}", counts[place]


def _power_of(effect: str, classes: int, smaller_share: float) -> Callable[[float, int], float]:
    """Power by size of the effect and number of people."""
    if effect == "r":
        return _power_of_correlation
    if effect == "AUC":
        return lambda size, people: _power_of_auc(size, people, smaller_share)
    return lambda size, people: _power_of_f(size, people, classes)


def _power_of_correlation(size: float, people: int) -> float:
    if people <= 3:
        return 0.0
    return float(norm.cdf(np.arctanh(size) * np.sqrt(people - 3) - norm.isf(ALPHA / 2)))


def _power_of_auc(size: float, people: int, smaller_share: float) -> float:
    few = smaller_share * people
    many = people - few
    one, other = size / (2 - size), 2 * size**2 / (1 + size)
    spread = size * (1 - size) + (few - 1) * (one - size**2) + (many - 1) * (other - size**2)
    error, chance = np.sqrt(max(spread, 1e-12) / (few * many)), np.sqrt((people + 1) / (12 * few * many))
    return float(norm.cdf((size - 0.5 - norm.isf(ALPHA / 2) * chance) / error))


def _power_of_f(size: float, people: int, classes: int) -> float:
    free = people - classes
    if free < 1:
        return 0.0
    limit = f_distribution.isf(ALPHA, classes - 1, free)
    return float(ncf.sf(limit, classes - 1, free, people * size**2))
