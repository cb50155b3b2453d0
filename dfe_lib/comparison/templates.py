"""What the tokens of a codebook do to a face: order and names for their templates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..morphable.metric import mesh_cosine, mesh_length, metric_root
from ..morphable.model import MorphableModel
from ..morphable.space import ExpressionSpace
from .face_code import FaceCode

__all__ = [
    "MOVED_MM",
    "motion_areas",
    "similarity_rank",
    "strongest_actions",
    "template_overlap",
    "template_table",
    "tokens_used",
]


def similarity_rank(templates: Float[np.ndarray, "k e"], metric: Float[np.ndarray, "e e"]) -> Int[np.ndarray, " k"]:
    """Place of each template along the direction in which they differ most, so that neighbours move the face alike.

    Arguments:
        templates: change of psi that each token makes. metric: mesh metric in mm2.

    >>> similarity_rank(np.array([[0.0], [2.0], [1.0]]), np.eye(1)).tolist() in ([0, 2, 1], [2, 0, 1])
    True
    """
    moved = templates @ metric_root(metric)
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


MOVED_MM = 0.5
"""Displacement from which a point of the face counts as moved."""
CHUNK = 128
"""Templates whose displacement fields are held in memory at a time."""


def motion_areas(
    head: MorphableModel, templates: Float[np.ndarray, "t e"]
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    r"""Share of the face's surface that each template moves by more than 0.5 mm, and its effective share.

    The effective share is $(\sum_v a_v e_v)^2 / \sum_v a_v e_v^2$ over the area of the face, with $e_v$ the squared
    displacement of vertex v and $a_v$ its surface: the part of the face that a motion of even strength and the same
    energies would take. It does not depend on how strong the template is. NaN where nothing moves.

    Arguments:
        head: its region `face` is what counts.
        templates: changes of psi (T, E).
    """
    face = head.region("face")
    area = head.areas()[face] / head.areas()[face].sum()
    basis = head.expression[:, face].astype(np.float32) * 1000
    moved, effective = [], []
    for chunk in np.array_split(templates.astype(np.float32), -(-len(templates) // CHUNK)):
        energy = np.square(np.tensordot(chunk, basis, 1)).sum(2)
        moved.append((energy > MOVED_MM**2) @ area)
        total, squares = energy @ area, np.square(energy) @ area
        effective.append(np.divide(total**2, squares, out=np.full(len(chunk), np.nan), where=squares > 1e-12))
    return np.concatenate(moved), np.concatenate(effective)


def tokens_used(
    words: Int[np.ndarray, "n m"], templates: Float[np.ndarray, "k e"], space: ExpressionSpace
) -> pd.DataFrame:
    """The displays that occur, most frequent first: display, occurrences, rms_mm over the face, strongest actions.

    Arguments:
        words: displays of frames, -1 where a token means nothing. templates: change of psi by each display.
    """
    counts = np.bincount(words[words >= 0], minlength=len(templates))
    order = np.argsort(-counts, kind="stable")
    table = pd.DataFrame(
        {
            "display": order,
            "occurrences": counts[order],
            "rms_mm": mesh_length(templates, space.metric)[order],
            "actions": strongest_actions(templates[order], space.names, space.metric),
        }
    )
    return table[table.occurrences > 0].reset_index(drop=True)


def template_overlap(templates: Float[np.ndarray, "t e"], metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, " t"]:
    """Largest cosine of each template with another one, either sign: 0 for fields that share nothing.

    >>> template_overlap(np.array([[1.0, 0.0], [0.0, 1.0]]), np.eye(2))
    array([0., 0.])
    """
    cosine = np.abs(mesh_cosine(templates, templates, metric))
    np.fill_diagonal(cosine, 0)
    return cosine.max(1)


def template_table(
    codes: Mapping[str, FaceCode], head: MorphableModel, metric: Float[np.ndarray, "e e"]
) -> pd.DataFrame:
    """A row a method: median share of the face moved, effective share, rms motion in mm, and mean overlap."""
    rows = []
    for method, code in codes.items():
        templates = np.asarray(code.templates(), float)
        moved, effective = motion_areas(head, templates)
        rows.append(
            {"method": method, "templates": len(templates), "median_area": np.median(moved),
             "p90_area": np.percentile(moved, 90), "median_effective_area": np.nanmedian(effective),
             "median_rms_mm": np.median(mesh_length(templates, metric)),
             "mean_overlap": template_overlap(templates, metric).mean()}
        )  # fmt: skip
    return pd.DataFrame(rows)
