"""478 landmarks, 51 blendshape scores and the head pose of each face in a picture, by MediaPipe."""

import ctypes
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import mediapipe as mp
import numpy as np
from jaxtyping import Float32, UInt8
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.vision.face_landmarker import MpFaceLandmarkerResultC

from ..blendshapes import BLENDSHAPES
from ..io.assets import asset
from .quiet import QUIET

__all__ = ["ArrayLandmarker", "Box", "Face", "FaceBoxes", "FaceLandmarks", "RawFace"]

Own = TypeVar("Own")
Real = float | int
Picture = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Face:
    """One face in one picture.

    Arguments:
        landmarks: x and y in pixels of the picture (x right, y down); z in pixels, smaller is nearer, relative.
        blendshapes: Scores in [0, 1], in the order of `names.BLENDSHAPES`.
        rotation: Of the head towards the camera's axes (x right, y up, z to the camera).
        translation_mm: Of the head, for a camera with MediaPipe's 63 degrees of vertical view.
        features: Of the landmark network, see `landmark_network.sample_features`; :class:`FaceLandmarks` gives none.
    """

    landmarks: Float32[np.ndarray, "478 3"]
    blendshapes: Float32[np.ndarray, "51"]
    rotation: Float32[np.ndarray, "3 3"]
    translation_mm: Float32[np.ndarray, "3"]
    features: Float32[np.ndarray, "6144"] | None = None


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels around a face.

    Arguments:
        score: The detector's confidence in it, in [0, 1].
        tilt: Of the line from the right eye to the left, in radians from x towards y, where the detector saw the eyes.
    """

    x0: Real
    y0: Real
    x1: Real
    y1: Real
    score: Real = 1.0
    tilt: float = 0.0

    @classmethod
    def around(cls, landmarks: Float32[np.ndarray, "478 3"], score: float = 1.0) -> "Box":
        (x0, y0), (x1, y1) = landmarks[:, :2].min(axis=0).tolist(), landmarks[:, :2].max(axis=0).tolist()
        return cls(x0, y0, x1, y1, score)

    @property
    def centre(self) -> tuple[Real, Real]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def size(self) -> float:
        """Side of the square of the same area, in pixels."""
        return ((self.x1 - self.x0) * (self.y1 - self.y0)) ** 0.5

    def holds(self, point: tuple[Real, Real]) -> bool:
        return self.x0 <= point[0] <= self.x1 and self.y0 <= point[1] <= self.y1

    def overlap(self, other: "Box") -> float:
        """Area of the intersection over area of the union.

        >>> Box(0, 0, 2, 2).overlap(Box(1, 0, 3, 2))
        0.3333333333333333
        """
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        shared = max(0.0, width) * max(0.0, height)
        return shared / (self.size**2 + other.size**2 - shared) if shared else 0.0


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


class _Task:
    """A MediaPipe task that is closed by name: left to its `__del__`, it complains when Python exits."""

    def __init__(self, create: Callable[[], Any]):
        with QUIET:
            self._task = create()

    def close(self) -> None:
        with QUIET:
            self._task.close()

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FaceLandmarks(_Task):
    """MediaPipe's FaceLandmarker. It gives no confidence: :class:`FaceBoxes` does.

    Arguments:
        video: Follow the face from frame to frame (MediaPipe then smooths over time, for one face only) instead of
            taking each picture by itself.
        faces: Most faces looked for; following several is slower, since MediaPipe detects again in each frame in
            which it follows fewer.
        model: The `face_landmarker.task` file (default: the project's own copy).
    """

    def __init__(self, video: bool, faces: int = 1, model: Path | None = None):
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model or asset("face_landmarker.task"))),
            running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
            num_faces=faces,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        super().__init__(lambda: ArrayLandmarker(options))
        self._video = video
        self._last_ms = -1

    def __call__(self, rgb: Picture, time_s: float = 0.0) -> list[Face]:
        """Faces in the picture; `time_s` must not fall from frame to frame."""
        image = mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(rgb))
        # whole milliseconds that must rise, while real frames may be closer together or share a time
        self._last_ms = max(round(1000 * time_s), self._last_ms + 1)
        with QUIET:  # where memory happens to lie badly, the first picture brings a warning
            found = self._task.detect_for_video(image, self._last_ms) if self._video else self._task.detect(image)
        height, width = rgb.shape[:2]
        return [_face(raw, width, height) for raw in found]


class FaceBoxes(_Task):
    """MediaPipe's short-range face detector, taken from the landmark model's own bundle: quick, and it gives scores.

    Arguments:
        min_score: Lowest score of a face. FaceLandmarker asks for 0.5; people in a group picture score down to 0.33.
        model: The `face_landmarker.task` file (default: the project's own copy).
    """

    def __init__(self, min_score: float = 0.3, model: Path | None = None):
        with zipfile.ZipFile(model or asset("face_landmarker.task")) as bundle:
            detector = bundle.read("face_detector.tflite")
        options = vision.FaceDetectorOptions(
            base_options=BaseOptions(model_asset_buffer=detector), min_detection_confidence=min_score
        )
        super().__init__(lambda: vision.FaceDetector.create_from_options(options))

    def __call__(self, rgb: Picture) -> list[Box]:
        """Boxes of the faces in the picture, the surest first."""
        image = mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(rgb))
        with QUIET:  # it has something to say about its first picture, too
            found = self._task.detect(image).detections
        return [_box(each, *rgb.shape[:2]) for each in found]


def _face(raw: RawFace, width: int, height: int) -> Face:
    if raw.names != ("_neutral", *BLENDSHAPES):
        raise RuntimeError("the landmark model scores other blendshapes than dfe_lib.blendshapes.BLENDSHAPES")
    return Face(
        # z is in units of the picture's width, as x is
        landmarks=raw.landmarks * np.array([width, height, width], np.float32),
        blendshapes=raw.scores[1:],
        rotation=np.ascontiguousarray(raw.pose[:3, :3]),
        translation_mm=10 * raw.pose[:3, 3],
    )


def _box(found: Any, height: int, width: int) -> Box:
    box, (right_eye, left_eye) = found.bounding_box, found.keypoints[:2]
    return Box(
        box.origin_x,
        box.origin_y,
        box.origin_x + box.width,
        box.origin_y + box.height,
        found.categories[0].score,
        math.atan2(height * (left_eye.y - right_eye.y), width * (left_eye.x - right_eye.x)),
    )
