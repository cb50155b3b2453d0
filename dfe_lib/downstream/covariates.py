"""What may explain a label without any expression, beside the words: age, gender, talking, head motion, and more."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..errors import UserError, did_you_mean
from .clip import Clip
from .cross_validation import Vectors
from .labels import COVARIATES
from .representations import confound

__all__ = ["covariate_table", "covariate_vectors", "joined"]

MEASURED = {"talking": "talking", "pose": "turn_deg", "confidence": "confidence"}
"""Covariates that the clips themselves know, by the column of `Clip`."""


def covariate_table(
    clips: Sequence[Clip], labels: pd.DataFrame, wanted: Sequence[str] = COVARIATES
) -> tuple[pd.DataFrame, list[str]]:
    """The covariates (clips, columns) as numbers, words as a column of 0 and 1 each, and the names that are not known.

    Arguments:
        clips: (n). labels: (n) rows of a table of clips, whose columns come first.
        wanted: columns of the table; `pose` (mean turn of the head, degrees a second), `confidence` and `talking` are
            measured where the table lacks them. Those of `COVARIATES` may be missing.

    Raises:
        UserError: another name that is no column.
    """
    parts, missing = [], []
    for name in wanted:
        if name in labels:
            parts.append(_numbers(labels[name]))
        elif name in MEASURED and all(getattr(clip, MEASURED[name]) is not None for clip in clips):
            parts.append(pd.DataFrame({name: [confound(clip, MEASURED[name]) for clip in clips]}))
        elif name in COVARIATES:
            missing.append(name)
        else:
            raise UserError(f"covariates names {name!r}, which the table of clips lacks; {did_you_mean(name, labels)}")
    table = pd.concat([part.reset_index(drop=True) for part in parts], axis=1) if parts else pd.DataFrame()
    return table.loc[:, table.max() > table.min()], missing


def covariate_vectors(table: pd.DataFrame, row_of: Int[np.ndarray, " n"] | None = None) -> Vectors:
    """The covariates of each row; what is not known is the mean of the training people.

    Arguments:
        table: of :func:`covariate_table`. row_of: which row each of its lines belongs to, where a row is their mean.
    """
    rows = table if row_of is None else table.groupby(row_of).mean()
    matrix = rows.to_numpy(float)

    def vectors(train: np.ndarray) -> np.ndarray:
        known = np.isfinite(matrix[train])
        means = np.where(known, matrix[train], 0).sum(0) / np.maximum(known.sum(0), 1)
        return np.where(np.isfinite(matrix), matrix, means)

    return vectors


def joined(covariates: Vectors, vectors: Vectors) -> Vectors:
    """Covariates and other vectors side by side; the few covariates are repeated until both sides weigh alike."""

    def both(train: np.ndarray) -> Float[np.ndarray, "n d"]:
        few, many = covariates(train), vectors(train)
        return np.hstack([np.repeat(few, max(1, many.shape[1] // few.shape[1]), axis=1), many])

    return both


def _numbers(cells: pd.Series) -> pd.DataFrame:
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype(float).to_frame()
    columns = pd.get_dummies(cells, prefix=cells.name, prefix_sep=" = ", dtype=float)
    return columns.where(cells.notna(), np.nan)
