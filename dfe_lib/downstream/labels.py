"""From the columns of a table of clips to tasks: which labels there are, of which kind, and what is left out and why.

A label with two values is a yes or no; words are classes; whole numbers on a short scale are ordered levels; other
numbers are predicted as they are. The labels of the field keep the names, bounds and scores of `tasks.TASKS`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import UserError, did_you_mean
from ..io.clip_table import TEXT
from .tasks import BIG_FIVE, KINDS, TASKS, Task, level_name

__all__ = ["ALL", "COVARIATES", "LabelTasks", "label_tasks"]

ALL = "all"
"""Every label column is a task."""
COVARIATES = ("age", "gender", "talking", "pose", "confidence")
"""What may explain a label without any expression; `pose` (head motion) and `confidence` come from the clips."""
YES, NO = ("yes", "y", "true"), ("no", "n", "false")
MOST_CLASSES, MOST_LEVELS, LONGEST_SCALE = 10, 7, 10
"""Of words, of whole numbers that are ordered levels, and of the way from the lowest of these to the highest."""
SCORES = {"regression": ("pcc", "spearman", "ccc", "mae"), "ordinal": ("kappa", "spearman", "mae")}
ASKED = re.compile(r"(?P<name>.+?)\s+as\s+(?P<kind>.+)")


@dataclass(frozen=True)
class LabelTasks:
    """What a table of clips is asked for.

    Arguments:
        tasks: in the order of the columns.
        left: of each column that is no task, the reason.
    """

    tasks: tuple[Task, ...]
    left: dict[str, str]


def label_tasks(
    labels: pd.DataFrame, wanted: str | Sequence[str] = ALL, covariates: Iterable[str] = COVARIATES
) -> LabelTasks:
    """The tasks of a table's labels.

    Arguments:
        labels: rows of a table of clips, see `io.clip_table`.
        wanted: `"all"`, or names of columns and of tasks, such as `["gad7", "personality"]`; `"mood as ordinal"`, or
            another of `tasks.KINDS`, sets the kind, `"mood as low < middle < high"` the order of words.
        covariates: columns that are no label unless they are wanted by name.

    Raises:
        UserError: A name that is neither column nor task, a kind that the values do not fit.

    >>> table = pd.DataFrame({"clip_id": ["a", "b", "c"], "gad7": [3.5, 12, 7], "smoker": ["no", "yes", "no"]})
    >>> [(task.name, task.kind) for task in label_tasks(table).tasks]
    [('gad7', 'regression'), ('smoker', 'binary')]
    """
    columns = [column for column in labels if column not in TEXT]
    if wanted == ALL:
        aside = {column: "it is a covariate" for column in columns if column in set(covariates)}
        return _every_task(labels, [column for column in columns if column not in aside], aside)
    named = [wanted] if isinstance(wanted, str) else list(wanted)
    tasks = tuple(_asked(labels, columns, name) for name in named)
    used = {column for task in tasks for column in task.columns}
    return LabelTasks(tasks, {column: "tasks does not name it" for column in columns if column not in used})


def _every_task(labels: pd.DataFrame, columns: Sequence[str], left: dict[str, str]) -> LabelTasks:
    known = [task for task in TASKS if set(task.columns) <= set(columns) and _fits(task, labels)]
    covered = {task.columns[0] for task in known if len(task.columns) == 1}
    tasks = list(known)
    for column in columns:
        if column in covered:
            continue
        reason = _no_label(labels[column])
        if reason:
            left[column] = reason
        else:
            tasks.append(_task_of(column, labels[column]))
    return LabelTasks(tuple(sorted(tasks, key=lambda task: columns.index(task.columns[0]))), left)


def _asked(labels: pd.DataFrame, columns: Sequence[str], asked: str) -> Task:
    """The task of one entry of the parameter."""
    found = ASKED.fullmatch(asked.strip())
    name, kind = (found["name"], found["kind"]) if found else (asked.strip(), "")
    known = next((task for task in TASKS if task.name == name and set(task.columns) <= set(columns)), None)
    if known and not kind and _fits(known, labels):
        return known
    if name not in columns:
        tasks = [task.name for task in TASKS if set(task.columns) <= set(columns)]
        raise UserError(
            f"tasks names {name!r}, which the table of clips lacks; {did_you_mean(name, [*columns, *tasks])}"
        )
    reason = _no_label(labels[name], kind)
    if reason:
        raise UserError(f"tasks names {name!r}, which is no label: {reason}.")
    return _task_of(name, labels[name], kind)


def _fits(task: Task, labels: pd.DataFrame) -> bool:
    """Are these the labels that the field knows by this name? A `stress` from 1 to 9 is none."""
    try:
        values = labels[list(task.columns)].to_numpy(float)
    except ValueError:  # words
        return False
    values = values[np.isfinite(values).all(axis=1)]
    if task.kind == "binary":
        return set(np.unique(values)) == {0.0, 1.0}
    low, high = task.bounds if not task.steps else (-np.inf, np.inf)
    differ = len(np.unique(np.searchsorted(task.steps, values, "right") if task.steps else values)) > 1
    return differ and bool(((values >= low) & (values <= high)).all())


def _no_label(cells: pd.Series, kind: str = "") -> str:
    """Why a column cannot be predicted; empty where it can."""
    known, values = cells.dropna(), _values(cells)
    if not values:
        return "it is empty"
    if len(values) == 1:
        return f"it is {level_name(values[0])} in every clip"
    words = not pd.api.types.is_numeric_dtype(known)
    if words and len(values) > min(MOST_CLASSES, max(3, len(known) // 2)):
        return f"it has {len(values)} different words in {len(known)} clips, too many for classes"
    if kind == "regression" and words:
        return "words are no numbers"
    return ""


def _task_of(column: str, cells: pd.Series, kind: str = "") -> Task:
    """The task of a column whose kind is inferred unless it is given."""
    values = _values(cells)
    if "<" in kind:
        levels = tuple(level.strip() for level in kind.split("<"))
        numbers = pd.api.types.is_numeric_dtype(cells)
        return Task(column, "ordinal", (column,), levels=tuple(map(float, levels)) if numbers else levels,
                    metrics=SCORES["ordinal"])  # fmt: skip
    kind = kind or _kind(values)
    if kind not in KINDS:
        raise UserError(f"tasks has {column!r} as {kind!r}: use {', '.join(KINDS)}, or levels such as low < high.")
    if kind == "regression":
        return Task(column, kind, (column,), _bounds(column, values), SCORES[kind])
    if kind == "binary":
        if len(values) != 2:
            raise UserError(f"{column} has {len(values)} values, so it is not binary: leave the kind out.")
        values.sort(key=_rank)
    return Task(column, kind, (column,), metrics=SCORES.get(kind, ()), levels=tuple(values))


def _values(cells: pd.Series) -> list[float | str]:
    values = sorted(cells.dropna().unique().tolist())
    return [value if isinstance(value, str) else float(value) for value in values]


def _kind(values: Sequence[float | str]) -> str:
    if len(values) == 2:
        return "binary"
    if isinstance(values[0], str):
        return "classes"
    whole = all(float(value).is_integer() for value in values)
    short = len(values) <= MOST_LEVELS and float(values[-1]) - float(values[0]) <= LONGEST_SCALE
    return "ordinal" if whole and short else "regression"


def _bounds(column: str, values: Sequence[float | str]) -> tuple[float, float]:
    """Traits lie between 0 and 1 where all of their values do; nothing is known of other scales."""
    unit = column in BIG_FIVE and float(values[0]) >= 0 and float(values[-1]) <= 1
    return (0.0, 1.0) if unit else (-np.inf, np.inf)


def _rank(value: float | str) -> tuple[int, float | str]:
    """No before yes; others in the order of numbers and of the alphabet."""
    word = str(value).lower()
    return (2 if word in YES else 0 if word in NO else 1, value)
