"""What is predicted of a person: a label or several, of which kind, and the scores that it is judged by."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError
from .metrics import METRICS

__all__ = ["BIG_FIVE", "KINDS", "TASKS", "Task", "level_name", "tasks_of"]

BIG_FIVE = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
DEFAULTS = {
    "binary": ("auc", "balanced_accuracy", "f1"),
    "ordinal": ("kappa", "mae"),
    "regression": ("pcc", "ccc", "mae", "rmse"),
    "classes": ("balanced_accuracy", "auc"),
}
KINDS = tuple(DEFAULTS)
"""Kinds of label: two values, whole levels in an order, numbers, and three or more classes without an order."""


@dataclass(frozen=True)
class Task:
    """A task, the columns of its labels, and the scores that its field reports.

    Arguments:
        name: as the tables call it.
        kind: `"binary"` (0 or 1), `"ordinal"` (whole levels from 0), `"regression"`, or `"classes"`.
        columns: of the labels; scores are averaged over several.
        bounds: lowest and highest label.
        metrics: names of `metrics.METRICS`, the first one the main one; the kind's usual ones when empty.
        steps: labels that open each level above the lowest, for ordinal tasks whose labels are no levels yet.
        levels: the values that the labels take, in the order of what they stand for: of two the second is the
            positive one; classes need them.

    Raises:
        UserError: unknown kind or metric, or classes without their levels.

    >>> Task("depression", "binary", ("depressed",)).metrics
    ('auc', 'balanced_accuracy', 'f1')
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    bounds: tuple[float, float] = (0.0, 1.0)
    metrics: tuple[str, ...] = ()
    steps: tuple[float, ...] = ()
    levels: tuple[float | str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in DEFAULTS:
            raise UserError(f"a task is {', '.join(DEFAULTS)}, not {self.kind!r}.")
        object.__setattr__(self, "metrics", self.metrics or DEFAULTS[self.kind])
        unknown = set(self.metrics) - set(METRICS)
        if unknown:
            raise UserError(f"there is no metric {sorted(unknown)[0]!r}: use {', '.join(METRICS)}.")
        if self.kind == "classes" and len(self.levels) < 3:
            raise UserError(f"{self.name} needs the names of three classes or more; two are a binary task.")

    def targets(self, labels: pd.DataFrame) -> Float[np.ndarray, "n c"]:
        """The labels as numbers (n, columns): 0 or 1, levels or values; of classes a column of 0 and 1 for each.

        Raises:
            UserError: a column is missing, empty in places, or not of this kind.
        """
        missing = [column for column in self.columns if column not in labels]
        if missing:
            raise UserError(f"the labels of {self.name} need a column {missing[0]}; there is {', '.join(labels)}.")
        values = self._numbers(labels)
        if not np.isfinite(values).all():
            raise UserError(f"{self.name} has empty labels: leave those clips out.")
        if self.kind == "binary" and not np.isin(values, (0, 1)).all():
            raise UserError(f"the labels of {self.name} must be 0 or 1.")
        if self.kind == "classes":
            return (values == np.arange(len(self.levels))).astype(float)
        return np.searchsorted(self.steps, values, side="right").astype(float) if self.steps else values

    def _numbers(self, labels: pd.DataFrame) -> Float[np.ndarray, "n c"]:
        columns = labels[list(self.columns)]
        if not self.levels:
            return columns.to_numpy(float)
        places = {level: float(place) for place, level in enumerate(self.levels)}
        for column in self.columns:
            strange = [value for value in columns[column].dropna() if value not in places]
            if strange:
                raise UserError(
                    f"{column} has {strange[0]!r}, which is none of {', '.join(map(level_name, self.levels))}."
                )
        cells = [[places.get(value, np.nan) for value in columns[column]] for column in self.columns]
        return np.array(cells, float).T

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest target; predictions are kept within."""
        if self.kind == "ordinal" and self.levels:
            return 0.0, float(len(self.levels) - 1)
        return (0.0, float(len(self.steps))) if self.steps else self.bounds


TASKS: tuple[Task, ...] = (
    Task("stress", "binary", ("stress",)),
    Task("depression", "binary", ("depressed",)),
    Task("phq8", "regression", ("phq8",), (0.0, 24.0)),
    Task("phq8_severity", "ordinal", ("phq8",), steps=(5.0, 10.0, 15.0, 20.0)),
    Task("personality", "regression", BIG_FIVE, metrics=("pcc", "ccc", "mean_accuracy")),
    Task("bdi", "regression", ("bdi",), (0.0, 63.0)),
    Task("personality_z", "regression", tuple(f"{trait}_z" for trait in BIG_FIVE), (-np.inf, np.inf)),
)
"""Tasks of the cohort: stress, PHQ-8 of 10 and more, its score, its five bands, and the Big Five; and of data sets that
keep other labels: BDI-II, z-scores of the Big Five."""


def tasks_of(columns: Iterable[str]) -> tuple[Task, ...]:
    """Those of `TASKS` that a table with these columns has labels for."""
    return tuple(task for task in TASKS if set(task.columns) <= set(columns))


def level_name(value: float | str) -> str:
    """A level as people write it.

    >>> level_name(2.0), level_name("yes")
    ('2', 'yes')
    """
    return value if isinstance(value, str) else f"{value:g}"
