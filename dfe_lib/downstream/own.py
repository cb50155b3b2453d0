"""A study of one's own: every label of a table of clips that has people enough, and what is said of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..errors import UserError, counted
from ..io.run import Study
from ..morphable.space import ExpressionSpace
from ..quantisation.lexicon import lexicon_of
from ..quantisation.rvqvae import RvqVae
from .covariates import covariate_table
from .cross_validation import official_folds
from .labels import ALL, COVARIATES, label_tasks
from .recorded import LabelledClips, labelled_clips, with_action_units
from .recorded_study import RecordedStudy
from .representations import AUTO
from .sample_size import LEAST_PEOPLE, sample_size, too_few
from .sessions import AUTO_SESSIONS, sessions_of
from .tasks import Task, level_name

__all__ = ["OwnSettings", "OwnStudy", "own_study"]

NOT_A_TASK = "not a task"
TOO_FEW = "too few people"
EVALUATED = "evaluated"


@dataclass(frozen=True)
class OwnSettings:
    """What is asked of a table of clips.

    Arguments:
        tasks: labels, see `labels.label_tasks`. covariates: columns, see `covariates.covariate_table`.
        sessions: of `sessions.HOW`. least_people: below whom there are no statistics.
        vocabulary: of the words, see `representations.TokenWords`.
    """

    tasks: str | Sequence[str] = ALL
    covariates: Sequence[str] = COVARIATES
    sessions: str = AUTO_SESSIONS
    least_people: int = LEAST_PEOPLE
    vocabulary: str = AUTO


@dataclass(frozen=True)
class OwnStudy:
    """The studies that there are people for, and a row for every label.

    Arguments:
        studies: one for each task that is evaluated.
        plan: one row a label or task: task, status (`evaluated`, `too few people` or `not a task`), reason, and the
            columns of `sample_size.sample_size`, and what was evaluated: clips, left_out (clips without the label or a
            split), rows (`people` or `clips`), levels (the two values, the one that is looked for last, or the
            classes), covariates (that were known) and not_known (those that were not).
        notes: sentences a person should read.
    """

    studies: tuple[RecordedStudy, ...]
    plan: pd.DataFrame
    notes: tuple[str, ...]

    def summary(self) -> str:
        """One sentence on what is evaluated and what is not."""
        counts = self.plan.status.value_counts()
        parts = [f"{counts.get(EVALUATED, 0)} of {len(self.plan)} labels are evaluated"]
        if counts.get(TOO_FEW):
            few = self.plan[self.plan.status == TOO_FEW]
            large = int(few.people_large.min())
            parts.append(f"{counts[TOO_FEW]} have too few people (a large effect needs {large} or more)")
        left = self.plan[self.plan.status == NOT_A_TASK]
        if len(left):
            parts.append("not predicted: " + "; ".join(f"{row.task} ({row.reason})" for row in left.itertuples()))
        return ". ".join(parts) + "."


def own_study(
    table: str, study: Study, space: ExpressionSpace, model: RvqVae, settings: OwnSettings | None = None
) -> OwnStudy:
    """The labels of a table of clips that the run has read.

    Raises:
        UserError: see :func:`.recorded.labelled_clips`; a task or covariate is named that is not there.
    """
    settings = settings or OwnSettings()
    mine = labelled_clips(table, study.tokens, study.expressions, study.frames, model, _unread(study))
    found = label_tasks(mine.labels, settings.tasks, settings.covariates)
    if not found.tasks and not found.left:
        raise UserError(f"{table} has no label: add a column with what you know of the people, such as stress.")
    if space.mirrors:
        mine = replace(mine, clips=tuple(with_action_units(mine.clips, space.metric)))
    covariates, missing = covariate_table(mine.clips, mine.labels, settings.covariates)
    notes = [*mine.notes, _said_of(covariates, missing)]
    studies, rows = [], []
    for task in found.tasks:
        here, row = _planned(task, mine, covariates, model, settings)
        rows.append(row | {"not_known": ", ".join(missing)})
        if row["status"] == EVALUATED:
            studies.append(here)
            notes += here.notes
    rows += [{"task": name, "status": NOT_A_TASK, "reason": reason} for name, reason in found.left.items()]
    return OwnStudy(tuple(studies), pd.DataFrame(rows, columns=_columns(rows)), tuple(dict.fromkeys(notes)))


def _unread(study: Study) -> list[str]:
    """Clips that the run tried in vain: one damaged video among many is no reason to end without a report."""
    path = study.tables / "clips.csv"
    if not path.exists():
        return []
    clips = pd.read_csv(path, dtype=str, keep_default_na=False)
    return clips["clip_id"][clips["status"] == "failed"].tolist()


def _planned(
    task: Task, mine: LabelledClips, covariates: pd.DataFrame, model: RvqVae, settings: OwnSettings
) -> tuple[RecordedStudy, dict]:
    """A task's study, and its row of the plan."""
    known = np.array(mine.labels[list(task.columns)].notna().all(axis=1))
    split = mine.labelled(task.columns).split
    if split:  # whose split is empty has no part in it
        known[np.flatnonzero(known)[[not name for name in split]]] = False
    labels = mine.labels[known].reset_index(drop=True)
    part = replace(mine, clips=tuple(np.array(mine.clips, object)[known]), labels=labels)
    rows = sessions_of(labels, task, settings.sessions)
    folds = [official_folds(pd.Series(part.split).groupby(rows.row_of).first())] if split else []
    used = covariates[known].reset_index(drop=True)
    used = used[[name for name in used if name.split(" = ")[0] not in task.columns]]
    lost = int((~known).sum())
    notes = [f"{task.name}: {counted(lost, 'clip')} without the label or a split left out"] * bool(lost)
    notes += [rows.note] * bool(rows.note)
    here = RecordedStudy(
        part.clips, rows.labels, task, lexicon_of(model), settings.vocabulary, folds, tuple(notes), rows.row_of, used
    )
    names = dict.fromkeys(name.split(" = ")[0] for name in used)
    about = {"clips": len(part.clips), "left_out": lost, "rows": "people" if rows.of_people else "clips"}
    about |= {"levels": " | ".join(map(level_name, task.levels)), "covariates": ", ".join(names)}
    return here, _plan_row(here, settings.least_people) | about


def _plan_row(study: RecordedStudy, least: int) -> dict:
    task, subjects = study.task, np.asarray(study.labels.subject_id, str)
    targets = task.targets(study.labels)
    train, test = study.folds[0][0] if study.folds else (slice(None), slice(None))
    reason = too_few(task, targets[test], subjects[test], least)
    if not reason and study.folds:
        reason = too_few(task, targets[train], subjects[train], least)
        reason = reason and f"in the training split {reason}"
    status = TOO_FEW if reason else EVALUATED
    return {"task": task.name, "status": status, "reason": reason} | sample_size(task, targets[test], subjects[test])


def _said_of(covariates: pd.DataFrame, missing: Sequence[str]) -> str:
    known = ", ".join(covariates.columns) or "none"
    return f"covariates: {known}" + (f" (not known: {', '.join(missing)})" if missing else "")


def _columns(rows: Sequence[Mapping]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))
