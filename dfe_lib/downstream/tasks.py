"""What is predicted of a person: stress, depression, personality."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError
from ..io.clip_table import TEXT
from .metrics import METRICS

__all__ = ["BIG_FIVE", "TASKS", "Task", "left_labels", "tasks_of"]

BIG_FIVE = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
COVARIATES = ("talking", "age", "gender")
"""What a table of clips may know of people that nobody predicts."""
DEFAULTS = {
    "binary": ("auc", "balanced_accuracy", "f1"),
    "ordinal": ("kappa", "mae"),
    "regression": ("pcc", "ccc", "mae", "rmse"),
}


@dataclass(frozen=True)
class Task:
    """A task, the columns of its labels, and the scores that its field reports.

    Arguments:
        name: as the tables call it.
        kind: `"binary"` (0 or 1), `"ordinal"` (whole levels from 0) or `"regression"`.
        columns: of the labels; scores are averaged over several.
        bounds: lowest and highest label.
        metrics: names of `metrics.METRICS`, the first one the main one; the kind's usual ones when empty.
        steps: labels that open each level above the lowest, for ordinal tasks whose labels are no levels yet.

    Raises:
        UserError: unknown kind or metric.

    >>> Task("depression", "binary", ("depressed",)).metrics
    ('auc', 'balanced_accuracy', 'f1')
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    bounds: tuple[float, float] = (0.0, 1.0)
    metrics: tuple[str, ...] = ()
    steps: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in DEFAULTS:
            raise UserError(f"a task is {', '.join(DEFAULTS)}, not {self.kind!r}.")
        object.__setattr__(self, "metrics", self.metrics or DEFAULTS[self.kind])
        unknown = set(self.metrics) - set(METRICS)
        if unknown:
            raise UserError(f"there is no metric {sorted(unknown)[0]!r}: use {', '.join(METRICS)}.")

    def targets(self, labels: pd.DataFrame) -> Float[np.ndarray, "n c"]:
        """The labels as numbers (n, columns): classes, levels or values.

        Raises:
            UserError: a column is missing, empty in places, or not of this kind.
        """
        missing = [column for column in self.columns if column not in labels]
        if missing:
            raise UserError(f"the labels of {self.name} need a column {missing[0]}; there is {', '.join(labels)}.")
        values = labels[list(self.columns)].to_numpy(float)
        if not np.isfinite(values).all():
            raise UserError(f"{self.name} has empty labels: leave those clips out.")
        if self.kind == "binary" and not np.isin(values, (0, 1)).all():
            raise UserError(f"the labels of {self.name} must be 0 or 1.")
        return np.searchsorted(self.steps, values, side="right").astype(float) if self.steps else values

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest target; predictions are kept within."""
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


def left_labels(columns: Iterable[str]) -> str:
    """A sentence on the labels of a table of clips that belong to no task of it; empty where there is none.

    >>> left_labels(["clip_id", "stress", "gad7", "openness"])
    'gad7 and openness are not evaluated: there is no task for gad7, and personality needs all five traits.'
    """
    used = {column for task in tasks_of(columns) for column in task.columns}
    left = [column for column in columns if column not in used | {*TEXT, *COVARIATES}]
    traits = [column for column in left if any(column in task.columns for task in TASKS)]
    unknown = [column for column in left if column not in traits]
    why = [f"there is no task for {' and '.join(unknown)}"] if unknown else []
    why += ["personality needs all five traits"] if traits else []
    if not left:
        return ""
    verb = "is" if len(left) == 1 else "are"
    return f"{' and '.join([*unknown, *traits])} {verb} not evaluated: {', and '.join(why)}."
