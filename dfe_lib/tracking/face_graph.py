"""FaceLandmarker rebuilt from its own networks, so that a face comes with the landmark network's features."""

from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from .blendshape_network import BlendshapeNetwork
from .head_pose import HeadPose
from .landmark_network import (
    SCALE,
    LandmarkNetwork,
    Reading,
    crop_matrix,
    crop_of,
    cut_out,
    in_picture,
    sample_features,
)
from .landmarker import Box, Face, FaceBoxes, Picture
from .one_euro import OneEuro
from .pool import kept

__all__ = ["FaceGraph"]

SURE = 0.5
"""Score of a detection, and presence of a face in its crop, from which FaceLandmarker takes it for one."""


class _Seen(NamedTuple):
    """Landmarks in pixels of the picture, unsmoothed, and features."""

    points: Float[np.ndarray, "478 3"]
    features: Float32[np.ndarray, "6144"]


class FaceGraph:
    """Does what `landmarker.FaceLandmarks` does, and gives the features of each face.

    Features are always read from the crop around a face's landmarks. Where those come from a detection, whose crop
    lies otherwise, the face is read twice.

    Arguments:
        video: Follow one face from frame to frame and smooth it over time, instead of taking each picture by itself.
        faces: Most faces of a picture; one is followed.
    """

    def __init__(self, video: bool, faces: int = 1):
        self._video, self._faces = video, faces
        self._held, self._pose = ExitStack(), HeadPose()
        self._detector = self._held.enter_context(kept(FaceBoxes, SURE))
        self._network = self._held.enter_context(kept(LandmarkNetwork))
        self._score = self._held.enter_context(kept(BlendshapeNetwork))
        self._smooth = OneEuro()
        self._before: _Seen | None = None
        self._last_ms = -1

    def __enter__(self) -> "FaceGraph":
        return self

    def __exit__(self, *error: Any) -> None:
        self._held.__exit__(*error)

    def __call__(self, rgb: Picture, time_s: float = 0.0) -> list[Face]:
        """Faces in the picture; `time_s` must not fall from frame to frame."""
        if self._video:
            return self._follow(rgb, time_s)
        return [self._face(rgb, seen) for seen in self._detected(rgb, self._faces)]

    def _follow(self, rgb: Picture, time_s: float) -> list[Face]:
        self._last_ms = max(round(1000 * time_s), self._last_ms + 1)  # as in `FaceLandmarks`
        self._before = self._again(rgb, self._before.points) if self._before else self._first(rgb)
        if self._before is None:
            self._smooth.forget()
            return []
        smooth = self._smooth(self._before.points, self._last_ms)
        return [self._face(rgb, self._before._replace(points=smooth))]

    def _first(self, rgb: Picture) -> _Seen | None:
        return next(iter(self._detected(rgb, 1)), None)

    def _again(self, rgb: Picture, before: Float[np.ndarray, "478 3"]) -> _Seen | None:
        """The face where it was in the frame before, if it is still there."""
        crop, matrix = crop_of(rgb, before)
        reading = self._network(crop)
        if reading.presence <= SURE:
            return None
        return _seen(reading, in_picture(reading.landmarks, matrix, *rgb.shape[:2]))

    def _detected(self, rgb: Picture, most: int) -> list[_Seen]:
        found = []
        for box in self._detector(rgb)[:most]:
            matrix = _box_crop(box)
            reading = self._network(cut_out(rgb, matrix))
            if reading.presence > SURE:
                points = in_picture(reading.landmarks, matrix, *rgb.shape[:2])
                crop, _ = crop_of(rgb, points)
                found.append(_seen(self._network(crop), points))
        return found

    def _face(self, rgb: Picture, seen: _Seen) -> Face:
        rotation, translation_mm = self._pose(seen.points, *rgb.shape[:2])
        return Face(seen.points.astype(np.float32), self._score(seen.points), rotation, translation_mm, seen.features)


def _seen(reading: Reading, points: Float[np.ndarray, "478 3"]) -> _Seen:
    return _Seen(points, sample_features(reading.maps, reading.landmarks))


def _box_crop(box: Box) -> Float[np.ndarray, "2 3"]:
    """FaceLandmarker's crop around a detection."""
    return crop_matrix(np.array(box.centre), SCALE * max(box.x1 - box.x0, box.y1 - box.y0), box.tilt)
