"""Faces of frames to rows of the frames table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..blendshapes import BLENDSHAPES
from ..io.media import Frame
from ..io.tables import N_FEATURES, N_LANDMARKS
from .detection import FoundFace
from .feature_axes import kept_features

__all__ = ["FaceRows"]

EYE_CORNERS = (33, 263)
"""Outer corners of the right and the left eye in FaceLandmarker's numbering."""


class FaceRows:
    """Rows of the frames table on their way to it, and what they count up to.

    Arguments:
        key: clip_id and subject_id of all of them.
    """

    def __init__(self, key: Mapping[str, str]):
        self._key = dict(key)
        self._rows: list[dict[str, Any]] = []
        self.frames = self.frames_with_face = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, frame: Frame, found: list[FoundFace], ids: list[int]) -> None:
        height, width = frame.rgb.shape[:2]
        where = {"frame": frame.index, "time_s": frame.time_s, "width": width, "height": height}
        people = sorted(zip(ids, found, strict=True), key=lambda pair: pair[0])
        self._rows += [where | _face_columns(face_id, each, width, height) for face_id, each in people]
        if not people:
            self._rows.append(where | _no_face())
        self.frames += 1
        self.frames_with_face += bool(people)

    def take(self) -> dict[str, Any]:
        """The rows so far, as columns; they are let go."""
        columns: dict[str, Any] = {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
        self._rows = []
        return self._key | columns


def _face_columns(face_id: int, found: FoundFace, width: int, height: int) -> dict[str, Any]:
    face = found.face
    x, y = face.landmarks[:, 0], face.landmarks[:, 1]
    right, left = face.landmarks[list(EYE_CORNERS), :2]
    return {
        "face_id": face_id,
        "detected": True,
        "confidence": np.nan if found.confidence is None else found.confidence,
        "landmarks": face.landmarks.ravel(),
        "blendshapes": face.blendshapes,
        "features": kept_features(face),
        "rotation": face.rotation.ravel(),
        "translation_mm": face.translation_mm,
        "interocular_px": np.linalg.norm(right - left),
        "out_of_frame": ((x < 0) | (x >= width) | (y < 0) | (y >= height)).mean(),
    }


def _no_face() -> dict[str, Any]:
    return {
        "face_id": -1,
        "detected": False,
        "confidence": np.nan,
        "landmarks": np.full(3 * N_LANDMARKS, np.nan, np.float32),
        "blendshapes": np.full(len(BLENDSHAPES), np.nan, np.float32),
        "features": np.full(N_FEATURES, np.nan, np.float16),
        "rotation": np.full(9, np.nan, np.float32),
        "translation_mm": np.full(3, np.nan, np.float32),
        "interocular_px": np.nan,
        "out_of_frame": np.nan,
    }
