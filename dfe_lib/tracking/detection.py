"""The faces of each frame, at the speed of following one face for as long as there is only one."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ..io.media import Frame
from .face_graph import FaceGraph
from .head_pose import VIEW_DEG
from .landmarker import Box, Face, FaceBoxes, Picture
from .pool import kept
from .small_faces import Search

__all__ = ["FaceFinder", "FoundFace"]

LOOK_S = 0.5
"""Seconds from one look for several people to the next."""

CROP = 1.5
"""Side of the picture cut out around a face, in sides of its box: room for the detector, little for neighbours."""

SMALL_CROP = 2.0
"""The same around a small face: where it is turned it fills its box less evenly."""

ENLARGED_PX = 384
"""Side of a small face's cut as the landmark graph gets it, about: it samples a small picture coarsely."""


@dataclass(frozen=True)
class FoundFace:
    """A face, the box around its landmarks, and the detector's confidence where the detector was asked (or None)."""

    face: Face
    box: Box
    confidence: float | None


class FaceFinder:
    """Faces of the frames of one clip, frame after frame.

    As MediaPipe's, the graph follows one face, and smooths its landmarks over time. Of several people it would follow
    the one its detector is surest of, not the largest, and it sees none that is small in the picture. So there are
    three ways, from the quickest:

    - One face is followed in the whole frame by the graph, as long as it sees it.
    - From the first frame in which MediaPipe's detector, which looks now and then, sees several people, each is cut
      out by the detector's box and landmarked by itself, unsmoothed.
    - Where the graph sees nobody, small faces are searched for, see :class:`small_faces.Search`. Each is cut out,
      enlarged and landmarked by itself, and in the frames that follow where it was, without a search. As soon as
      MediaPipe's detector sees somebody again, the whole frame is tried first. Where everyone is wanted, they are
      searched for beside large faces as well.

    Arguments:
        still: The clip is a picture.
        everyone: Look at each frame, and count weak detections (score 0.3) as people; otherwise every `LOOK_S`
            and from the 0.5 that FaceLandmarker itself asks for, so that clouds and curtains cost nothing.
    """

    def __init__(self, still: bool, everyone: bool = False):
        self._look_every_s, self._sure = (0.0, 0.3) if everyone else (LOOK_S, 0.5)
        self._everyone = everyone
        self._held = ExitStack()
        self._detector = self._held.enter_context(kept(FaceBoxes, 0.3))
        self._one = self._held.enter_context(FaceGraph(video=not still))
        self._each: FaceGraph | None = None
        self._search = self._held.enter_context(Search(still))
        self._several = False
        self._next_look_s = 0.0
        self._large: list[Box] = []
        self._small: list[Box] = []

    def close(self) -> None:
        self._held.close()

    def __enter__(self) -> "FaceFinder":
        return self

    def __exit__(self, *error: Any) -> None:
        self._held.__exit__(*error)

    def __call__(self, frame: Frame) -> list[FoundFace]:
        large = self._large_faces(frame, self._look(frame))
        small = self._small_faces(frame, large) if self._everyone or not large else []
        self._large, self._small = [each.box for each in large], [each.box for each in small]
        return large + small

    def _look(self, frame: Frame) -> list[Box] | None:
        if not self._several and frame.time_s < self._next_look_s:
            return None
        self._next_look_s = frame.time_s + self._look_every_s
        boxes = self._detector(frame.rgb)
        self._several = self._several or sum(box.score >= self._sure for box in boxes) > 1
        return boxes

    def _large_faces(self, frame: Frame, boxes: list[Box] | None) -> list[FoundFace]:
        if self._small and not self._large and not boxes:
            return []
        return self._one_by_one(frame, boxes or []) if self._several else self._whole(frame, boxes)

    def _small_faces(self, frame: Frame, large: list[FoundFace]) -> list[FoundFace]:
        """Where small ones were in the frame before and, when it is time, wherever the search sees some.

        None of them is a large one again.
        """
        known = self._one_by_one(frame, [], large, small=True) if self._small else []
        if not self._search.is_due(frame.time_s, bool(known)):
            return known
        boxes = [box for box in self._search(frame.rgb) if not any(each.box.holds(box.centre) for each in large)]
        found = self._one_by_one(frame, boxes, large, small=True)
        self._search.plan(frame.time_s, bool(found))
        return found

    def _whole(self, frame: Frame, boxes: list[Box] | None) -> list[FoundFace]:
        faces = self._one(frame.rgb, frame.time_s)
        if faces and boxes is None and not self._large and not self._small:
            boxes = self._detector(frame.rgb)  # a face that is new in the picture gets its confidence
        return [_found(face, boxes or []) for face in faces]

    def _one_by_one(
        self, frame: Frame, boxes: list[Box], others: Sequence[FoundFace] = (), small: bool = False
    ) -> list[FoundFace]:
        # a face that the detector loses for a moment is looked for where it was
        before = self._small if small else self._large
        lost = [old for old in before if not any(old.overlap(box) > 0.2 for box in boxes)]
        found: list[FoundFace] = []
        for box in boxes + lost:
            face = self._cut_out(frame.rgb, box, small)
            if face is not None:
                candidate = _found(face, boxes)
                if not any(candidate.box.overlap(other.box) > 0.4 for other in [*others, *found]):
                    found.append(candidate)
        return found

    def _cut_out(self, rgb: Picture, box: Box, small: bool) -> Face | None:
        # a neighbour may reach into the cut: take several, keep the one in the box
        self._each = self._each or self._held.enter_context(FaceGraph(video=False, faces=3))
        height, width = rgb.shape[:2]
        left, top, right, bottom = _cut(box, height, width, SMALL_CROP if small else CROP)
        cut = rgb[top:bottom, left:right]
        if not cut.size:
            return None
        times = max(1, round(ENLARGED_PX / max(cut.shape[:2]))) if small else 1
        faces = [_shrunk(face, times) for face in self._each(_enlarged(cut, times))]
        faces = [_moved(face, left, top, cut.shape, rgb.shape) for face in faces]
        faces = [face for face in faces if box.holds(Box.around(face.landmarks).centre)]
        return min(faces, key=lambda face: _distance(Box.around(face.landmarks), box), default=None)


