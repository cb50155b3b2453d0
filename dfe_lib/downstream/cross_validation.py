"""How representations are compared: other people in testing than in training, intervals over people, controls."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, clone

from ..errors import UserError
from .clip import Clip
from .linear_models import LINEAR_MODELS, Prediction
from .metrics import METRICS
from .tasks import Task

__all__ = [
    "Folds",
    "Vectors",
    "check_folds",
    "constant_scores",
    "fitted_vectors",
    "fixed_vectors",
    "holm",
    "official_folds",
    "predict_unseen",
    "remembered",
    "shuffled",
    "subject_draws",
    "subject_folds",
    "task_scores",
    "without_confounds",
]

REMEMBERED = 1 << 24
"""Bytes of vectors beyond which they are not kept."""
Folds = Sequence[tuple[np.ndarray, np.ndarray]]
"""Rows of the training and of the testing people, fold by fold."""
Vectors = Callable[[np.ndarray], np.ndarray]
"""From the rows of the training people to the matrix (n, d) of everyone; what is fitted, is fitted on those rows."""


def subject_folds(subjects: Iterable[str], n_folds: int = 5, seed: int = 0) -> Folds:
    """Folds that share the people out at random; all rows of a person are on one side.

    >>> [(train.tolist(), test.tolist()) for train, test in subject_folds(["a", "a", "b"], 2)]
    [([2], [0, 1]), ([0, 1], [2])]
    """
    _, which = np.unique(np.asarray(list(subjects)), return_inverse=True)
    n_subjects = int(which.max()) + 1
    if n_subjects < 2:
        raise UserError("prediction on other people needs at least two subjects.")
    n_folds = min(n_folds, n_subjects)
    order = np.random.default_rng(seed).permutation(n_subjects)
    fold = (np.argsort(order) % n_folds)[which]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def official_folds(split: Iterable[object]) -> Folds:
    """The one fold of a data set's own split: trained on what is neither `test` nor empty, tested on `test`."""
    names = np.asarray([str(name).lower() for name in split])
    train, test = np.flatnonzero(~np.isin(names, ("test", "", "nan", "none"))), np.flatnonzero(names == "test")
    if not len(train) or not len(test):
        raise UserError(f"the split needs rows called test and others; it has {', '.join(sorted(set(names)))}.")
    return [(train, test)]


def check_folds(folds: Folds, subjects: Iterable[str]) -> None:
    """Refuses a leaky split.

    Raises:
        UserError: somebody is both trained and tested on in a fold.
    """
    names = np.asarray(list(subjects))
    for train, test in folds:
        shared = sorted(set(names[train]) & set(names[test]))
        if shared:
            raise UserError(
                f"{len(shared)} subjects, such as {shared[0]}, are in training and in testing: split by subject, "
                "or a model is rewarded for knowing the face."
            )


def fixed_vectors(matrix: Float[np.ndarray, "n d"]) -> Vectors:
    """Vectors in which nothing is fitted, or on people of another study."""
    return lambda train: matrix


def fitted_vectors(
    transformer: BaseEstimator, clips: Sequence[Clip], row_of: Int[np.ndarray, " n"] | None = None
) -> Vectors:
    """Vectors whose vocabulary, weights and clusters are those of the training people's clips.

    Arguments:
        row_of: which row each clip belongs to, where a row is the mean of several clips.
    """
    rows = np.arange(len(clips)) if row_of is None else row_of

    def vectors(train: np.ndarray) -> np.ndarray:
        seen = [clip for clip, here in zip(clips, np.isin(rows, train), strict=True) if here]
        each = clone(transformer).fit(seen).transform(clips)
        return each if row_of is None else _row_means(each, row_of)

    return vectors


def _row_means(values: Float[np.ndarray, "n d"], row_of: Int[np.ndarray, " n"]) -> Float[np.ndarray, "r d"]:
    counts = np.bincount(row_of)
    total = np.zeros((len(counts), values.shape[1]))
    np.add.at(total, row_of, values)
    return total / counts[:, None]


def remembered(vectors: Vectors) -> Vectors:
    """The same vectors, fitted once for each set of training rows; those of a large study are fitted again."""
    known: dict[bytes, np.ndarray] = {}

    def once(train: np.ndarray) -> np.ndarray:
        key = train.tobytes()
        if key in known:
            return known[key]
        made = vectors(train)
        if made.nbytes <= REMEMBERED:
            known[key] = made
        return made

    return once


def without_confounds(vectors: Vectors, confounds: Vectors) -> Vectors:
    """What a linear regression on the confounds, fitted on the training people, leaves of each feature."""

    def residual(train: np.ndarray) -> np.ndarray:
        x = vectors(train)
        design = np.column_stack([np.ones(len(x)), confounds(train)])
        return x - design @ np.linalg.lstsq(design[train], x[train], rcond=None)[0]

    return residual


