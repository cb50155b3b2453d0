"""Faces that are small in the picture: YuNet's boxes, and when it is worth looking for them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32

from ..io.assets import asset
from .landmarker import Box, Picture
from .pool import kept

__all__ = ["Search", "SmallFaceBoxes"]

MODEL = "face_detection_yunet_2023mar.onnx"
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 1.0
"""Seconds from a search in vain to the next: at first and, doubled each time, at most."""
MORE_S = 0.5
"""Seconds from a search that found somebody to one for more people."""
COARSE_PX, FINE_PX = 1280, 1920
"""Longer side of the picture that is searched: faces of 27 px, and of 18 px, in the one of the net's own pixels."""
OVERLAP = 0.3
"""Overlap from which two boxes are of one face."""
MOST = 200
"""Boxes before those that overlap are dropped."""


class SmallFaceBoxes:
    """YuNet (Wu, Peng and Yu, 2023), by OpenCV: slower than `landmarker.FaceBoxes`, and sure of faces a tenth as high.

    The boxes depend neither on OpenCV's threads nor on earlier pictures.

    Arguments:
        min_score: Lowest score of a face, in [0, 1].
        model: The ONNX file (default: the project's own copy).
    """

    def __init__(self, min_score: float = 0.4, model: Path | None = None):
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # it warns that it takes no target
        self._net: Any = cv2.FaceDetectorYN.create(str(model or asset(MODEL)), "", (32, 32), min_score, OVERLAP, MOST)
        cv2.utils.logging.setLogLevel(level)

    def __call__(self, rgb: Picture, longer_px: int = FINE_PX) -> list[Box]:
        """Boxes of the faces in the picture, the surest first.

        Arguments:
            longer_px: Longer side of the picture as YuNet gets it, shrunk to that; time grows with its square.
        """
        height, width = rgb.shape[:2]
        shrink = min(1.0, longer_px / max(height, width))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if shrink < 1 else rgb
        self._net.setInputSize(size)
        found = self._net.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        rows = np.empty((0, 15), np.float32) if found is None else found
        boxes = [_box(row, width / size[0], height / size[1]) for row in rows]
        return sorted(boxes, key=lambda box: -box.score)


class Search:
    """Where small faces are, in the frames in which it is time to look.

    While nobody is known, the first search comes at once and those after one in vain 0.25, 0.5 and then every 1.0 s
    later; while somebody is known, a search for more comes every 0.5 s. A clip's first search is fine, and then every
    other one of those in vain; a picture is searched finely.
    """

    def __init__(self, still: bool):
        self._still, self._fine = still, True
        self._held = ExitStack()
        self._boxes: SmallFaceBoxes | None = None
        self._next_s = self._more_s = 0.0
        self._wait_s = FIRST_WAIT_S

    def __enter__(self) -> "Search":
        return self

    def __exit__(self, *error: Any) -> None:
        self._held.__exit__(*error)

    def is_due(self, time_s: float, somebody: bool) -> bool:
        return time_s >= (self._more_s if somebody else self._next_s)

    def __call__(self, rgb: Picture) -> list[Box]:
        self._boxes = self._boxes or self._held.enter_context(kept(SmallFaceBoxes))
        return self._boxes(rgb, FINE_PX if self._fine else COARSE_PX)

    def plan(self, time_s: float, somebody: bool) -> None:
        """When, and how finely, the next search looks, by what came of the one at `time_s`."""
        self._fine = self._still or not (somebody or self._fine)
        if somebody:
            self._more_s, self._wait_s = time_s + MORE_S, FIRST_WAIT_S
        else:
            self._next_s, self._wait_s = time_s + self._wait_s, min(2 * self._wait_s, LONGEST_WAIT_S)


def _box(row: Float32[np.ndarray, "15"], across: float, down: float) -> Box:
    """YuNet's left, top, width, height, five points and score, in the pixels of the picture before it was shrunk."""
    left, top, width, height = row[:4].tolist()
    return Box(left * across, top * down, (left + width) * across, (top + height) * down, float(row[14]))