def _found(face: Face, boxes: list[Box]) -> FoundFace:
    around = Box.around(face.landmarks)
    scores = [box.score for box in boxes if box.holds(around.centre)]
    return FoundFace(face, around, max(scores, default=None))


def _cut(box: Box, height: int, width: int, crop: float) -> tuple[int, int, int, int]:
    half = crop * max(box.x1 - box.x0, box.y1 - box.y0) / 2
    x, y = box.centre
    return (
        max(0, round(x - half)),
        max(0, round(y - half)),
        min(width, round(x + half)),
        min(height, round(y + half)),
    )


def _enlarged(rgb: np.ndarray, times: int) -> np.ndarray:
    return cv2.resize(rgb, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC) if times > 1 else rgb


def _shrunk(face: Face, times: int) -> Face:
    """The face in the pixels of the picture before it was enlarged; its pose is the same, as the view is."""
    return replace(face, landmarks=face.landmarks / np.float32(times)) if times > 1 else face


def _moved(face: Face, left: int, top: int, cut: tuple[int, ...], whole: tuple[int, ...]) -> Face:
    """The face of a cut in the pixels and, for the whole picture's camera, the millimetres of the whole.

    The camera's vertical view is MediaPipe's constant, so a lower picture counts as a shorter lens, and the same face
    as nearer. The rotation stays as seen in the cut: towards the border of the picture it differs by a few degrees.
    """
    focal_px = whole[0] / 2 / np.tan(np.radians(VIEW_DEG / 2))
    x, y, z = face.translation_mm.astype(float)
    z_whole = z * whole[0] / cut[0]
    # the cut's centre as seen from the whole's, both y up; z is negative in front of the camera
    across, up = left + cut[1] / 2 - whole[1] / 2, whole[0] / 2 - (top + cut[0] / 2)
    translation = [x - across * z_whole / focal_px, y - up * z_whole / focal_px, z_whole]
    return replace(
        face,
        landmarks=face.landmarks + np.array([left, top, 0], np.float32),
        translation_mm=np.array(translation, np.float32),
    )


def _distance(one: Box, other: Box) -> float:
    return float(np.hypot(*np.subtract(one.centre, other.centre)))
