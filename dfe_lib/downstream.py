"""Prediction of labels from representations, other people in training than in testing."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .errors import UserError

__all__ = ["compare_representations", "linear_head", "predict_other_subjects", "within_subject_accuracy"]

BOOTSTRAPS = 1000
SHUFFLES = 20


def linear_head(transformer: BaseEstimator) -> BaseEstimator:
    """The head that every representation gets: scaling and logistic regression, fitted on training subjects alone."""
    classifier = LogisticRegression(C=0.5, class_weight="balanced", max_iter=2000)
    return make_pipeline(clone(transformer), StandardScaler(), classifier)


def predict_other_subjects(
    transformer: BaseEstimator, windows: Sequence, labels: Int[np.ndarray, " n"], subjects: Iterable[str]
) -> Int[np.ndarray, " n"]:
    """Predicted label of each window by a model that never saw its subject."""
    subjects = np.asarray(list(subjects))
    for subject in np.unique(subjects):
        if len(np.unique(labels[subjects != subject])) < 2:
            raise UserError(f"Without {subject} the windows have one label only: add clips or another threshold.")
    return cross_val_predict(linear_head(transformer), list(windows), labels, groups=subjects, cv=LeaveOneGroupOut())


def within_subject_accuracy(
    labels: Int[np.ndarray, " n"], predicted: Int[np.ndarray, " n"], subjects: Iterable[str]
) -> float:
    """Balanced accuracy of each subject who shows both labels, averaged; 0.5 is chance whatever the base rates.

    Pooled over subjects, base rates that differ from person to person would put chance elsewhere.

    >>> within_subject_accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]), ["a", "a", "a", "b"])
    0.75
    """
    subjects = np.asarray(list(subjects))
    scores = []
    for subject in np.unique(subjects):
        true, guess = labels[subjects == subject], predicted[subjects == subject]
        if len(np.unique(true)) == 2:
            scores.append(np.mean([np.mean(guess[true == label] == label) for label in (0, 1)]))
    if not scores:
        raise UserError("No subject shows both labels: add clips or choose another threshold.")
    return float(np.mean(scores))


def compare_representations(
    representations: Mapping[str, tuple[BaseEstimator, Sequence]],
    labels: Int[np.ndarray, " n"],
    subjects: Iterable[str],
    seed: int = 0,
) -> pd.DataFrame:
    """Within-subject balanced accuracy of each representation, and of the control whose labels are shuffled.

    The interval of `none` is bootstrapped over windows within subjects (with a handful of subjects it says nothing
    about people in general); that of `shuffled` is the spread over SHUFFLES permutations.

    Arguments:
        representations: Transformer and windows by name.
        labels: (n,) 0 or 1 for each window.
        subjects: Subject of each window.
        seed: Of the shuffles and the bootstrap, the same for all representations.
    """
    rows = []
    for name, (transformer, windows) in representations.items():
        predicted = predict_other_subjects(transformer, windows, labels, subjects)
        rng = np.random.default_rng(seed)
        draws = [_redrawn(labels, predicted, subjects, rng) for _ in range(BOOTSTRAPS)]
        rows.append(_row(name, "none", within_subject_accuracy(labels, predicted, subjects), draws))
        shuffled = [_control(transformer, windows, labels, subjects, rng) for _ in range(SHUFFLES)]
        rows.append(_row(name, "shuffled", float(np.mean(shuffled)), shuffled))
    counts = {"n_windows": len(labels), "n_subjects": len(set(subjects))}
    return pd.DataFrame(rows).assign(**counts)


def _row(name: str, control: str, mean: float, draws: Sequence[float]) -> dict[str, object]:
    low, high = np.percentile(draws, [2.5, 97.5])
    score = {"metric": "within_subject_balanced_accuracy", "mean": mean, "ci_low": low, "ci_high": high}
    return {"representation": name, "control": control} | score


def _control(
    transformer: BaseEstimator, windows: Sequence, labels: np.ndarray, subjects: Iterable[str], rng: np.random.Generator
) -> float:
    """Accuracy after the labels are permuted within each subject, so that base rates stay as they are."""
    shuffled = labels.copy()
    for here in _groups(subjects):
        shuffled[here] = labels[rng.permutation(here)]
    return within_subject_accuracy(shuffled, predict_other_subjects(transformer, windows, shuffled, subjects), subjects)


def _redrawn(labels: np.ndarray, predicted: np.ndarray, subjects: Iterable[str], rng: np.random.Generator) -> float:
    """Accuracy on windows drawn with replacement, within each subject and label."""
    strata = [f"{subject}/{label}" for subject, label in zip(subjects, labels, strict=True)]
    draw = np.concatenate([rng.choice(group, len(group)) for group in _groups(strata)])
    return within_subject_accuracy(labels[draw], predicted[draw], np.asarray(list(subjects))[draw])


def _groups(keys: Iterable[str]) -> list[Int[np.ndarray, " n"]]:
    keys = np.asarray(list(keys))
    return [np.flatnonzero(keys == key) for key in np.unique(keys)]
