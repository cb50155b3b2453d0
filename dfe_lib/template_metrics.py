"""What the templates of a code are like: how much of the face each moves, how locally, and how alike they are."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from .baselines import FaceCode
from .morphable import MorphableModel
from .recovery import mesh_cosine

__all__ = ["MOVED_MM", "motion_areas", "template_overlap", "template_table"]

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
    energies would take. It does not hang on how strong the template is. NaN where nothing moves.

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
        size = np.sqrt(np.einsum("ti,ij,tj->t", templates, metric, templates))
        rows.append(
            {"method": method, "templates": len(templates), "median_area": np.median(moved),
             "p90_area": np.percentile(moved, 90), "median_effective_area": np.nanmedian(effective),
             "median_rms_mm": np.median(size), "mean_overlap": template_overlap(templates, metric).mean()}
        )  # fmt: skip
    return pd.DataFrame(rows)
