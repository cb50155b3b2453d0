r"""Stress, depression and personality in the face: which statistics differ, by how much, and where that is known from.

An effect is set as Cohen's d (or a correlation r) of one statistic of a session: the number of events of some displays
in some tasks, or the mean logarithm of a duration. The shift of the log-rate behind it follows in closed form, for a
session of `REFERENCE_MIN` minutes: counts are Poisson with log-normal rates, so that with mean counts $\mu$ and
covariance C of the log-rates $\operatorname{var} N = \sum\mu + \mu^\top (e^C - 1) \mu$.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from ..errors import UserError
from .displays import DISPLAYS, display_index
from .people import SPREADS, log_rate_covariance, mean_counts
from .sessions import TASKS

__all__ = ["EFFECTS", "REFERENCE_MIN", "WHERE", "Effect", "Shifts", "effect_shifts",
           "effects_of"]  # fmt: skip

REFERENCE_MIN = 5.0
"""Minutes of the session in which the statistics have the sizes they are set to; shorter ones are noisier."""

WHERE = ("all", "detectable", "beyond", "timing")

WITHIN = {"stress": 0.0, "depression": 0.29}
"""Labels with a group each, and the spread within the groups of what a label counts as: PHQ-8 is graded."""

BYLSMA = "Bylsma, Morris and Rottenberg 2008"
GIRARD = "direction: Girard et al. 2014; size: our choice"
STRESSID = "direction: talking tasks of StressID under stress against reading; size: our choice"
OH = "direction: Oh et al. 2012; size: our choice"
TRAIT = "direction and size: our choice, below the r of .37 to .42 of small studies"
ANALOGUE = "our choice: as large as its counterpart in detectable displays"
OURS = "our choice"


@dataclass(frozen=True)
class Effect:
    """One statistic that differs with a label.

    Arguments:
        label: `"depression"`, `"stress"` or a trait.
        size: d between those with and without the label, or r with a trait.
        kind: `"rate"`, `"ramp"` (duration of onset and offset) or `"interval"` (irregularity of the intervals).
        where: `"detectable"`, `"beyond"` or `"timing"`.
        displays, tasks: whose events are counted, and where.
        source: of the size.
    """

    label: str
    size: float
    kind: str
    where: str
    displays: tuple[str, ...]
    tasks: tuple[str, ...]
    source: str

    @property
    def name(self) -> str:
        what = {"rate": "", "ramp": ", onset duration", "interval": ", irregularity"}[self.kind]
        more = f" and {len(self.displays) - 1} more" if len(self.displays) > 1 else ""
        return f"{self.label}: {self.displays[0]}{more}{what}, {self.tasks[0] if len(self.tasks) == 1 else 'session'}"


SMILES = ("smile", "laugh", "polite_smile", "happily_surprised", "happily_disgusted")
FROWNS = tuple(display.name for display in DISPLAYS if display.group == "negative" and not display.beyond_facs)
SESSION = tuple(task.name for task in TASKS)
FUNNY, SAD = ("funny_video",), ("sad_video",)
TALK = ("reading", "counting", "interview")
CALM = ("rest", "reading", "counting", "interview")

EFFECTS: tuple[Effect, ...] = (
    Effect("depression", -0.53, "rate", "detectable", SMILES, FUNNY, BYLSMA),
    Effect("depression", -0.25, "rate", "detectable", FROWNS, SAD, BYLSMA),
    Effect("depression", 0.30, "rate", "detectable", ("dimpler",), SESSION, GIRARD),
    Effect("depression", -0.30, "rate", "detectable", ("lip_corner_depressor",), SESSION, GIRARD),
    Effect("depression", -0.53, "rate", "beyond", ("tongue_show", "cheek_puff", "pucker", "blow"), SESSION, ANALOGUE),
    Effect("depression", -0.25, "rate", "beyond", ("jaw_sideways", "mouth_sideways"), SESSION, ANALOGUE),
    Effect("depression", 0.30, "rate", "beyond", ("cheek_suck",), SESSION, ANALOGUE),
    Effect("depression", -0.30, "rate", "beyond", ("upper_lip_roll",), SESSION, ANALOGUE),
    Effect("depression", 0.53, "ramp", "timing", SMILES + FROWNS, SESSION, OURS),
    Effect("depression", -0.25, "interval", "timing", ("blink",), SESSION, OURS),
    Effect("stress", 0.50, "rate", "detectable", SMILES, ("counting", "interview"), STRESSID),
    Effect("stress", 0.50, "rate", "detectable", ("blink",), CALM, OH),
    Effect("stress", 0.50, "rate", "detectable", ("lip_press",), SESSION, OURS),
    Effect("stress", -0.10, "rate", "detectable", ("brow_lower",), SESSION, STRESSID),
    Effect("stress", 0.50, "rate", "beyond", ("jaw_thrust", "jaw_circle"), SESSION, ANALOGUE),
    Effect("stress", 0.50, "rate", "beyond", ("lower_lip_roll", "lips_in", "lip_lick"), SESSION, ANALOGUE),
    Effect("stress", 0.50, "rate", "beyond", ("sideways_pucker", "one_sided_smile"), SESSION, ANALOGUE),
    Effect("stress", -0.50, "ramp", "timing", ("brow_flash", "brow_lower", "lip_press", "squint"), SESSION, OURS),
    Effect("stress", 0.50, "interval", "timing", ("blink",), SESSION, OURS),
    Effect("extraversion", 0.30, "rate", "detectable", SMILES, ("interview",), TRAIT),
    Effect("agreeableness", 0.20, "rate", "detectable", SMILES, ("counting",), TRAIT),
    Effect("neuroticism", 0.20, "rate", "detectable", ("brow_lower",), TALK, TRAIT),
    Effect("openness", 0.20, "rate", "detectable", ("brow_flash",), ("interview",), TRAIT),
    Effect("conscientiousness", -0.20, "rate", "detectable", ("chin_raise",), SESSION, TRAIT),
    Effect("extraversion", 0.30, "rate", "beyond", ("wink", "one_brow", "tongue_in_corner"), SESSION, TRAIT),
    Effect("agreeableness", 0.20, "rate", "beyond", ("pucker",), TALK, TRAIT),
    Effect("neuroticism", 0.20, "rate", "beyond", ("lip_lick", "lower_lip_roll"), TALK, TRAIT),
    Effect("openness", 0.20, "rate", "beyond", ("one_brow",), ("interview",), TRAIT),
    Effect("conscientiousness", -0.20, "rate", "beyond", ("jaw_sideways",), TALK, TRAIT),
    Effect("extraversion", -0.30, "ramp", "timing", SMILES, TALK, TRAIT),
)
"""All effects; those of `"beyond"` and `"timing"` have no literature and take the sizes of their counterparts."""


@dataclass(frozen=True)
class Shifts:
    """What one person's labels do to their behaviour: added to the logarithms of `people.Person`.

    Arguments:
        rates: (K, T) of K displays in T tasks.
        ramps: (K,) of onset and offset times; the area under an event stays as it is.
        regularity: (K,) of the shape of the intervals.
    """

    rates: Float[np.ndarray, "k t"]
    ramps: Float[np.ndarray, " k"]
    regularity: Float[np.ndarray, " k"]


def effects_of(where: str) -> tuple[Effect, ...]:
    """The effects that live there; raises UserError for a place that is none of `WHERE`.

    >>> {effect.where for effect in effects_of("timing")}
    {'timing'}
    """
    if where not in WHERE:
        raise UserError(f"effect_where must be one of {', '.join(WHERE)}, not {where!r}.")
    return tuple(effect for effect in EFFECTS if where in ("all", effect.where))


def effect_shifts(labels: dict[str, float], where: str, effect_size: float | int) -> Shifts:
    """Shifts of a person with these labels.

    Arguments:
        labels: how far the person is from the mean of the population, for each label of `EFFECTS`: a step of 1
            between the means of those without and with stress or depression, standard deviations of a trait.
        where: one of `WHERE`. effect_size: multiplies every d and r; 0 is the null cohort.
    """
    shifts = Shifts(np.zeros((len(DISPLAYS), len(TASKS))), np.zeros(len(DISPLAYS)), np.zeros(len(DISPLAYS)))
    for effect in effects_of(where):
        step = labels[effect.label] * _log_shift(effect, float(effect_size))
        rows = [display_index(name) for name in effect.displays]
        if effect.kind == "rate":
            shifts.rates[np.ix_(rows, [SESSION.index(name) for name in effect.tasks])] += step
        else:
            (shifts.ramps if effect.kind == "ramp" else shifts.regularity)[rows] += step
    return shifts


@cache
def _log_shift(effect: Effect, effect_size: float) -> float:
    size = effect.size * effect_size
    is_trait = effect.label not in WITHIN
    if effect.kind == "rate":
        return _rate_shift(effect, size, is_trait)
    count = float(_cells(effect)[0].sum())
    if effect.kind == "ramp":
        spread = np.sqrt(SPREADS.tempo**2 + SPREADS.event_tempo**2 / count)
        return float(spread * (size / np.sqrt(1 - size**2) if is_trait else size))
    # the coefficient of variation of gamma intervals of shape k is k^-1/2; its logarithm varies by 1.6/n (measured)
    return float(-2 * size * np.sqrt(SPREADS.regularity**2 / 4 + 1.6 / count))


def _rate_shift(effect: Effect, size: float, is_trait: bool) -> float:
    """The shift at which counts differ by d, or correlate by r."""
    counts, covariance = _cells(effect)
    total, extra = counts.sum(), counts @ np.expm1(covariance) @ counts
    if is_trait:
        return float(size / np.sqrt(1 - size**2) * np.sqrt(total + extra) / total)

    def excess(shift: float) -> float:
        low, high = np.exp([-shift / 2, shift / 2])
        variance = (total * (low + high) + extra * (low**2 + high**2)) / 2 + (WITHIN[effect.label] * shift * total) ** 2
        return total * (high - low) / np.sqrt(variance) - size

    return float(brentq(excess, -3, 3))


def _cells(effect: Effect) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "c c"]]:
    """Expected counts of the effect's displays in its tasks, and the covariance of their log-rates."""
    rows, columns = [display_index(name) for name in effect.displays], [SESSION.index(name) for name in effect.tasks]
    cells = np.add.outer(np.array(rows) * len(TASKS), columns).ravel()
    return mean_counts(REFERENCE_MIN).ravel()[cells], log_rate_covariance()[np.ix_(cells, cells)]
