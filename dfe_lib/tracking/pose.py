"""Head pose as angles."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

__all__ = ["pose_degrees"]


def pose_degrees(rotation: Float[np.ndarray, "n 9"]) -> Float[np.ndarray, "n 3"]:
    """Yaw, pitch and roll in degrees, as `rendering.turn` takes them; NaN where the pose is not known.

    Yaw > 0 turns to the person's left, pitch > 0 nods down, roll > 0 tilts towards the person's right shoulder.

    Arguments:
        rotation: of the head towards the camera's axes (x right, y up, z to the camera), row by row.

    >>> pose_degrees(np.eye(3).reshape(1, 9)).tolist()
    [[0.0, 0.0, 0.0]]
    """
    turns, known = np.full((len(rotation), 3), np.nan), np.isfinite(rotation).all(1)
    if known.any():
        turns[known] = Rotation.from_matrix(rotation[known].reshape(-1, 3, 3)).as_euler("YXZ", degrees=True)
    return turns
