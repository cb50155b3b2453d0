"""The linear models that read a label from a vector, the same for every representation."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from ..errors import UserError

__all__ = ["LINEAR_MODELS", "Prediction", "Ridge", "logistic", "ridge", "support_vectors"]

PENALTIES = np.logspace(-2, 3, 11)
"""Ridge penalties that are tried, in units of the number of features."""
COSTS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse penalties C that logistic regression and the linear SVM try."""
CLIP = 5.0
"""Standard deviations beyond which a feature counts no further: a word that one training person used once has almost
no spread, and would outweigh all others in a person who uses it often."""

Matrix = Float[np.ndarray, "n d"]
Targets = Float[np.ndarray, "n c"]
Unseen = Float[np.ndarray, "u d"]
Guesses = Float[np.ndarray, "u c"]


@dataclass(frozen=True)
class Prediction:
    """What is predicted of people not trained on, for each target column.

    Arguments:
        value: (u, c) in units of the label.
        score: (u, c) the same in standard deviations from the training people's mean. Over several folds, values hold
            a trace of who was left out (where a high label is left out, the mean of the others is low, and where a
            chance pattern does not hold, the folds that trained on it are loud), so that of shuffled labels they are
            worse than chance; ranks and correlations over all folds are taken of the score.
        label: (u, c) 0 or 1 for binary targets: beyond the middle between both classes' scores.
        gain: (u, c) value less the training people's mean: what one of several targets has above the others.
    """

    value: Guesses
    score: Guesses
    label: Guesses
    gain: Guesses

    def __getitem__(self, columns: slice) -> "Prediction":
        """These targets alone."""
        return Prediction(*(getattr(self, part.name)[:, columns] for part in fields(self)))


@dataclass(frozen=True)
class Ridge:
    r"""Ridge regression of each target on standardised, clipped features, $\hat y = \bar y + (z - \bar z) w$.

    Arguments:
        mean, scale: (d,) of the training people's features.
        shift: (d,) $\bar z$, the mean that clipping leaves the standardised features with.
        spread: (c,) standard deviation of the training people's fitted values.
        weights: (d, c) of standardised features.
        offset: (c,) mean of each target.
        middle: (c,) score halfway between both classes of a binary target, NaN for others.
    """

    mean: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    shift: Float[np.ndarray, " d"]
    weights: Float[np.ndarray, "d c"]
    offset: Float[np.ndarray, " c"]
    spread: Float[np.ndarray, " c"]
    middle: Float[np.ndarray, " c"]

    @classmethod
    def fitted(cls, x: Matrix, y: Targets, subjects: np.ndarray) -> "Ridge":
        r"""Penalty of each target by leaving one subject out, in closed form.

        With the hat matrix $H = 11^T/n + U f U^T$, $f = s^2 / (s^2 + \alpha)$, the errors of a subject's rows g in
        the model without them are $(I - H_{gg})^{-1} (y - H y)_g$ (for one row, $e / (1 - h)$).

        Arguments:
            x: (n, d). y: (n, c). subjects: (n,) whose rows are left out together.
        """
        mean, scale = x.mean(0), x.std(0)
        scale[scale < 1e-9 * (1 + np.abs(mean))] = np.inf
        z, centred = np.clip((x - mean) / scale, -CLIP, CLIP), y - y.mean(0)
        shift = z.mean(0)
        z -= shift
        u, square = _spectrum(z)
        projected, penalties = u.T @ centred, PENALTIES * max(1, int(np.isfinite(scale).sum()))
        groups = _groups(subjects)
        left_out = np.stack([_left_out(u, square / (square + a), projected, centred, groups) for a in penalties])
        best = np.square(left_out).mean(1).argmin(0)
        shrunk = projected / (square[:, None] + penalties[best])
        spread = np.sqrt(square @ np.square(shrunk * np.sqrt(square)[:, None]) / len(y))
        unseen = centred - left_out[best, :, np.arange(y.shape[1])].T
        return cls(mean, scale, shift, z.T @ (u @ shrunk), y.mean(0), spread, _middle(unseen, y))

    def predict(self, x: Unseen) -> Prediction:
        """Predictions for other people."""
        above = (np.clip((x - self.mean) / self.scale, -CLIP, CLIP) - self.shift) @ self.weights
        score = above / np.maximum(self.spread, 1e-12)
        # where features say nothing, which side of the middle 0 lies on says who was left out, and no more
        label = (above > self.middle) & (self.spread > 1e-12)
        return Prediction(above + self.offset, score, label.astype(float), above)


