"""People who were recorded several times: their clips are averaged, or stay rows on one side of a split."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Int

from ..errors import UserError, counted
from .tasks import Task

__all__ = ["AUTO_SESSIONS", "HOW", "Sessions", "sessions_of"]

AUTO_SESSIONS = "auto"
HOW = (AUTO_SESSIONS, "average", "keep")
"""Average the clips of a person, keep them, or average where all of them have the same label."""


@dataclass(frozen=True)
class Sessions:
    """The rows of an evaluation.

    Arguments:
        labels: one row each, with `subject_id`. row_of: (clips) the row that each clip belongs to.
        note: a sentence on what was done with several clips of a person; empty where there is one of each.
    """

    labels: pd.DataFrame
    row_of: Int[np.ndarray, " n"]
    note: str = ""

    @property
    def of_people(self) -> bool:
        """Is each row a person of its own?"""
        return not self.labels["subject_id"].duplicated().any()


def sessions_of(labels: pd.DataFrame, task: Task, how: str = AUTO_SESSIONS) -> Sessions:
    """What a row is: a person, whose clips are averaged, or a clip.

    Arguments:
        labels: one row a clip. task: whose labels decide. how: of `HOW`; labels that differ between clips of a person
            are averaged where they are numbers, and keep their rows where they are not.

    Raises:
        UserError: `how` is none of `HOW`.
    """
    if how not in HOW:
        raise UserError(f"sessions must be {', '.join(HOW)}, not {how!r}.")
    people, clips = labels["subject_id"].nunique(), len(labels)
    own = np.arange(clips)
    if people == clips:
        return Sessions(labels, own)
    columns = list(task.columns)
    differ = len(labels[["subject_id", *columns]].drop_duplicates()) > people
    said = f"{task.name}: {counted(clips, 'clip')} of {counted(people, 'person')}"
    if how == "keep" or (differ and (how == AUTO_SESSIONS or task.kind != "regression")):
        why = "the label differs between them" if differ else "as asked"
        return Sessions(labels, own, f"{said}; each clip is a row ({why}), and a person is on one side of a split")
    grouped = labels.groupby("subject_id", sort=False)
    means = grouped[columns].mean() if differ else grouped[columns].first()
    rows = grouped.first().assign(**{column: means[column] for column in columns}).reset_index()
    return Sessions(rows, grouped.ngroup().to_numpy(), f"{said}; the clips of a person are averaged")
