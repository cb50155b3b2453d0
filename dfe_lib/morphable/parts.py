"""A face as a sum of movements: what a figure shows one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["FaceParts", "strongest_parts"]


@dataclass(frozen=True)
class FaceParts:
    """Changes of psi that add up to a face, or to most of it.

    Arguments:
        name: of the code, such as `token`.
        changes: (M, E), one a part.
        titles: of the parts.
    """

    name: str
    changes: Float[np.ndarray, "m e"]
    titles: Sequence[str]


def strongest_parts(
    psi: Float[np.ndarray, " e"], names: Sequence[str], metric: Float[np.ndarray, "e e"], count: int = 4
) -> FaceParts:
    """The coefficients that move the face most, each alone.

    Arguments:
        psi: of one frame. names: of the coefficients. metric: mesh metric in mm2.

    >>> strongest_parts(np.array([0.1, 0.9]), ["jawOpen", "jawLeft"], np.eye(2), 1).titles
    ['jawLeft 0.90']
    """
    moved = np.abs(psi) * np.sqrt(np.diag(metric))
    order = np.argsort(-moved, kind="stable")[:count]
    return FaceParts("action", np.diag(psi)[order], [f"{names[i]} {psi[i]:.2f}" for i in order])
