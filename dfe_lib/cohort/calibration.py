"""What a simulated cohort shows, beside the figures that it was set to: blinks, shares of people, effects."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from ..blendshapes import ACTIONS
from .cohort import CohortConfig, Session
from .displays import DISPLAYS
from .effects import EFFECTS, Effect, effects_of
from .sessions import TASKS

__all__ = ["SHARES", "Measured", "cohort_summary", "effect_statistic", "measure", "share_between_people"]

STRESSID = "task means of AU intensities in the public features of StressID (one-way ICC)"
SHARES: dict[str, tuple[str, float]] = {
    "AU01": ("browInnerUp", 0.18), "AU02": ("browOuterUp", 0.20), "AU04": ("browDown", 0.75), "AU05": ("eyeWide", 0.21),
    "AU06": ("cheekSquint", 0.62), "AU07": ("eyeSquint", 0.70), "AU09": ("noseSneer", 0.27),
    "AU10": ("mouthUpperUp", 0.75), "AU12": ("mouthSmile", 0.59), "AU14": ("mouthDimple", 0.72),
    "AU15": ("mouthFrown", 0.27), "AU17": ("mouthShrugLower", 0.34), "AU20": ("mouthStretch", 0.25),
    "AU23": ("mouthPress", 0.23), "AU25": ("mouthLowerDown", 0.21), "AU26": ("jawOpen", 0.32),
    "AU45": ("eyeBlink", 0.25),
}  # fmt: skip
"""Of each action unit, the action that stands for it and the share of the variance of its task means that lies between
people: one-way intraclass correlations of 17 AU intensities, 55 people and 11 tasks, computed from the public features
of StressID."""
BLINKS = {"rest": 17.0, "reading": 4.5, "interview": 26.0}
MIN_GAPS = 3
RESAMPLES = 300


@dataclass(frozen=True)
class Measured:
    """What the summary needs of a cohort's people.

    Arguments:
        people: rows of `cohort.people_table`. blinks: (n, tasks) a minute. means: (n, tasks, E) mean psi of each
            task. effects: (n, effects) their statistics, in the order of `conditions.EFFECTS`.
    """

    people: pd.DataFrame
    blinks: Float[np.ndarray, "n t"]
    means: Float[np.ndarray, "n t e"]
    effects: Float[np.ndarray, "n f"]


def measure(sessions: Iterable[Session]) -> Measured:
    """Statistics of each person, one session at a time."""
    people, blinks, means, effects = [], [], [], []
    for session in sessions:
        tasks = [session.task == task.name for task in TASKS]
        seconds = float(session.time_s[-1] - session.time_s[0]) / len(TASKS)
        found = session.events.task[session.events.display == "blink"].value_counts()
        people.append(session.person)
        blinks.append([found.get(task.name, 0) / seconds * 60 for task in TASKS])
        means.append([session.psi[here].mean(0) for here in tasks])
        effects.append([effect_statistic(session.events, effect) for effect in EFFECTS])
    return Measured(pd.DataFrame(people), np.array(blinks), np.array(means, float), np.array(effects, float))


def effect_statistic(events: pd.DataFrame, effect: Effect) -> float:
    """What an effect changes, in one session: a count, or a mean logarithm; NaN where there are too few events."""
    here = np.isin(events.display.to_numpy(object), effect.displays)
    here &= np.isin(events.task.to_numpy(object), effect.tasks)
    if effect.kind == "rate":
        return float(here.sum())
    if effect.kind == "ramp":
        usual = {display.name: display.onset_s for display in DISPLAYS}
        median = np.array([usual[name] for name in events.display[here]])
        return float(np.log(events.onset_s.to_numpy()[here] / median).mean()) if here.any() else float("nan")
    gaps = [np.diff(part) for _, part in events[here].groupby("task").start_s]
    even = [gap / gap.mean() for gap in gaps if len(gap) >= MIN_GAPS]
    return float(np.log(np.concatenate(even).std())) if even else float("nan")


def share_between_people(means: Float[np.ndarray, "n t"]) -> float:
    """One-way intraclass correlation of n people in t tasks (Shrout and Fleiss 1979, ICC(1)).

    >>> round(share_between_people(np.array([[1.0, 1.1], [2.0, 2.1], [3.0, 3.1]])), 2)
    1.0
    """
    tasks = means.shape[1]
    between, within = tasks * means.mean(1).var(ddof=1), means.var(1, ddof=1).mean()
    return float((between - within) / (between + (tasks - 1) * within))


def cohort_summary(measured: Measured, config: CohortConfig) -> pd.DataFrame:
    """Columns: data, statistic, set_to, measured, ci_low, ci_high (95 %, bootstrap over people), source."""
    people, rng = len(measured.people), np.random.default_rng(0)
    draws = rng.integers(0, people, (RESAMPLES, people))
    rows = [*_blink_rows(measured), *_share_rows(measured), *_effect_rows(measured, config)]
    table = []
    for statistic, set_to, source, value in rows:
        spread = [value(draw) for draw in draws]
        low, high = np.nanquantile(spread, [0.025, 0.975]) if np.isfinite(spread).any() else (np.nan, np.nan)
        table.append(("simulated", statistic, set_to, value(np.arange(people)), low, high, source))
    return pd.DataFrame(table, columns=["data", "statistic", "set_to", "measured", "ci_low", "ci_high", "source"])


_Row = tuple[str, float, str, Callable[[np.ndarray], float]]


def _blink_rows(measured: Measured) -> list[_Row]:
    names = [task.name for task in TASKS]

    def mean(task: str) -> Callable[[np.ndarray], float]:
        return lambda rows: float(measured.blinks[rows, names.index(task)].mean())

    return [(f"blinks a minute, {task}", rate, "Bentivoglio et al. 1997", mean(task)) for task, rate in BLINKS.items()]


def _share_rows(measured: Measured) -> list[_Row]:
    def share(action: str) -> Callable[[np.ndarray], float]:
        columns = [i for i, name in enumerate(ACTIONS) if name in (action, f"{action}Left", f"{action}Right")]
        means = measured.means[:, :, columns].mean(2)
        return lambda rows: share_between_people(means[rows])

    return [(f"between-person share, {unit} ({action})", value, STRESSID, share(action))
            for unit, (action, value) in SHARES.items()]  # fmt: skip


def _effect_rows(measured: Measured, config: CohortConfig) -> list[_Row]:
    there = effects_of(config.effect_where)
    rows = []
    for column, effect in enumerate(EFFECTS):
        kind = "d" if effect.label in ("stress", "depression") else "r"
        size = effect.size * config.effect_size if effect in there else 0.0
        rows.append((f"{kind}, {effect.name} ({effect.where})", float(size), effect.source,
                     _size(measured.effects[:, column], measured.people, effect.label)))  # fmt: skip
    return rows


def _size(values: Float[np.ndarray, " n"], people: pd.DataFrame, label: str) -> Callable[[np.ndarray], float]:
    """Cohen's d between those with and without the label, or the correlation with a trait."""
    known = np.isfinite(values)
    if label not in ("stress", "depression"):
        return _correlation(values, people[label].to_numpy(float), known)
    has = people["stress" if label == "stress" else "depressed"].to_numpy(bool)

    def difference(rows: np.ndarray) -> float:
        one, other = values[rows[known[rows] & has[rows]]], values[rows[known[rows] & ~has[rows]]]
        if min(len(one), len(other)) < 2:
            return float("nan")
        spread = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
        return float((one.mean() - other.mean()) / spread) if spread else float("nan")

    return difference


def _correlation(
    values: Float[np.ndarray, " n"], trait: Float[np.ndarray, " n"], known: Bool[np.ndarray, " n"]
) -> Callable[[np.ndarray], float]:
    def correlation(rows: np.ndarray) -> float:
        here = rows[known[rows]]
        varies = len(here) > 1 and values[here].std() > 0
        return float(np.corrcoef(values[here], trait[here])[0, 1]) if varies else float("nan")

    return correlation
