"""How much of a known repertoire a code has found: its templates matched to the planted displays."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from ..morphable.metric import mesh_cosine
from .face_code import FaceCode

__all__ = ["FOUND", "match_templates", "recovery_table"]

FOUND = 0.85
"""Cosine from which a display counts as found."""


def match_templates(
    templates: Float[np.ndarray, "t e"], planted: Float[np.ndarray, "p e"], metric: Float[np.ndarray, "e e"]
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Template of each planted display, or -1, and their cosine, or 0: each template is given to one display at most.

    The assignment is the one of largest total cosine (Kuhn 1955).

    Arguments:
        templates: changes of psi (T, E).
        planted: displays (P, E).
        metric: mesh metric (E, E) in mm2.

    >>> match_templates(np.eye(3)[:2], np.eye(3)[[1, 2]], np.eye(3))[0].tolist()
    [1, 0]
    """
    cosine = np.maximum(mesh_cosine(planted, templates, metric), 0)
    rows, columns = linear_sum_assignment(-cosine)
    match, found = np.full(len(planted), -1), np.zeros(len(planted))
    match[rows], found[rows] = columns, cosine[rows, columns]
    return match, found


def recovery_table(
    codes: Mapping[str, FaceCode],
    names: Sequence[str],
    planted: Float[np.ndarray, "p e"],
    metric: Float[np.ndarray, "e e"],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each method's mean cosine and share of displays found, and the cosine of every display by method.

    A method with fewer templates than there are displays leaves some without a match, which counts as a cosine of 0:
    it can reach `most` and no more. `best_cosine` lets every display take its nearest template, whoever else took it.

    Arguments:
        codes: methods by name.
        names: of the planted displays.
        planted: psi (P, E) of each at full strength.
        metric: mesh metric in mm2.
    """
    rows, displays = [], []
    for method, code in codes.items():
        templates = np.asarray(code.templates(), float)
        found = match_templates(templates, planted, metric)[1]
        best = mesh_cosine(planted, templates, metric).max(1)
        rows.append(
            {"method": method, "bits": code.bits, "templates": len(templates), "cosine": found.mean(),
             "found_share": (found >= FOUND).mean(), "best_cosine": best.mean(),
             "most": min(1.0, len(templates) / len(planted))}
        )  # fmt: skip
        displays.append(pd.DataFrame({"method": method, "display": list(names), "cosine": found}))
    return pd.DataFrame(rows), pd.concat(displays, ignore_index=True)
