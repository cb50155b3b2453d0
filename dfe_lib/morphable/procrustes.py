"""Landmarks of a turned head brought to one place, size and direction: what is left is shape and expression."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["LAYOUT_68", "Aligned", "align", "lifted", "nearest_rotation", "similarity", "still_weights"]

LAYOUT_68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""FaceLandmarker's landmark nearest to each of the 68 of Sagonas et al. 2013: jaw, brows, nose, eyes, lips."""

MAX_ROLL = np.radians(80)
MAX_RESIDUAL_MM = 14.0
MIN_SIZE_PX = 8.0
"""What lies beyond is no upright face (our choice): rolled further, further off the template, a smaller head."""

CAMERA_TO_HEAD = (1.0, -1.0, -1.0)
"""Pixels run down and z away from the camera; the head's axes run up and out of the face."""


Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class Aligned:
    """Landmarks in head axes (x to the subject's left, y up, z out of the face).

    Arguments:
        points: (n, L, 3) mm of the template's size; 0 where invalid.
        angles: (n, 3) yaw, pitch and roll of the head in radians, as `rendering.turn` takes them.
        rotation: (n, 3, 3) from head axes to camera axes (x right, y up, z to the camera).
        scale: (n,) mm for each pixel.
        valid: (n,) False for what is no upright, unmirrored face.
    """

    points: Float[Tensor, "n l 3"]
    angles: Float[Tensor, "n 3"]
    rotation: Float[Tensor, "n 3 3"]
    scale: Float[Tensor, " n"]
    valid: Bool[Tensor, " n"]


def nearest_rotation(cross: Array) -> tuple[Array, Array, Array]:
    r"""Rotations R (N, 3, 3) of the largest $\operatorname{tr}(R^\top C)$, traces (N,), and where none is mirrored.

    With $C = \sum_l w_l x_l y_l^\top$ of centred points, the rows of $x R$ come nearest to those of y (Kabsch 1976),
    and the trace over $\sum_l w_l |x_l|^2$ is the scale that brings them nearer still (Umeyama 1991). The
    last is False for points that their mirror image would fit better.

    Arguments:
        cross: C (N, 3, 3), NumPy's or PyTorch's, as what comes back.
    """
    library: Any = torch if isinstance(cross, Tensor) else np
    left, singular, right = library.linalg.svd(cross)
    handed = library.sign(library.linalg.det(left @ right))
    flip = library.stack([library.ones_like(handed), library.ones_like(handed), handed], -1)
    return (left * flip[:, None]) @ right, (singular * flip).sum(-1), handed > 0


def similarity(points: Float[np.ndarray, "n l 3"], goal: Float[np.ndarray, "n l 3"]) -> Float[np.ndarray, "n l 3"]:
    """Points moved, turned and scaled onto their goal, each set by itself (Umeyama 1991).

    >>> corner = np.vstack([np.zeros(3), np.eye(3)])
    >>> goal = 5 - 2 * corner[:, [1, 0, 2]]
    >>> bool(np.allclose(similarity(corner[None], goal[None]), goal))
    True
    """
    here, there = points.mean(1, keepdims=True), goal.mean(1, keepdims=True)
    centred = points - here
    rotation, trace, _ = nearest_rotation(centred.swapaxes(1, 2) @ (goal - there))
    scale = trace / np.square(centred).sum((1, 2))
    return scale[:, None, None] * (centred @ rotation) + there


