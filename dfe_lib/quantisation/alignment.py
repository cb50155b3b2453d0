"""Displays that keep their numbers: matched to those of another codebook."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from ..errors import UserError
from ..morphable.metric import mesh_cosine
from .rvqvae import RvqVae

__all__ = ["aligned_order", "alignment_table"]

SAME = 0.75
"""Cosine from which two displays are one: no two of a codebook are meant to be so near."""


def aligned_order(
    displays: Float[np.ndarray, "n e"],
    known: Float[np.ndarray, "k e"],
    metric: Float[np.ndarray, "e e"],
    canonical: Int[np.ndarray, " n"],
) -> Int[np.ndarray, " n"]:
    """Which display gets each number: those that are known keep it, the others take what is free in canonical order.

    The matching is the one of largest total cosine (Kuhn 1955).

    Arguments:
        displays: changes of psi.
        known: those of the other codebook, in its order.
        metric: metric (E, E) in mm2.
        canonical: the displays in canonical order.

    >>> aligned_order(np.eye(3), np.eye(3)[[2, 0]], np.eye(3), np.arange(3)).tolist()
    [2, 0, 1]
    """
    cosine = np.maximum(mesh_cosine(displays, known, metric), 0)
    own, other = linear_sum_assignment(-cosine)
    kept = (cosine[own, other] >= SAME) & (other < len(displays))
    order = np.full(len(displays), -1)
    order[other[kept]] = own[kept]
    order[order < 0] = [one for one in canonical if one not in set(own[kept])]
    return order


def alignment_table(model: RvqVae, other: RvqVae, metric: Float[np.ndarray, "e e"]) -> pd.DataFrame:
    """A row a display: its number, the cosine with the display of that number in another model, whether it is that one.

    Raises UserError for a model of other coefficients.
    """
    if model.config.coefficients != other.config.coefficients:
        raise UserError("The displays of models of different coefficients cannot be compared.")
    own, known = model.display_templates(), other.display_templates()
    both = min(len(own), len(known))
    cosine = np.zeros(len(own))
    cosine[:both] = mesh_cosine(own[:both], known[:both], metric).diagonal()
    return pd.DataFrame({"display": np.arange(len(own)), "cosine": cosine, "matched": cosine >= SAME})
