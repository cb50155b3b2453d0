"""What 05 predicts of recorded people: the labels of a table of clips, or a display that a rule finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from ..io.run import Study
from ..morphable.space import ExpressionSpace
from ..quantisation.lexicon import Lexicon, lexicon_of
from ..quantisation.rvqvae import RvqVae
from .bag_of_words import token_windows
from .clip import Clip
from .cross_validation import Folds, fitted_vectors, official_folds
from .display_labels import display_name, window_labels
from .evaluation import evaluate
from .recorded import labelled_clips, with_action_units
from .representations import AUTO, clip_representations
from .tasks import Task, left_labels, tasks_of

__all__ = ["RecordedStudy", "display_study", "labelled_studies"]


@dataclass(frozen=True)
class RecordedStudy:
    """One task on recorded clips.

    Arguments:
        clips: (n). labels: (n) rows, with `subject_id` and the task's columns.
        task: what is predicted.
        lexicon: of the model whose tokens the clips have. vocabulary: of words, see `representations.TokenWords`.
        folds: the data set's own split; empty for five folds by person.
        notes: sentences a person should read: what was left out, and why.
    """

    clips: Sequence[Clip]
    labels: pd.DataFrame
    task: Task
    lexicon: Lexicon
    vocabulary: str = AUTO
    folds: Sequence[Folds] = ()
    notes: tuple[str, ...] = ()

    @property
    def predicted(self) -> pd.Series:
        """Subjects whose labels are predicted."""
        rows = np.concatenate([test for fold in self.folds for _, test in fold]) if self.folds else slice(None)
        return self.labels.subject_id[rows]

    def evaluate(self, draws: int, shuffles: int, seed: int = 0) -> pd.DataFrame:
        """Scores of every representation, see :func:`~.evaluation.evaluate`.

        Empty, with a sentence on the screen, where these clips allow no comparison.
        """
        clips = list(self.clips)
        found = clip_representations(clips, (), self.lexicon, self.vocabulary)
        vectors = {name: fitted_vectors(each, clips) for name, each in found.items()}
        try:
            scores = evaluate(vectors, self.labels, [self.task], list(self.folds), n_draws=draws, n_shuffles=shuffles,
                              seed=seed)  # fmt: skip
        except UserError as error:  # one person, or a label that never varies
            print(f"{self.task.name}: these clips allow no comparison: {error}")
            return pd.DataFrame()
        return scores.table.assign(data="real", effect="", frames="all", confounds="kept")


def labelled_studies(
    table: str, study: Study, space: ExpressionSpace, model: RvqVae, vocabulary: str = AUTO
) -> list[RecordedStudy]:
    """A study for each label of a table of clips that the run has read; the first one notes which labels are left.

    Raises UserError where labels are there, and none of a task.
    """
    lexicon = lexicon_of(model)
    mine = labelled_clips(table, study.tokens, study.expressions, study.frames, model)
    left = left_labels(mine.labels)
    studies: list[RecordedStudy] = []
    for task in tasks_of(mine.labels):
        part = mine.labelled(task.columns)
        clips = with_action_units(part.clips, space.metric) if space.mirrors else part.clips
        folds = [official_folds(part.split)] if part.split else []
        notes = part.notes if studies or not left else (*part.notes, left)
        studies.append(RecordedStudy(clips, part.labels, task, lexicon, vocabulary, folds, notes))
    if left and not studies:
        raise UserError(f"{table} has no label of a task: {left}")
    return studies


def display_study(
    tokens: Path, expressions: Path, space: ExpressionSpace, model: RvqVae, window_s: float, vocabulary: str = AUTO
) -> RecordedStudy:
    """A check of the path: do the tokens of a window show a display that a rule finds in the same coefficients?

    Arguments:
        tokens, expressions: folders of a run's tables.
        window_s: length of the windows in seconds. vocabulary: of words.
    """
    windows = token_windows(sorted(tokens.glob("*.parquet")), model, window_s)
    display = display_name(space.names)
    labels = windows.index.assign(display=window_labels(expressions, windows.index))
    clips = [
        Clip(who, np.arange(float(len(rows))), tokens=rows)
        for who, rows in zip(labels.subject_id, windows.tokens, strict=True)
    ]
    return RecordedStudy(clips, labels, Task(display, "binary", ("display",)), lexicon_of(model), vocabulary)