def align(landmarks: Float[Tensor, "n l 3"], template: Float[Tensor, "m l 3"], weights: Float[Tensor, " l"]) -> Aligned:
    """Least-squares similarity to a template over the still landmarks (Umeyama 1991).

    Arguments:
        landmarks: pixels, x right, y down, z smaller is nearer.
        template: mm, head axes; one for all (m = 1) or one a frame.
        weights: of the landmarks, sum 1; see :func:`still_weights`.
    """
    centred = _planes(landmarks, weights)
    centre = weights @ template
    goal = (template - centre[:, None]) * weights[:, None]
    cross, finite = _finite(_each(centred, goal))
    rotation, trace, handed = nearest_rotation(cross)
    spread = _each(centred.square(), weights[:, None]).sum((1, 2)).clamp_min(1e-12)
    scale = trace / spread
    placed = ((scale[:, None, None] * rotation).transpose(1, 2) @ centred).add_(centre[..., None])
    # what Umeyama's fit leaves over, in closed form
    residual = ((goal * (template - centre[:, None])).sum((1, 2)) - trace * scale).clamp_min(0).sqrt()
    angles = _angles(rotation)
    upright = handed & (residual < MAX_RESIDUAL_MM) & (angles[:, 2].abs() < MAX_ROLL)
    # plane landmarks have no hand: mirrored ones look like a face seen from behind, and nobody is
    upright &= rotation[:, 2, 2] > 0
    valid = finite & upright & (spread.sqrt() > MIN_SIZE_PX)
    points = placed.masked_fill_(~valid[:, None, None], 0.0).transpose(1, 2)
    return Aligned(points, angles, rotation, scale, valid)


def lifted(
    pixels: Float[Tensor, "n l 2"], template: Float[Tensor, "m l 3"], weights: Float[Tensor, " l"]
) -> Float[Tensor, "n l 3"]:
    """Plane landmarks with the depth of the template in their pose (scaled orthographic, DeMenthon and Davis 1995).

    Arguments:
        pixels: x right, y down.
        template, weights: as in :func:`align`.
    """
    goal = template - (weights @ template)[:, None]
    weighted = goal * weights[:, None]
    gram = torch.linalg.inv(weighted.transpose(1, 2) @ goal)
    affine, _ = _finite(_each(_planes(pixels, weights), weighted @ gram))
    left, singular, right = torch.linalg.svd(affine, full_matrices=False)
    across = left @ right
    depth = torch.linalg.cross(across[:, 0], across[:, 1])
    away = -singular.mean(-1)[:, None] * (goal @ depth[:, :, None])[..., 0]
    return torch.cat([pixels, away[..., None]], -1)


def still_weights(expression: Float[np.ndarray, "e l 3"], soft_mm: float = 4.0) -> Float[np.ndarray, " l"]:
    """Weights for :func:`align`, sum 1: the less a landmark can move (mm), the more it counts; irises not at all."""
    motion = np.sqrt(np.square(expression).sum(-1).sum(0))
    weights = 1 / (1 + (motion / soft_mm) ** 2) ** 2
    weights[468:] = 0
    return weights / weights.sum()


def _planes(points: Float[Tensor, "n l c"], weights: Float[Tensor, " l"]) -> Float[Tensor, "n c l"]:
    """Planes of one coordinate each, from the weighted mean, in directions of the head's axes.

    Sums over landmarks then read memory in order, several times as fast.
    """
    way = points.new_tensor(CAMERA_TO_HEAD[: points.shape[2]])
    planes = torch.empty_like(points.transpose(1, 2), memory_format=torch.contiguous_format)
    torch.mul(points.transpose(1, 2), way[:, None], out=planes)
    return planes.sub_(_each(planes, weights[:, None]))


def _each(planes: Float[Tensor, "n c l"], goal: Float[Tensor, "*m l d"]) -> Float[Tensor, "n c d"]:
    """Products row by row, with one goal or each row's own: the digits of a row depend on no other row."""
    return torch.bmm(planes, goal.expand(len(planes), -1, -1))


def _finite(sums: Float[Tensor, "n c d"]) -> tuple[Float[Tensor, "n c d"], Bool[Tensor, " n"]]:
    """Sums over landmarks, 0 where not all of them are finite, and where they are: one landmark that is not counts."""
    finite = torch.isfinite(sums.sum((1, 2)))
    return sums.masked_fill(~finite[:, None, None], 0.0), finite


def _angles(rotation: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3"]:
    """Yaw, pitch, roll of R = R_y(yaw) R_x(pitch) R_z(roll)."""
    yaw = torch.atan2(rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = torch.asin((-rotation[:, 1, 2]).clamp(-1, 1))
    roll = torch.atan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return torch.stack([yaw, pitch, roll], -1)
