"""What is kept of the landmark network's features: the directions in which expressions move them.

The axes were fitted by `make estimator` on rendered actors. Features say who somebody is as well as landmarks do, so
`dfe encode` writes neither; frames tables hold both.
"""

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16
from safetensors.numpy import load_file, save_file

from ..errors import UserError
from ..io.tables import N_FEATURES, atomic_path
from .landmark_network import FEATURE_LANDMARKS
from .landmarker import Face

__all__ = ["AXES", "COARSE", "FINE", "Axes", "kept_features", "read_axes", "reduced", "write_axes"]

AXES = Path(__file__).parent / "data" / "feature_axes.safetensors"
"""`fine` (2048, 320) and `coarse` (4096, 128), columns of length 1."""
CHANNELS = 192
"""Of each landmark, the 64 fine ones first."""
FINE = (CHANNELS * np.arange(len(FEATURE_LANDMARKS))[:, None] + np.arange(64)).ravel()
COARSE = (CHANNELS * np.arange(len(FEATURE_LANDMARKS))[:, None] + np.arange(64, CHANNELS)).ravel()
"""Which of the 6,144 features come from the fine and the coarse map."""


Axes = tuple[Float[np.ndarray, "2048 f"], Float[np.ndarray, "4096 c"]]


def reduced(features: Float[np.ndarray, "*n 6144"], axes: Axes | None = None) -> Float16[np.ndarray, "*n 448"]:
    """Coordinates of features along the axes, those of AXES when None."""
    fine, coarse = read_axes(AXES) if axes is None else axes
    return np.concatenate([features[..., FINE] @ fine, features[..., COARSE] @ coarse], -1).astype(np.float16)


def kept_features(face: Face) -> Float16[np.ndarray, "448"]:
    """What a frames table keeps of a face's features; NaN where the detector gave none."""
    return np.full(N_FEATURES, np.nan, np.float16) if face.features is None else reduced(face.features)


@cache
def read_axes(path: Path) -> Axes:
    """Axes of the fine and of the coarse map; raises UserError for another number than the tables hold."""
    axes = load_file(path)
    fine, coarse = axes["fine"].astype(np.float32), axes["coarse"].astype(np.float32)
    if fine.shape[1] + coarse.shape[1] != N_FEATURES:
        raise UserError(f"{path} holds other axes than the tables expect: build it with `make estimator`.")
    return fine, coarse


def write_axes(axes: Axes, path: Path) -> None:
    """In half precision; what was read of the file before is forgotten."""
    with atomic_path(path) as temporary:
        save_file(dict(zip(("fine", "coarse"), (part.astype(np.float16) for part in axes), strict=True)), temporary)
    read_axes.cache_clear()
