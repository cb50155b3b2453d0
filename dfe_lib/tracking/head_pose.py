"""Where the head is and how it is turned, from its landmarks: MediaPipe's face geometry."""

from functools import cache
from typing import Any

import numpy as np
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet
from jaxtyping import Float, Float32

from .networks import bundled

__all__ = ["VIEW_DEG", "HeadPose", "canonical_face"]

VIEW_DEG = 63.0
"""Vertical angle of view that MediaPipe assumes of every camera."""
SURFACE = 468
"""Landmarks of the face's surface; those of the irises follow."""


class HeadPose:
    """The similarity from MediaPipe's canonical face to a face's landmarks, over 33 landmarks that hardly move.

    The landmarks lie on a plane at 1 cm; how much larger the canonical face is says how far behind it the face lies.
    Unprojected to there, its size is found once more, and then its pose (MediaPipe, geometry_pipeline.cc).
    """

    def __init__(self) -> None:
        self._used, self._weights, vertices = canonical_face()
        canonical = vertices[self._used]
        self._middle = self._weights @ canonical
        self._lever = self._weights[:, None] * (canonical - self._middle)
        self._spread = (self._lever * canonical).sum()

    def __call__(
        self, landmarks: Float[np.ndarray, "478 3"], height: int, width: int
    ) -> tuple[Float32[np.ndarray, "3 3"], Float32[np.ndarray, "3"]]:
        """Rotation towards the camera's axes (x right, y up, z to the camera), and translation in mm.

        Arguments:
            landmarks: In pixels of a picture of this height and width.
        """
        cm = 2 * np.tan(np.radians(VIEW_DEG / 2)) / height
        x, y, z = (cm * (landmarks[self._used] - [width / 2, height / 2, landmarks[:SURFACE, 2].mean()])).T
        larger, *_ = self._fit(np.stack([x, -y, -z], axis=1))
        for _ in range(2):
            depth = (z + 1) / larger
            scale, turn, place = self._fit(np.stack([x * depth, -y * depth, -depth], axis=1))
            larger *= scale
        return turn.astype(np.float32), (10 * place).astype(np.float32)

    def _fit(self, points: Float[np.ndarray, "33 3"]) -> tuple[float, Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
        """Scale, rotation and translation of the canonical face that bring it nearest to the points."""
        left, _, right = np.linalg.svd(points.T @ self._lever)
        left[:, 2] *= np.linalg.det(left) * np.linalg.det(right)  # a turn, no reflection
        turn = left @ right
        scale = float((points * (self._lever @ turn.T)).sum() / self._spread)
        return scale, turn, self._weights @ points - scale * turn @ self._middle


@cache
def canonical_face() -> tuple[list[int], Float[np.ndarray, "33"], Float[np.ndarray, "468 3"]]:
    """Numbers of the landmarks that the pose is taken from, their weights (sum 1), and all vertices in cm."""
    fields = _fields(bundled("geometry_pipeline_metadata_landmarks.binarypb"))
    (mesh,) = [value for number, value in fields if number == 1]
    vertices = _floats([value for number, value in _fields(mesh) if number == 3]).reshape(-1, 5)[:, :3]
    basis = [dict(_fields(value)) for number, value in fields if number == 2]
    weights = _floats([each[2] for each in basis])
    return [each[1] for each in basis], weights / weights.sum(), vertices


def _fields(message: bytes) -> list[tuple[int, Any]]:
    """Numbers and values of a protobuf message whose schema MediaPipe does not ship."""
    return [(field.field_number, field.data) for field in UnknownFieldSet(Empty.FromString(message))]


def _floats(values: list[int]) -> Float[np.ndarray, " n"]:
    return np.array(values, np.uint32).view(np.float32).astype(float)
