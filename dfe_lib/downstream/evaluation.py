"""Representations against one another on the same tasks, people and folds: the rows of `downstream.csv`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from .cross_validation import (
    Folds,
    Vectors,
    constant_scores,
    holm,
    predict_unseen,
    shuffled,
    subject_draws,
    subject_folds,
    task_scores,
)
from .linear_models import Prediction
from .metrics import METRICS
from .tasks import Task

__all__ = ["Evaluation", "compare", "evaluate"]

INTERVAL = (2.5, 97.5)
"""Percentiles of every interval."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of representations.

    Arguments:
        table: one row a task, representation, metric and control: task, representation, linear_model, metric, mean,
            ci_low, ci_high, constant (score of a constant prediction), p_shuffled, n_subjects, control (`none` or
            `shuffled`).
        draws: of each task, representation and metric, the score in each bootstrap draw (the same draws for all).
        nulls: likewise, the score of each shuffle.
    """

    table: pd.DataFrame
    draws: dict[tuple[str, str, str], Float[np.ndarray, " b"]]
    nulls: dict[tuple[str, str, str], Float[np.ndarray, " s"]]


def evaluate(
    representations: Mapping[str, Vectors],
    labels: pd.DataFrame,
    tasks: Sequence[Task],
    folds: Sequence[Folds] = (),
    linear_model: str = "ridge",
    n_draws: int = 1000,
    n_shuffles: int = 50,
    seed: int = 0,
    within: bool = False,
) -> Evaluation:
    """Cross-validated scores with intervals over people, and the control whose labels are shuffled.

    The interval of control `none` is bootstrapped over subjects, given the models; that of `shuffled` is the spread
    over shuffles of who has which labels, each trained and tested anew. `p_shuffled` is the share of shuffles that
    score at least as well.

    Arguments:
        representations: vectors by name.
        labels: one row a clip: `subject_id` and the tasks' columns.
        tasks: what is predicted.
        folds: one division of the rows into folds, or several to average over; five folds by subject when empty.
        linear_model: `"ridge"` for every task; `"logistic"` or `"svm"` for binary tasks.
        n_draws: of the bootstrap.
        n_shuffles: of the labels; 0 leaves the control out.
        seed: of folds, draws and shuffles, the same for all representations.
        within: labels are shuffled within each person alone, see :func:`.cross_validation.shuffled`.

    Raises:
        UserError: leaky folds, labels that are missing or of another kind.
    """
    subjects = labels["subject_id"].astype(str).to_numpy()
    folds = folds or [subject_folds(subjects, seed=seed)]
    truth = {task: task.targets(labels) for task in tasks}
    rng = np.random.default_rng(seed)
    everything = np.hstack(list(truth.values()))
    stacked = np.hstack([everything, *(shuffled(everything, subjects, rng, within) for _ in range(n_shuffles))])
    weights = subject_draws(subjects, n_draws, seed)
    rows, draws, nulls = [], {}, {}
    for name, vectors in representations.items():
        predictions = [predict_unseen(vectors, stacked, subjects, parts, linear_model) for parts in folds]
        for task, columns in _columns(truth, n_shuffles):
            constants = constant_scores(task, truth[task], folds[0])
            for metric in task.metrics:
                real, null = _both(task, metric, stacked, columns, predictions, weights)
                draws[task.name, name, metric], nulls[task.name, name, metric] = real, null
                key = {"task": task.name, "representation": name, "linear_model": linear_model, "metric": metric}
                rows += _rows(key, real, null, constants[metric], len(set(subjects)))
    return Evaluation(pd.DataFrame(rows), draws, nulls)


def compare(evaluation: Evaluation, reference: str) -> pd.DataFrame:
    """Each representation less the reference, on the same people and draws, by each task's main metric.

    Returns one row a task and representation: task, representation, reference, metric, difference (above 0 where the
    representation is better), ci_low, ci_high, p (two-sided, bootstrap), p_holm (adjusted within the task).
    """
    rows = []
    for task in dict.fromkeys(name for name, _, _ in evaluation.draws):
        scores = {key: draws for key, draws in evaluation.draws.items() if key[0] == task}
        metric = next(iter(scores))[2]
        sign = 1 if METRICS[metric].rises else -1
        others = [name for _, name, of in scores if of == metric and name != reference]
        gaps = [sign * (scores[task, name, metric] - scores[task, reference, metric]) for name in others]
        p = np.array([_two_sided(gap[1:]) for gap in gaps])
        for name, gap, raw, adjusted in zip(others, gaps, p, holm(p), strict=True):
            low, high = np.nanpercentile(gap[1:], INTERVAL)
            key = {"task": task, "representation": name, "reference": reference, "metric": metric}
            rows.append(key | {"difference": gap[0], "ci_low": low, "ci_high": high, "p": raw, "p_holm": adjusted})
    return pd.DataFrame(rows)


def _columns(truth: Mapping[Task, np.ndarray], n_shuffles: int) -> Iterator[tuple[Task, list[slice]]]:
    """Of each task, its columns among the true labels and among each shuffle of them."""
    width, start = sum(values.shape[1] for values in truth.values()), 0
    for task, values in truth.items():
        stop = start + values.shape[1]
        yield task, [slice(start + k * width, stop + k * width) for k in range(n_shuffles + 1)]
        start = stop


def _both(
    task: Task,
    metric: str,
    targets: np.ndarray,
    columns: list[slice],
    predictions: Sequence[Prediction],
    weights: np.ndarray,
) -> tuple[Float[np.ndarray, " b"], Float[np.ndarray, " s"]]:
    """Scores of the true labels in each draw, and of each shuffle; averaged over the divisions into folds."""
    real = [task_scores(task, metric, targets[:, columns[0]], each[columns[0]], weights) for each in predictions]
    null = [
        [task_scores(task, metric, targets[:, here], each[here], weights[:1])[0] for here in columns[1:]]
        for each in predictions
    ]
    return np.mean(real, axis=0), np.mean(null, axis=0)


def _rows(key: dict, real: np.ndarray, null: np.ndarray, constant: float, n_subjects: int) -> list[dict]:
    sign = 1 if METRICS[key["metric"]].rises else -1
    reached = float((1 + (sign * null >= sign * real[0]).sum()) / (1 + len(null)))
    low, high = np.nanpercentile(real[1:], INTERVAL) if len(real) > 1 else (np.nan, np.nan)
    rest = {"constant": constant, "p_shuffled": reached if len(null) else np.nan, "n_subjects": n_subjects}
    rows = [key | {"mean": real[0], "ci_low": low, "ci_high": high} | rest | {"control": "none"}]
    if len(null):
        low, high = np.percentile(null, INTERVAL)
        rows.append(key | {"mean": null.mean(), "ci_low": low, "ci_high": high} | rest | {"control": "shuffled"})
    return rows


def _two_sided(gaps: np.ndarray) -> float:
    gaps = gaps[np.isfinite(gaps)]
    tail = min((gaps <= 0).sum(), (gaps >= 0).sum())
    return float(min(1.0, 2 * (1 + tail) / (1 + len(gaps))))
