"""The Anny head (Bregier et al. 2025; code Apache-2.0, mesh data CC0) as a morphable model with 52 facial actions."""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from .model import MorphableModel

__all__ = ["HEAD", "anny_head", "shown_tongue"]

HEAD = Path(__file__).parent / "data" / "anny_head.safetensors"
"""What `make head` builds: one file for everybody, so that nobody's psi depends on how a renderer draws."""
LIPS = (13, 14)
"""Inner edges of the lips, in FaceLandmarker's numbering."""
STILL_M = 1e-4


@cache
def anny_head() -> MorphableModel:
    """The study's head model; its maker is :mod:`.anny_build`."""
    return MorphableModel.load(HEAD)


def shown_tongue(head: MorphableModel, psi: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n e"]:
    """psi with a tongue at rest wherever it stays behind the lips.

    The mesh metric is taken over the skin, so that a trained model leaves a hidden tongue to chance.

    Arguments:
        head: without landmarks or an inner mouth, psi comes back as it is. psi: (N, E).

    >>> from dfe_lib.morphable.anny import anny_head
    >>> psi = np.zeros((2, 52)); psi[:, -1] = 0.2, 0.9
    >>> shown_tongue(anny_head(), psi)[:, -1]
    array([0. , 0.9])
    """
    if head.landmarks is None or "inner_mouth" not in head.regions:
        return psi
    hidden, reach, behind = _tongue(head)
    return np.where(hidden & (psi * reach < behind), 0.0, psi).astype(psi.dtype)


@lru_cache(maxsize=4)
def _tongue(head: MorphableModel) -> tuple[Bool[np.ndarray, " e"], Float[np.ndarray, " e"], float]:
    """Which coefficients move what is inside the mouth alone, how far forward, and how far that is behind the lips."""
    assert head.landmarks is not None
    inside = head.region("inner_mouth")
    hidden = (np.linalg.norm(head.expression[:, ~inside], axis=2) < STILL_M).all(1)
    behind = head.landmarks(head.template)[list(LIPS), 2].mean() - head.template[inside, 2].max()
    return hidden, head.expression[:, inside, 2].max(1), float(behind)
