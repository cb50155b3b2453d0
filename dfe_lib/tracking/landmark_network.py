"""MediaPipe's landmark network by itself: a crop of a face to 478 landmarks, a presence and the network's features.

The crop is a square around the landmarks, turned so that the outer corners of the eyes are level. A point of a crop,
a picture or a map is counted as MediaPipe does: the left edge of a crop lies at x = 0 and is its first column.
"""

import math
import struct
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from jaxtyping import Float, Float32, UInt8

from .networks import bundled, network

__all__ = ["CROP_PX", "FEATURE_LANDMARKS", "Crop", "LandmarkNetwork", "crop_of", "sample_features"]

CROP_PX = 256
"""Side of the crop, which the network takes in no other size."""
SCALE = 1.5
"""Side of the crop in longer sides of the box around the landmarks."""
EYE_CORNERS = 33, 263
"""Outer corners of the right and the left eye."""
FEATURE_MAPS = 345, 377
"""Tensors of the network after its third and its fourth halving: 32 x 32 x 64 and 16 x 16 x 128."""
FEATURE_LANDMARKS = (
    *(70, 300, 105, 334, 107, 336),  # brows: outer end, arch, inner end
    *(33, 263, 159, 386, 145, 374, 133, 362),  # eyes: outer corner, upper lid, lower lid, inner corner
    *(50, 280, 187, 411, 205, 425),  # cheeks: bone, hollow, beside the nasolabial fold
    *(129, 358),  # wings of the nose
    *(40, 270, 61, 291, 91, 321),  # mouth: upper lip, corner, lower lip
    *(9, 0, 17, 199),  # middle: between the brows, upper lip, lower lip, chin
)
"""Landmarks at which the maps are read: right and left in turn, then those of the middle."""

Crop = UInt8[np.ndarray, "256 256 3"]


class Reading(NamedTuple):
    """What the network says of a crop.

    Arguments:
        landmarks: x and y in pixels of the crop; z in the same, smaller is nearer, relative.
        presence: Of a face, in [0, 1].
        maps: Of features, fine and coarse: row, column, channel.
    """

    landmarks: Float32[np.ndarray, "478 3"]
    presence: float
    maps: tuple[Float32[np.ndarray, "32 32 64"], Float32[np.ndarray, "16 16 128"]]


class LandmarkNetwork:
    """The landmark network of `face_landmarker.task`, in one thread.

    Its feature maps are made outputs in memory; the file stays as it is.
    """

    def __init__(self) -> None:
        self._net = network(_model())
        self._input = self._net.get_input_details()[0]["index"]
        self._outputs = [each["index"] for each in self._net.get_output_details()]

    def __call__(self, crop: Crop) -> Reading:
        self._net.set_tensor(self._input, crop[None] * np.float32(1 / 255))
        self._net.invoke()
        points, presence, _, fine, coarse = (self._net.get_tensor(each) for each in self._outputs)
        return Reading(points.reshape(478, 3), 1 / (1 + math.exp(-float(presence.item()))), (fine[0], coarse[0]))


def crop_of(
    rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float[np.ndarray, "478 _"]
) -> tuple[Crop, Float[np.ndarray, "2 3"]]:
    """The network's crop around a face, and the matrix from (x, y, 1) in the picture to (x, y) in the crop.

    Outside the picture its border is repeated, as in MediaPipe.

    Arguments:
        rgb: The picture.
        landmarks: x and y in its pixels; further columns are not looked at.
    """
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    across, down = (landmarks[EYE_CORNERS[1], :2] - landmarks[EYE_CORNERS[0], :2]).tolist()
    matrix = crop_matrix((low + high) / 2, SCALE * float((high - low).max()), math.atan2(down, across))
    return cut_out(rgb, matrix), matrix


def crop_matrix(centre: Float[np.ndarray, "2"], side: float, angle: float) -> Float[np.ndarray, "2 3"]:
    """From the picture to the crop of a square of `side` pixels around `centre`, turned by `angle` (x towards y)."""
    cos, sin = (CROP_PX / side) * np.array([math.cos(angle), math.sin(angle)])
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.hstack([turn, (CROP_PX / 2 - turn @ centre)[:, None]])


def cut_out(rgb: UInt8[np.ndarray, "height width 3"], matrix: Float[np.ndarray, "2 3"]) -> Crop:
    size = CROP_PX, CROP_PX
    return cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def in_picture(
    landmarks: Float[np.ndarray, "478 3"], matrix: Float[np.ndarray, "2 3"], height: int, width: int
) -> Float[np.ndarray, "478 3"]:
    """Landmarks of a crop in pixels of the picture that it was cut from by the matrix.

    Depth is scaled as MediaPipe does it, by the crop's side in a picture made square: a little more or less where
    the head is tilted (landmark_projection_calculator.cc).
    """
    turn, (cos, sin) = matrix[:, :2], matrix[0, :2]
    depth = landmarks[:, 2:] * math.hypot(cos, sin * width / height) / (cos**2 + sin**2)
    return np.hstack([(landmarks[:, :2] - matrix[:, 2]) @ turn / (cos**2 + sin**2), depth])


def sample_features(
    maps: tuple[Float32[np.ndarray, "32 32 64"], Float32[np.ndarray, "16 16 128"]],
    landmarks_in_crop: Float[np.ndarray, "478 _"],
) -> Float32[np.ndarray, "6144"]:
    """The maps at :data:`FEATURE_LANDMARKS`, bilinear: of each landmark in turn 64 fine and 128 coarse features."""
    points = landmarks_in_crop[list(FEATURE_LANDMARKS), :2]
    return np.concatenate([_bilinear(each, points) for each in maps], axis=1).ravel()


def _bilinear(values: Float32[np.ndarray, "s s c"], points: Float[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n c"]:
    """Values at points of the crop. The network halves from its left and upper edge: cell i is centred on i + 1/2."""
    last = len(values) - 1
    x, y = np.clip(points.T.astype(np.float32) * (len(values) / CROP_PX) - 0.5, 0, last)
    left, top = np.minimum(x.astype(int), last - 1), np.minimum(y.astype(int), last - 1)
    right, low = (x - left.astype(np.float32))[:, None], (y - top.astype(np.float32))[:, None]
    upper = values[top, left] * (1 - right) + values[top, left + 1] * right
    lower = values[top + 1, left] * (1 - right) + values[top + 1, left + 1] * right
    return upper * (1 - low) + lower * low


@cache
def _model() -> bytes:
    return with_outputs(bundled("face_landmarks_detector.tflite"), FEATURE_MAPS)


def with_outputs(model: bytes, tensors: tuple[int, ...]) -> bytes:
    """The TensorFlow Lite model with more outputs: a new list at the file's end, to which its graph then points."""
    graph = schema.Model.GetRootAs(model).Subgraphs(0)
    field = graph._tab.Pos + graph._tab.Offset(8)  # SubGraph.outputs, the third field of the schema
    outputs = [*graph.OutputsAsNumpy().tolist(), *tensors]
    edited = bytearray(model + bytes(-len(model) % 4))
    struct.pack_into("<I", edited, field, len(edited) - field)
    return bytes(edited + struct.pack(f"<{1 + len(outputs)}i", len(outputs), *outputs))
