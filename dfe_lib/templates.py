"""What the tokens of a codebook do to a face: order and names for their templates."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

__all__ = ["similarity_rank", "strongest_actions"]


def similarity_rank(templates: Float[np.ndarray, "k e"], metric: Float[np.ndarray, "e e"]) -> Int[np.ndarray, " k"]:
    """Place of each template along the direction in which they differ most, so that neighbours move the face alike.

    Arguments:
        templates: change of psi that each token makes. metric: mesh metric in mm2.

    >>> similarity_rank(np.array([[0.0], [2.0], [1.0]]), np.eye(1)).tolist() in ([0, 2, 1], [2, 0, 1])
    True
    """
    values, vectors = np.linalg.eigh(metric)
    moved = templates @ vectors * np.sqrt(np.maximum(values, 0))
    direction = np.linalg.svd(moved - moved.mean(0), full_matrices=False)[2][0]
    direction *= np.sign(direction[np.argmax(np.abs(direction))])
    return np.argsort(np.argsort(moved @ direction, kind="stable"), kind="stable")


def strongest_actions(
    templates: Float[np.ndarray, "k e"], names: Sequence[str], metric: Float[np.ndarray, "e e"], count: int = 3
) -> list[str]:
    """The actions that move the face most in each template, such as `jawOpen +0.41, mouthClose -0.12`.

    >>> strongest_actions(np.array([[0.5, -0.1]]), ["jawOpen", "jawLeft"], np.eye(2), count=1)
    ['jawOpen +0.50']
    """
    moved = np.abs(templates) * np.sqrt(np.diag(metric))
    order = np.argsort(-moved, axis=1, kind="stable")[:, :count]
    return [
        ", ".join(f"{names[i]} {template[i]:+.2f}" for i in row) for template, row in zip(templates, order, strict=True)
    ]
