"""Prediction of labels from representations, other people in training than in testing."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .errors import UserError

__all__ = ["compare_representations", "linear_head", "predict_other_subjects"]

BOOTSTRAPS = 1000


def linear_head(transformer: BaseEstimator) -> BaseEstimator:
    """The head that every representation gets: scaling and logistic regression, fitted on training subjects alone."""
    classifier = LogisticRegression(C=0.5, class_weight="balanced", max_iter=2000)
    return make_pipeline(clone(transformer), StandardScaler(), classifier)


def predict_other_subjects(
    transformer: BaseEstimator, windows: Sequence, labels: Int[np.ndarray, " n"], subjects: Sequence[str]
) -> Int[np.ndarray, " n"]:
    """Predicted label of each window by a model that never saw its subject."""
    subjects = np.asarray(subjects)
    for subject in np.unique(subjects):
        if len(np.unique(labels[subjects != subject])) < 2:
            raise UserError(f"Without {subject} the windows have one label only: add clips or another threshold.")
    items = np.empty(len(windows), dtype=object)
    items[:] = list(windows)
    return cross_val_predict(linear_head(transformer), items, labels, groups=subjects, cv=LeaveOneGroupOut())


def compare_representations(
    representations: Mapping[str, tuple[BaseEstimator, Sequence]],
    labels: Int[np.ndarray, " n"],
    subjects: Sequence[str],
    seed: int = 0,
) -> pd.DataFrame:
    """Balanced accuracy of each representation, with its interval, and the control whose labels are shuffled.

    Intervals are bootstrapped over windows within subjects; with a handful of subjects they say nothing about people
    in general.

    Arguments:
        representations: Transformer and windows by name.
        labels: (n,) 0 or 1 for each window.
        subjects: Subject of each window.
        seed: Of the shuffles and the bootstrap, the same for all representations.
    """
    rows = []
    for name, (transformer, windows) in representations.items():
        for control in ("none", "shuffled"):
            rng = np.random.default_rng(seed)
            given = labels if control == "none" else _shuffled(labels, subjects, rng)
            predicted = predict_other_subjects(transformer, windows, given, subjects)
            draws = _bootstrap(given, predicted, np.asarray(subjects), rng)
            rows.append(
                {
                    "representation": name,
                    "control": control,
                    "metric": "balanced_accuracy",
                    "mean": balanced_accuracy_score(given, predicted),
                    "ci_low": np.percentile(draws, 2.5),
                    "ci_high": np.percentile(draws, 97.5),
                    "n_windows": len(given),
                    "n_subjects": len(np.unique(subjects)),
                }
            )
    return pd.DataFrame(rows)


def _shuffled(labels: Int[np.ndarray, " n"], subjects: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Labels permuted within each subject, so that how often a subject smiles stays as it is."""
    shuffled, subjects = labels.copy(), np.asarray(subjects)
    for subject in np.unique(subjects):
        here = np.flatnonzero(subjects == subject)
        shuffled[here] = labels[rng.permutation(here)]
    return shuffled


def _bootstrap(
    labels: np.ndarray, predicted: np.ndarray, subjects: np.ndarray, rng: np.random.Generator
) -> Float[np.ndarray, " b"]:
    groups = [np.flatnonzero(subjects == subject) for subject in np.unique(subjects)]
    draws = [np.concatenate([rng.choice(group, len(group)) for group in groups]) for _ in range(BOOTSTRAPS)]
    return np.array([_balanced(labels[draw], predicted[draw]) for draw in draws])


def _balanced(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Mean recall of the labels that the draw holds."""
    return float(np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)]))
