"""The fitted head over pictures of a face: who it is from the clip, where it is from the frame, psi from any method."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from ..fitting.benchmark import padded
from ..fitting.estimator import ExpressionEstimator
from ..fitting.placement import HeadPlacer
from ..io.tables import N_LANDMARKS, main_face, read_arrays, read_at, table_schema
from ..morphable.metric import mesh_length
from ..morphable.model import MorphableModel
from ..tracking.sources import read_sources, stills
from .pictures import has_pictures, some_of

__all__ = ["METHODS", "Overlay", "clip_overlays", "frame_overlays"]

METHODS = ("blendshapes_calibrated", "ours")
MOST_FRAMES = 9000
"""Frames of a clip that are looked at, evenly spread, beside those that are shown: all of five minutes."""
WIDTH_PX = 200
"""Width of the cut-out in the figure; finer than this a wireframe looks like noise."""
MARGIN = 0.12
Picture = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Overlay:
    """A frame's face, cut out, and the head that each method puts on it.

    Arguments:
        title: of the frame.
        picture: (h, w, 3) cut-out.
        heads: by method, (V, 3) vertices in pixels of the cut-out, y down, z to the camera.
    """

    title: str
    picture: Picture
    heads: dict[str, Float[np.ndarray, "v 3"]]


def clip_overlays(frames: Path, head: MorphableModel, estimator: ExpressionEstimator) -> list[Overlay]:
    """The most expressive frame of each clip that has pictures and a face in them, or of some of many clips.

    Arguments:
        frames: folder of frames tables.
    """
    found, sources = [], read_sources(frames)
    tables = [table for table in sorted(frames.glob("*.parquet")) if has_pictures(sources, table.stem)]
    for table in some_of(tables):
        if "features" in table_schema(table).names:
            found += list(_overlays(table, sources[table.stem], head, estimator, None))
    return found


def frame_overlays(
    table: Path, path: Path, head: MorphableModel, estimator: ExpressionEstimator, shown: list[int]
) -> list[Overlay]:
    """Chosen frames of one clip.

    Arguments:
        table: frames table of the clip. path: its video or picture.
        shown: frame numbers; those without a face are left out.
    """
    return list(_overlays(table, path, head, estimator, shown))


def _overlays(
    table: Path, path: Path, head: MorphableModel, estimator: ExpressionEstimator, shown: list[int] | None
) -> Iterator[Overlay]:
    key = read_arrays(table, ["frame", "face_id", "detected"])
    own = np.flatnonzero(key["detected"] & (key["face_id"] == main_face(table)))
    if not len(own):
        return
    wanted = own[np.isin(key["frame"][own], shown or [])]
    some = np.union1d(own[:: -(-len(own) // MOST_FRAMES)], wanted)
    rows = read_at(table, some, ["frame", "time_s", "landmarks", "blendshapes", "features"])
    landmarks = rows["landmarks"].reshape(-1, N_LANDMARKS, 3)
    neutral = estimator.neutral_of_clip(landmarks, rows["blendshapes"], rows["features"])
    psi = {
        "blendshapes_calibrated": padded(rows["blendshapes"].astype(float) - neutral.scores.numpy()),
        "ours": estimator.estimate(landmarks, rows["blendshapes"], neutral, rows["features"]).psi.astype(float),
    }
    picked = _most_expressive(psi, head) if shown is None else np.flatnonzero(np.isin(rows["frame"], shown))
    placer = HeadPlacer(head, landmarks)
    placed = {
        name: placer.vertices(placer.fit(landmarks[picked], values[picked]), values[picked])
        for name, values in psi.items()
    }
    pictures = stills(path, rows["frame"][picked].tolist())
    for i, row in enumerate(picked):
        title = table.stem if shown is None else f"{rows['time_s'][row]:.1f} s"
        heads = {name: values[i] for name, values in placed.items()}
        yield _cut(pictures[int(rows["frame"][row])], landmarks[row, :, :2], heads, title)


def _most_expressive(psi: dict[str, Float[np.ndarray, "n 52"]], head: MorphableModel) -> Int[np.ndarray, "1"]:
    """The frame in which the methods together move the face most."""
    metric = head.gram()
    size = sum(mesh_length(np.nan_to_num(x), metric) for x in psi.values())
    return np.array([int(np.argmax(size))])


def _cut(
    picture: Picture, landmarks: Float[np.ndarray, "l 2"], heads: dict[str, Float[np.ndarray, "v 3"]], title: str
) -> Overlay:
    """The face with some room around it, at most WIDTH_PX wide."""
    low, high = landmarks.min(0), landmarks.max(0)
    half = (0.5 + MARGIN) * float((high - low).max())
    corner = np.round((low + high) / 2 - half).astype(int)
    side = round(2 * half)
    size = min(WIDTH_PX, side) if side else 1
    cut = Image.new("RGB", (max(side, 1),) * 2, "white")
    cut.paste(Image.fromarray(picture), (-int(corner[0]), -int(corner[1])))
    small = np.asarray(cut.resize((size, size), Image.Resampling.LANCZOS))
    shift = np.array([*corner, 0.0])
    return Overlay(title, small, {name: (points - shift) * size / side for name, points in heads.items()})
