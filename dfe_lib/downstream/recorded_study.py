"""What 05 predicts of recorded people: a label of a table of clips, or a display that a rule finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from ..errors import UserError
from ..morphable.space import ExpressionSpace
from ..quantisation.lexicon import Lexicon, lexicon_of
from ..quantisation.rvqvae import RvqVae
from .bag_of_words import token_windows
from .clip import Clip
from .covariates import covariate_vectors, joined
from .cross_validation import Folds, Vectors, fitted_vectors, remembered, without_confounds
from .display_labels import display_name, window_labels
from .evaluation import evaluate
from .representations import AUTO, clip_representations
from .sample_size import LEAST_PEOPLE
from .tasks import Task

__all__ = ["RecordedStudy", "display_study"]

WORDS = "token words"
COVARIATES_ALONE = "covariates"
BOTH = f"{COVARIATES_ALONE} and {WORDS}"


@dataclass(frozen=True)
class RecordedStudy:
    """One task on recorded clips.

    Arguments:
        clips: (n). labels: rows, with `subject_id` and the task's columns: one a clip, or one a person.
        task: what is predicted.
        lexicon: of the model whose tokens the clips have. vocabulary: of words, see `representations.TokenWords`.
        folds: the data set's own split; empty for five folds by person.
        notes: sentences a person should read: what was left out, and why.
        row_of: (n) row of each clip, where rows are people. covariates: (n) of the clips, without columns for none.
        within: labels are shuffled within each person alone: rows are moments of one recording.
    """

    clips: Sequence[Clip]
    labels: pd.DataFrame
    task: Task
    lexicon: Lexicon
    vocabulary: str = AUTO
    folds: Sequence[Folds] = ()
    notes: tuple[str, ...] = ()
    row_of: Int[np.ndarray, " n"] | None = None
    covariates: pd.DataFrame | None = None
    within: bool = False

    @property
    def predicted(self) -> pd.Series:
        """Subjects whose labels are predicted."""
        rows = np.concatenate([test for fold in self.folds for _, test in fold]) if self.folds else slice(None)
        return self.labels.subject_id[rows]

    def evaluate(self, draws: int, shuffles: int, seed: int = 0) -> pd.DataFrame:
        """Scores of every representation, see :func:`~.evaluation.evaluate`, with a column `warning`.

        Where there are covariates, also scores of these alone, of both, and (`confounds` is `removed`) of what a
        regression on the covariates leaves of each representation. Empty, with a sentence on the screen, where these
        clips allow no comparison.
        """
        kept, removed = self._vectors()
        try:
            parts = [
                self._scores(vectors, draws, shuffles, seed).assign(confounds=name)
                for name, vectors in (("kept", kept), ("removed", removed))
                if vectors
            ]
        except UserError as error:  # one person, or a label that never varies
            print(f"{self.task.name}: these clips allow no comparison: {error}")
            return pd.DataFrame()
        scores = pd.concat(parts, ignore_index=True).assign(data="real", effect="", frames="all")
        return scores.assign(warning=[_warning(row) for row in scores.itertuples()])

    def _vectors(self) -> tuple[dict[str, Vectors], dict[str, Vectors]]:
        """Vectors by representation, as they are and less the covariates."""
        clips = list(self.clips)
        found = clip_representations(clips, (), self.lexicon, self.vocabulary)
        if self.covariates is None:
            return {name: fitted_vectors(each, clips) for name, each in found.items()}, {}
        found.pop("confounds", None)  # the covariates hold them
        kept = {name: remembered(fitted_vectors(each, clips, self.row_of)) for name, each in found.items()}
        if not len(self.covariates.columns):
            return kept, {}
        covariates = covariate_vectors(self.covariates, self.row_of)
        removed = {name: without_confounds(vectors, covariates) for name, vectors in kept.items()}
        both = {BOTH: joined(covariates, kept[WORDS])} if WORDS in kept else {}
        return kept | {COVARIATES_ALONE: covariates} | both, removed

    def _scores(self, vectors: Mapping[str, Vectors], draws: int, shuffles: int, seed: int) -> pd.DataFrame:
        folds = list(self.folds)
        return evaluate(
            vectors, self.labels, [self.task], folds, n_draws=draws, n_shuffles=shuffles, seed=seed, within=self.within
        ).table


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
    task = Task(display, "binary", ("display",))
    return RecordedStudy(clips, labels, task, lexicon_of(model), vocabulary, within=True)


def _warning(row: Any) -> str:
    """What a reader of one row of scores must know."""
    if row.n_subjects < LEAST_PEOPLE:
        return f"{row.n_subjects} people: the interval says nothing of others"
    if row.control == "none" and row.ci_low == row.ci_high:
        return f"an interval without width: too much to claim from {row.n_subjects} people"
    return ""