def ridge(x: Matrix, y: Targets, subjects: np.ndarray, unseen: Unseen) -> Prediction:
    """Ridge regression, of class labels too; its penalty by leaving one subject out.

    >>> x = np.arange(6.0)[:, None]
    >>> ridge(x, x + 1, np.arange(6), np.array([[2.5]])).value.round(1)
    array([[3.5]])
    """
    return Ridge.fitted(x, y, subjects).predict(unseen)


def logistic(x: Matrix, y: Targets, subjects: np.ndarray, unseen: Unseen) -> Prediction:
    """Logistic regression with balanced classes; C by three folds over subjects."""
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    return _searched(model, "logisticregression__C", x, y, subjects, unseen)


def support_vectors(x: Matrix, y: Targets, subjects: np.ndarray, unseen: Unseen) -> Prediction:
    """Linear support vector machine with balanced classes; C by three folds over subjects."""
    model = LinearSVC(class_weight="balanced", dual=True, max_iter=5000, random_state=0)
    return _searched(model, "linearsvc__C", x, y, subjects, unseen)


LINEAR_MODELS: dict[str, Callable[[Matrix, Targets, np.ndarray, Unseen], Prediction]] = {
    "ridge": ridge,
    "logistic": logistic,
    "svm": support_vectors,
}
"""By name; logistic regression and the SVM take binary targets alone."""


def _searched(model: object, cost: str, x: Matrix, y: Targets, subjects: np.ndarray, unseen: Unseen) -> Prediction:
    if not np.isin(y, (0, 1)).all():
        raise UserError("logistic regression and the SVM need labels 0 and 1; use ridge regression for others.")
    scores = []
    for target in y.T:
        pipeline = make_pipeline(StandardScaler(), model)
        search = GridSearchCV(pipeline, {cost: COSTS}, cv=StratifiedGroupKFold(3), scoring="roc_auc")
        scores.append(search.fit(x, target, groups=subjects).decision_function(unseen))
    score = np.stack(scores, 1)
    return Prediction(score, score, (score > 0).astype(float), score)


def _spectrum(z: Matrix) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, " r"]]:
    """Left singular vectors and squared singular values, from the smaller of the two Gram matrices."""
    gram = z @ z.T if len(z) <= z.shape[1] else z.T @ z
    square, vectors = np.linalg.eigh(gram)
    kept = square > 1e-9 * max(square[-1], 1e-9)
    square, vectors = square[kept], vectors[:, kept]
    return (vectors if len(z) <= z.shape[1] else z @ vectors / np.sqrt(square)), square


def _groups(subjects: np.ndarray) -> list[np.ndarray]:
    """Rows of each subject who has several."""
    _, which, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    return [np.flatnonzero(which == k) for k in np.flatnonzero(counts > 1)]


def _left_out(
    u: Float[np.ndarray, "n r"], keep: np.ndarray, projected: np.ndarray, y: Targets, groups: list[np.ndarray]
) -> Targets:
    """Errors of each subject's rows in the model of the others."""
    error = y - u @ (keep[:, None] * projected)
    leverage = 1 / len(y) + np.square(u) @ keep
    out = error / np.maximum(1 - leverage, 1e-6)[:, None]
    for rows in groups:
        hat = 1 / len(y) + (u[rows] * keep) @ u[rows].T
        out[rows] = np.linalg.solve(np.eye(len(rows)) * (1 + 1e-6) - hat, error[rows])
    return out


def _middle(unseen: Targets, y: Targets) -> Float[np.ndarray, " c"]:
    binary = np.isin(y, (0, 1)).all(axis=0)
    ones = y == 1
    counts = np.stack([ones.sum(0), (~ones).sum(0)])
    sums = np.stack([(unseen * ones).sum(0), (unseen * ~ones).sum(0)])
    middle = (sums / np.maximum(counts, 1)).mean(0)
    return np.where(binary, middle, np.nan)
