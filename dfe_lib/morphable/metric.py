"""The mesh metric: how far apart two expressions are over the face, without the mesh."""

import numpy as np
from jaxtyping import Float

__all__ = ["metric_root"]


def metric_root(metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, "e e"]:
    """Symmetric R with R R^T = G; directions that hardly move the mesh keep a millionth of the mean."""
    values, vectors = np.linalg.eigh(np.asarray(metric, float))
    return vectors * np.sqrt(np.maximum(values, 1e-6 * values.mean())) @ vectors.T
