"""The mesh metric G: how far apart two expressions are over the face, without the mesh."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

__all__ = ["balanced_weights", "mesh_cosine", "mesh_energy", "mesh_length", "metric_root"]

STILL_MM2 = 1e-9
"""Product of two lengths below which nothing moves, and there is no angle."""

LEAST_SHARE = 1e-4
"""Share of the most moved region's energy that a region counts as having at least."""


def balanced_weights(
    regions: Mapping[str, Float[np.ndarray, "e e"]], psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"]
) -> dict[str, float]:
    r"""Weights $w_r$ with which every region counts alike: $G_b = \sum_r w_r G_r$.

    A region's mean energy over the frames is divided out, so that brows and eyes, which move a millimetre, count as
    much as the jaw, which moves ten; all together keep the mean energy that they have in the mesh metric.

    Arguments:
        regions: metric of each region in mm2.
        psi: frames (N, E), as differences from a face at rest.
        metric: mesh metric in mm2.

    >>> regions = {"brows": np.diag([1.0, 0.0]), "jaw": np.diag([0.0, 100.0])}
    >>> balanced_weights(regions, np.ones((3, 2)), np.diag([1.0, 99.0]))
    {'brows': 50.0, 'jaw': 0.5}
    """
    energy = {region: float(mesh_energy(psi, gram).mean()) for region, gram in regions.items()}
    least = max(LEAST_SHARE * max(energy.values()), 1e-12)
    share = {region: mean / max(mean, least) for region, mean in energy.items()}
    scale = float(mesh_energy(psi, metric).mean()) / max(sum(share.values()), 1e-12)
    return {region: scale / max(mean, least) for region, mean in energy.items()}


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
