"""Rotations kept as six numbers (Zhou et al. 2019): two rows or two columns of the matrix, one after the other or not.

The first two columns c, d as PyTorch3D's users keep them transposed, the first two rows r, s:

    rows         r1 r2 r3 s1 s2 s3     PyTorch3D's matrix_to_rotation_6d
    columns      c1 c2 c3 d1 d2 d3     Zhou et al. 2019
    interleaved  c1 d1 c2 d2 c3 d3     a 3 x 2 matrix, row by row

Rows and columns are each other's inverse turn, and no number distinguishes them: the reader must be told, and says what
it took. Interleaved numbers are recognised by their lengths: read in the right way the two vectors are orthonormal.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

__all__ = ["axis_angle", "is_interleaved"]

PARALLEL = 1e-6
"""Sine of the angle between two vectors below which they say no more than one."""
ORTHONORMAL = 0.01
"""By which the Gram matrix of two vectors, scaled to a mean length of 1, may differ from that of orthonormal ones."""


def is_interleaved(numbers: Float[np.ndarray, "n 6"]) -> bool:
    """Are these the two columns of a rotation side by side? Most of the frames must say so, and not the contrary."""
    whole = numbers[np.isfinite(numbers).all(1) & (numbers != 0).any(1)]
    if not len(whole):
        return False
    apart, together = _differ(whole[:, 0::2], whole[:, 1::2]), _differ(whole[:, :3], whole[:, 3:])
    return bool(np.median(apart) < ORTHONORMAL < np.median(together))


def axis_angle(numbers: Float[np.ndarray, "n 6"], layout: str, interleaved: bool = False) -> Float[np.ndarray, "n 3"]:
    """Axis-angle of rotations, their two vectors made orthonormal first.

    NaN where the two span no plane, as where a program writes zeros for a frame without a face.

    Arguments:
        layout: `"rows"` or `"columns"`. interleaved: the vectors are columns that stand side by side.

    >>> turn = Rotation.from_rotvec([0.2, 0.0, 0.0]).as_matrix()
    >>> axis_angle(turn[:2].reshape(1, 6), "rows").round(3).tolist()
    [[0.2, 0.0, 0.0]]
    """
    pairs = numbers.reshape(-1, 3, 2).transpose(0, 2, 1) if interleaved else numbers.reshape(-1, 2, 3)
    whole = np.isfinite(numbers).all(1)
    whole[whole] = _span_a_plane(pairs[whole])
    found = np.full((len(numbers), 3), np.nan)
    if whole.any():
        first, second = pairs[whole, 0], pairs[whole, 1]
        first = first / np.linalg.norm(first, axis=1, keepdims=True)
        second = second - (first * second).sum(1, keepdims=True) * first
        second = second / np.linalg.norm(second, axis=1, keepdims=True)
        matrices = np.stack([first, second, np.cross(first, second)], 1 if layout == "rows" and not interleaved else 2)
        found[whole] = Rotation.from_matrix(matrices).as_rotvec()
    return found


def _span_a_plane(pairs: Float[np.ndarray, "n 2 3"]) -> Bool[np.ndarray, " n"]:
    sizes = np.linalg.norm(pairs, axis=2).prod(1)
    return np.linalg.norm(np.cross(pairs[:, 0], pairs[:, 1]), axis=1) > PARALLEL * sizes


def _differ(first: Float[np.ndarray, "n 3"], second: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """How far two vectors are from orthonormal, whatever their common length."""
    lengths = np.stack([(first**2).sum(1), (second**2).sum(1)])
    mean = np.maximum(lengths.mean(0), np.finfo(float).tiny)
    return (np.abs(lengths / mean - 1)).max(0) + np.abs((first * second).sum(1)) / mean
