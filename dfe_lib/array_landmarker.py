"""MediaPipe's FaceLandmarker with results as arrays.

MediaPipe turns each of a frame's 478 landmarks and 52 scores into a Python object, which takes its time. Here its C
structures are read as arrays instead. That leans on MediaPipe's private ctypes layer, so its version is pinned and a
test holds the results against those of the public call.
"""

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

os.environ.setdefault("GLOG_minloglevel", "3")  # read when mediapipe is imported

import mediapipe as mp
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.vision.face_landmarker import MpFaceLandmarkerResultC

__all__ = ["ArrayLandmarker", "RawFace"]


@dataclass(frozen=True)
class RawFace:
    """A face as MediaPipe gives it: x and y as shares of the picture, all its scores with their names, its pose."""

    landmarks: Float32[np.ndarray, "l 3"]
    scores: Float32[np.ndarray, " s"]
    names: tuple[str, ...]
    pose: Float32[np.ndarray, "4 4"]


class ArrayLandmarker:
    """A FaceLandmarker; `detect` and `detect_for_video` return one :class:`RawFace` for each face."""

    def __init__(self, options: vision.FaceLandmarkerOptions) -> None:
        self._task = vision.FaceLandmarker.create_from_options(options)

    def detect(self, image: mp.Image) -> list[RawFace]:
        return self._faces(self._task._lib.MpFaceLandmarkerDetectImage, image)

    def detect_for_video(self, image: mp.Image, timestamp_ms: int) -> list[RawFace]:
        return self._faces(self._task._lib.MpFaceLandmarkerDetectForVideo, image, timestamp_ms)

    def close(self) -> None:
        self._task.close()

    def _faces(self, detect: Callable, image: mp.Image, *when: int) -> list[RawFace]:
        """Copies of all faces; the C memory is given back."""
        result = MpFaceLandmarkerResultC()
        detect(self._task._handle, image._image_ptr, None, *when, ctypes.byref(result))
        try:
            return [_raw_face(result, i) for i in range(result.face_landmarks_count)]
        finally:
            self._task._lib.MpFaceLandmarkerCloseResult(ctypes.byref(result))


def _raw_face(result: MpFaceLandmarkerResultC, i: int) -> RawFace:
    marks, scores = result.face_landmarks[i], result.face_blendshapes[i]
    return RawFace(
        landmarks=_words(marks.landmarks, marks.landmarks_count)[:, :3].copy(),
        scores=_words(scores.categories, scores.categories_count)[:, 1].copy(),
        names=tuple(scores.categories[k].category_name.decode() for k in range(scores.categories_count)),
        pose=result.facial_transformation_matrixes[i].to_numpy().astype(np.float32),
    )


def _words(structures: "ctypes._Pointer", count: int) -> Float32[np.ndarray, "n w"]:
    """The memory of C structures as 32-bit floats, a row each: a landmark starts x, y, z; a score is its second."""
    size = ctypes.sizeof(structures._type_)
    memory = ctypes.cast(structures, ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(memory, (count, size // ctypes.sizeof(ctypes.c_float)))
