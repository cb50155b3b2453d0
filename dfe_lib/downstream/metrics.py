"""Scores of predictions, each computed for many weightings of the people at once: what a bootstrap needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Real
from scipy.stats import rankdata

__all__ = [
    "METRICS",
    "Metric",
    "balanced_accuracy",
    "concordance",
    "correlation",
    "f1",
    "mean_absolute_error",
    "rank_correlation",
    "roc_auc",
    "root_mean_squared_error",
]

Values = Real[np.ndarray, " n"]
Weights = Real[np.ndarray, "b n"]
Scores = Float[np.ndarray, " b"]


def roc_auc(true: Values, score: Values, weights: Weights) -> Scores:
    r"""Probability that a positive scores above a negative, $P(s_+ > s_-) + P(s_+ = s_-) / 2$; NaN with one class only.

    Arguments:
        true: (n,) 0 or 1.
        score: (n,) larger for positives.
        weights: (b, n) how often each person counts in each of b draws.

    >>> roc_auc(np.array([0, 1, 1]), np.array([0.2, 0.9, 0.1]), np.ones((1, 3)))
    array([0.5])
    """
    positive = np.asarray(true) == 1
    difference = score[positive][:, None] - score[~positive]
    wins = (difference > 0) + 0.5 * (difference == 0)
    won = np.einsum("bp,bp->b", weights[:, positive], weights[:, ~positive] @ wins.T)
    return _ratio(won, weights[:, positive].sum(1) * weights[:, ~positive].sum(1))


def f1(true: Values, label: Values, weights: Weights) -> Scores:
    """Harmonic mean of precision and recall of the positives.

    >>> f1(np.array([0, 1, 1]), np.array([1, 1, 0]), np.ones((1, 3)))
    array([0.5])
    """
    hits = weights @ ((true == 1) & (label == 1)).astype(float)
    return _ratio(2 * hits, weights @ ((true == 1).astype(float) + (label == 1)))


def balanced_accuracy(true: Values, label: Values, weights: Weights, classes: int = 2) -> Scores:
    """Mean share of each class that is recognised; NaN where a class is missing.

    Arguments:
        true, label: (n,) classes from 0. weights: (b, n). classes: their number.

    >>> balanced_accuracy(np.array([0, 1, 1]), np.array([0, 1, 0]), np.ones((1, 3)))
    array([0.75])
    """
    right = (true == label).astype(float)
    shares = [_ratio((weights * right) @ here, weights @ here) for here in ((true == k) * 1.0 for k in range(classes))]
    return np.mean(shares, axis=0)


def mean_absolute_error(true: Values, value: Values, weights: Weights) -> Scores:
    """MAE in units of the label.

    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([2.0, 2.0]), np.ones((1, 2)))
    array([0.5])
    """
    return _mean(np.abs(true - value), weights)


def root_mean_squared_error(true: Values, value: Values, weights: Weights) -> Scores:
    """RMSE in units of the label."""
    return np.sqrt(_mean(np.square(true - value), weights))


def correlation(true: Values, value: Values, weights: Weights) -> Scores:
    """Pearson's r (PCC); 0 for values that do not vary."""
    _, _, variance, spread, covariance = _moments(true, value, weights)
    product = np.sqrt(variance * spread)
    return np.divide(covariance, product, out=np.zeros_like(product), where=product > 1e-12)


def rank_correlation(true: Values, value: Values, weights: Weights) -> Scores:
    """Spearman's rho: Pearson's r of the ranks that all people together have (ties share the mean of theirs).

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 90.0]), np.ones((1, 3)))
    array([1.])
    """
    return correlation(rankdata(true), rankdata(value), weights)


def concordance(true: Values, value: Values, weights: Weights) -> Scores:
    r"""Lin's concordance (CCC), $2 s_{tv} / (s_t^2 + s_v^2 + (\bar t - \bar v)^2)$; of whole levels, the kappa with
    quadratic weights.

    References:
        Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 1989.

    >>> concordance(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.ones((1, 2)))
    array([1.])
    """
    mean, other, variance, spread, covariance = _moments(true, value, weights)
    total = variance + spread + np.square(mean - other)
    return np.divide(2 * covariance, total, out=np.zeros_like(total), where=total > 1e-12)


@dataclass(frozen=True)
class Metric:
    """A score and how to read it.

    Arguments:
        score: of true labels, predictions and weights (b, n).
        reads: which prediction it takes: `"score"`, free of the training people's base rate (see
            `linear_models.Prediction`), `"label"` (class or level) or `"value"` (in units of the label).
        chance: what uninformed predictions get; None where that is the score of a constant, which depends on the data.
        rises: is more better?
    """

    score: Callable[[Values, Values, Weights], Scores]
    reads: str
    chance: float | None
    rises: bool = True


METRICS: dict[str, Metric] = {
    "auc": Metric(roc_auc, "score", 0.5),
    "f1": Metric(f1, "label", None),
    "balanced_accuracy": Metric(balanced_accuracy, "label", 0.5),
    "mae": Metric(mean_absolute_error, "value", None, rises=False),
    "rmse": Metric(root_mean_squared_error, "value", None, rises=False),
    "pcc": Metric(correlation, "score", 0.0),
    "spearman": Metric(rank_correlation, "score", 0.0),
    "ccc": Metric(concordance, "value", 0.0),
    "mean_accuracy": Metric(lambda true, value, weights: 1 - mean_absolute_error(true, value, weights), "value", None),
    "kappa": Metric(concordance, "label", 0.0),
}
"""By name. `mean_accuracy` is 1 - MAE of traits between 0 and 1; `kappa` weighs levels quadratically."""


def _mean(values: Values, weights: Weights) -> Scores:
    return (weights @ values) / weights.sum(1)


def _moments(true: Values, value: Values, weights: Weights) -> tuple[Scores, ...]:
    mean, other = _mean(true, weights), _mean(value, weights)
    products = [_mean(a * b, weights) for a, b in ((true, true), (value, value), (true, value))]
    variance, spread, covariance = (p - q for p, q in zip(products, (mean**2, other**2, mean * other), strict=True))
    return mean, other, np.maximum(variance, 0), np.maximum(spread, 0), covariance


def _ratio(above: Scores, below: Scores) -> Scores:
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
