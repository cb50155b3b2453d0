"""Action units of the Facial Action Coding System, read from expression coefficients."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .errors import UserError

__all__ = ["AU12_PRESENT", "au12"]

AU12_PRESENT = 0.25
"""AU12 counts as present above this share of its full strength (our choice: between FACS intensities A and B)."""


def au12(psi: Float[np.ndarray, "n e"], names: Sequence[str]) -> Float[np.ndarray, " n"]:
    """Lip corner puller (zygomaticus major), 0 to 1: the mean of the two smile coefficients.

    Raises UserError for coefficients that are not ARKit actions.

    >>> au12(np.array([[0.2, 0.6]]), ["mouthSmileLeft", "mouthSmileRight"])
    array([0.4])
    """
    sides = ["mouthSmileLeft", "mouthSmileRight"]
    missing = [side for side in sides if side not in names]
    if missing:
        raise UserError(f"AU12 needs the coefficients {' and '.join(missing)}, which these expressions do not have.")
    return psi[:, [list(names).index(side) for side in sides]].mean(1)
