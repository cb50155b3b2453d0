"""The mesh metric G: how far apart two expressions are over the face, without the mesh."""

import numpy as np
from jaxtyping import Float

__all__ = ["mesh_cosine", "mesh_energy", "mesh_length", "metric_root"]

STILL_MM2 = 1e-9
"""Product of two lengths below which nothing moves, and there is no angle."""


def mesh_energy(change: Float[np.ndarray, "*b n e"], metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, "*b n"]:
    r"""Squared displacement that changes of psi (..., N, E) make, mean over the surface in mm2: $d^\top G d$.

    Arguments:
        metric: mesh metric G in mm2, see :meth:`~dfe_lib.morphable.model.MorphableModel.gram`.

    >>> mesh_energy(np.array([[1.0, 2.0]]), np.eye(2))
    array([5.])
    """
    change = np.asarray(change, float)
    return np.maximum(np.einsum("...i,...i->...", change @ metric, change), 0.0)


def mesh_length(change: Float[np.ndarray, "*b n e"], metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, "*b n"]:
    r"""Displacement that changes of psi (..., N, E) make, rms over the surface in mm: $\sqrt{d^\top G d}$.

    >>> mesh_length(np.array([[0.0, 1.0], [3.0, 4.0]]), np.eye(2))
    array([1., 5.])
    """
    return np.sqrt(mesh_energy(change, metric))


def mesh_cosine(
    one: Float[np.ndarray, "n e"], other: Float[np.ndarray, "m e"], metric: Float[np.ndarray, "e e"]
) -> Float[np.ndarray, "n m"]:
    r"""Cosine between displacement fields, $a^\top G b / \sqrt{a^\top G a \; b^\top G b}$; 0 for a still one.

    Strength does not count: an atom, a unit or a code is judged by what it moves together, not by how far.

    >>> mesh_cosine(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), np.eye(2))
    array([[1., 0.]])
    """
    product = one @ metric @ other.T
    scale = np.outer(mesh_length(one, metric), mesh_length(other, metric))
    return np.divide(product, scale, out=np.zeros_like(product, dtype=float), where=scale > STILL_MM2)


def metric_root(metric: Float[np.ndarray, "e e"], least: float = 1e-6) -> Float[np.ndarray, "e e"]:
    """Symmetric R with R R^T = G: the rows of psi @ R lie as far apart as the faces, in mm.

    Arguments:
        least: directions that hardly move the mesh keep this share of the mean energy, so that R has an inverse.
    """
    values, vectors = np.linalg.eigh(np.asarray(metric, float))
    return vectors * np.sqrt(np.maximum(values, least * values.mean())) @ vectors.T