def predict_unseen(
    vectors: Vectors,
    targets: Float[np.ndarray, "n c"],
    subjects: Iterable[str],
    folds: Folds,
    linear_model: str = "ridge",
) -> Prediction:
    """Predictions of each row by a model that never saw its subject; NaN where no fold tests it.

    Nested: the linear model chooses its penalty within each fold's training people, by subject as well.

    Arguments:
        vectors: of everyone, given the training rows.
        targets: (n, c) one column a target.
        subjects: whose row it is.
        folds: refused when leaky.
        linear_model: of `linear_models.LINEAR_MODELS`.
    """
    check_folds(folds, subjects)
    names = np.asarray(list(subjects))
    parts = {part.name: np.full(targets.shape, np.nan) for part in fields(Prediction)}
    for train, test in folds:
        x = np.asarray(vectors(train), float)
        fold = LINEAR_MODELS[linear_model](x[train], targets[train], names[train], x[test])
        for name, values in parts.items():
            values[test] = getattr(fold, name)
    return Prediction(**parts)


def task_scores(
    task: Task, metric: str, truth: Float[np.ndarray, "n c"], prediction: Prediction, weights: Float[np.ndarray, "b n"]
) -> Float[np.ndarray, " b"]:
    """A task's score in each draw, averaged over its columns; rows that were not tested do not count.

    Arguments:
        truth: (n, c). prediction: of the same columns. weights: (b, n) how often each row counts.
    """
    chosen = METRICS[metric]
    if task.kind == "classes" and chosen.reads == "label":
        return _class_scores(metric, truth, prediction, weights)
    values = np.clip(prediction.value, *task.limits)
    labels = prediction.label if task.kind == "binary" else np.round(values)
    guesses = {"value": values, "score": prediction.score, "label": labels}[chosen.reads]
    tested = np.isfinite(prediction.score).all(1)
    columns = [chosen.score(truth[tested, k], guesses[tested, k], weights[:, tested]) for k in range(truth.shape[1])]
    return np.mean(columns, axis=0)


def _class_scores(
    metric: str, truth: Float[np.ndarray, "n c"], prediction: Prediction, weights: Float[np.ndarray, "b n"]
) -> Float[np.ndarray, " b"]:
    """Of classes, the one is guessed whose gain is largest beside its share: rare ones count as much as others."""
    tested = np.isfinite(prediction.gain).all(1)
    guess = np.argmax(prediction.gain[tested] / np.maximum(truth.mean(0), 1e-12), axis=1)
    score: Callable[..., np.ndarray] = METRICS[metric].score
    return score(truth[tested].argmax(1), guess, weights[:, tested], classes=truth.shape[1])


def constant_scores(task: Task, truth: Float[np.ndarray, "n c"], folds: Folds) -> dict[str, float]:
    """What a constant gets by each metric of a task: the training people's mean; of classes, the positive one."""
    value = np.full(truth.shape, np.nan)
    for train, test in folds:
        value[test] = truth[train].mean(0)
    nothing = np.where(np.isnan(value), np.nan, 0.0)
    constant = Prediction(value, nothing, np.ones_like(value), nothing)
    return {metric: _chance(task, metric, truth, constant) for metric in task.metrics}


def _chance(task: Task, metric: str, truth: Float[np.ndarray, "n c"], constant: Prediction) -> float:
    chance = METRICS[metric].chance
    if task.kind == "classes" and METRICS[metric].reads == "label":
        return 1 / truth.shape[1]
    return float(task_scores(task, metric, truth, constant, np.ones((1, len(truth))))[0]) if chance is None else chance


def subject_draws(subjects: Iterable[str], n_draws: int, seed: int = 0) -> Float[np.ndarray, "b n"]:
    """Bootstrap over people: how often each row counts in each draw; the first row is everyone once.

    The same subjects and seed give the same draws, so that differences between representations are paired.

    >>> subject_draws(["a", "a", "b"], 2).shape
    (3, 3)
    """
    _, which = np.unique(np.asarray(list(subjects)), return_inverse=True)
    n_subjects = int(which.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), size=n_draws)
    return np.vstack([np.ones(len(which)), drawn[:, which]]).astype(float)


def shuffled(
    targets: Float[np.ndarray, "n c"], subjects: Iterable[str], rng: np.random.Generator, within: bool = False
) -> Float[np.ndarray, "n c"]:
    """Labels of somebody else: whole people change places, and the rows of a person where their labels differ.

    Where these people have unlike numbers of rows, the labels are dealt out in the people's new order, so that rows of
    one person stay as alike as they were, and nobody keeps a label for want of a second row.

    Arguments:
        within: rows that differ change places within each person alone: the question is when something shows, not in
            whom.
    """
    _, first, which = np.unique(np.asarray(list(subjects)), return_index=True, return_inverse=True)
    if (targets == targets[first][which]).all():
        return targets[first][rng.permutation(len(first))][which]
    person = which if within else rng.permutation(len(first))[which]
    order = np.lexsort((rng.random(len(which)), person))
    out = np.empty_like(targets)
    out[np.argsort(which, kind="stable")] = targets[order]
    return out


def holm(p: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """p-values adjusted for their number (Holm 1979).

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(raised, 1.0)
    return out
