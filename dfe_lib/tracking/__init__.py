"""Faces found and followed: media and the files of other programs to frames tables.

In come clips; out goes one Parquet table a clip with a row a frame and face: 478 or 68 landmarks in pixels, blendshape
scores in [0, 1], head pose (rotation matrix, translation in mm), time in seconds. A frame without a face is a row.
"""

from .crops import clip_crops
from .extraction import extract_clip, extract_clips
from .face_graph import FaceGraph
from .inspection import inspect_file
from .landmarker import FaceBoxes, FaceLandmarks
from .many_clips import take_clips
from .sources import find_sources, read_sources, stills, write_sources

__all__ = [
    "FaceBoxes",
    "FaceGraph",
    "FaceLandmarks",
    "clip_crops",
    "extract_clip",
    "extract_clips",
    "find_sources",
    "inspect_file",
    "read_sources",
    "stills",
    "take_clips",
    "write_sources",
]
