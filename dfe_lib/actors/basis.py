"""What a person's own way to move does, in the coefficients of the nominal expression basis."""

import numpy as np
from jaxtyping import Float

from ..least_squares import bounded_least_squares
from ..morphable.model import MM_PER_M, MorphableModel

__all__ = ["basis_change", "nominal_psi", "response"]

RIDGE = 1e-4
"""Holds on to the person's own coefficients where the basis cannot distinguish two of them (mm2)."""


def basis_change(head: MorphableModel) -> Float[np.ndarray, "e e"]:
    """U of E = Q U (QR), E the nominal basis over the face, mm, vertices by the root of their surface."""
    return np.linalg.qr(_weighted(head, head.expression))[1]


def response(head: MorphableModel, expression: Float[np.ndarray, "e v 3"]) -> Float[np.ndarray, "e e"]:
    """`R = Q^T E'`: what a person's own basis E' does, in coordinates of the nominal one; see :func:`basis_change`.

    `||E psi - E' psi'||` is then `||U psi - R psi'||`, but for what no nominal psi can reach.
    """
    return np.linalg.qr(_weighted(head, head.expression))[0].T @ _weighted(head, expression)


def nominal_psi(
    change: Float[np.ndarray, "e e"], own: Float[np.ndarray, "e e"], psi: Float[np.ndarray, "n e"]
) -> Float[np.ndarray, "n e"]:
    """Nominal coefficients in [0, 1] that come closest, over the face, to what a person does with its own.

    Arguments:
        change: U of :func:`basis_change`.
        own: R of :func:`response`.
        psi: the person's own coefficients.
    """
    normal = change.T @ change + RIDGE * np.eye(len(change))
    return bounded_least_squares(normal, (psi @ own.T) @ change + RIDGE * psi)


def _weighted(head: MorphableModel, expression: Float[np.ndarray, "e v 3"]) -> Float[np.ndarray, "r e"]:
    weight = head.areas() * head.region("face")
    face = head.region("face")
    moved = expression[:, face] * np.sqrt(weight / weight.sum())[face, None] * MM_PER_M
    return moved.reshape(len(expression), -1).T.astype(float)
