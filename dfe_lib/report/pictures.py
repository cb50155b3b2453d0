"""What a figure of a clip shows where there is no picture of it: landmarks alone, rendered heads, or the numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure

from ..blendshapes import ACTIONS
from ..errors import UserError
from ..io.assets import may_be_shown
from ..io.media import PICTURES, VIDEOS
from ..io.tables import N_LANDMARKS, main_face, read_arrays, read_at, table_schema
from ..morphable.model import MorphableModel
from ..tracking.formats.flame_codes import EYELIDS, JAW
from ..tracking.sources import read_sources, stills
from .drawing import drawn_heads, face_crop

__all__ = [
    "clip_pictures",
    "clip_to_show",
    "example_displays",
    "frames_to_show",
    "has_pictures",
    "middle_frames",
    "some_of",
    "template_map",
]

Picture = UInt8[np.ndarray, "h w 3"]
MARGIN = 0.15
CANVAS_PX = 320
SHOWN = ("jawOpen", "mouthSmileLeft", "browInnerUp", "eyeBlinkLeft", "cheekPuff", "mouthPucker", "noseSneerRight")
CODE_STEP, JAW_STEP = 2.0, 0.3
"""Two standard deviations of a code, and radians of the jaw: a display that a person can see (our choice)."""


def has_pictures(sources: Mapping[str, Path], clip: str) -> bool:
    """Is there a video or picture behind this clip, rather than another program's file, that may be shown?"""
    return clip in sources and sources[clip].suffix.lower() in VIDEOS + PICTURES and may_be_shown(sources[clip])


def middle_frames(
    frames: Path, sources: Mapping[str, Path], clips: Sequence[str]
) -> tuple[dict[str, Picture], dict[str, Float[np.ndarray, "l 2"] | None]]:
    """A picture of the middle of each clip, and its landmarks on it; None without a face.

    A clip of landmarks alone gets them on an empty picture; one of action units or codes alone is left out.
    """
    pictures: dict[str, Picture] = {}
    landmarks: dict[str, np.ndarray | None] = {}
    for clip in clips:
        path = frames / f"{clip}.parquet"
        if "landmarks" not in table_schema(path).names:
            continue
        rows = read_arrays(path, ["frame", "detected"])
        shown = rows["detected"].nonzero()[0] if rows["detected"].any() else np.arange(len(rows["frame"]))
        row = shown[len(shown) // 2]
        flat = read_at(path, np.array([row]), ["landmarks"])["landmarks"][0]
        points = flat.reshape(N_LANDMARKS, 3) if len(flat) == 3 * N_LANDMARKS else flat.reshape(-1, 2)
        marks = points[:, :2] if rows["detected"][row] else None
        if has_pictures(sources, clip):
            frame = int(rows["frame"][row])
            pictures[clip], landmarks[clip] = stills(sources[clip], [frame])[frame], marks
        elif marks is not None:
            pictures[clip], landmarks[clip] = _canvas(marks)
    return pictures, landmarks


def clip_pictures(
    frames: Path, expressions: Path, clip: str, count: int, head: MorphableModel | None
) -> tuple[list[Picture], Float[np.ndarray, " n"]]:
    """Faces of a clip, evenly spread over its frames with a face, and their times in seconds.

    The head stands in where the clip came without pictures; without a head there are none.

    Arguments:
        frames, expressions: folders of the run's tables.
        count: of pictures.
    """
    rows = read_arrays(expressions / f"{clip}.parquet", ["frame", "time_s", "psi", "valid"])
    valid = np.flatnonzero(rows["valid"].astype(bool))
    picked = valid[np.linspace(0, len(valid) - 1, count + 2).astype(int)[1:-1]]
    sources = read_sources(frames)
    if has_pictures(sources, clip):
        flat = read_at(frames / f"{clip}.parquet", picked, ["landmarks"])["landmarks"]
        marks, frame = flat.reshape(-1, N_LANDMARKS, 3), rows["frame"][picked].tolist()
        found = stills(sources[clip], frame)
        crops = [face_crop(found[number], points)[0] for number, points in zip(frame, marks, strict=True)]
        return crops, rows["time_s"][picked]
    if head is None:
        return [], rows["time_s"][:0]
    return drawn_heads(head, rows["psi"][picked]), rows["time_s"][picked]


def example_displays(names: Sequence[str]) -> tuple[Float[np.ndarray, "k e"], list[str]]:
    """Some displays of a space and their titles: facial actions at full strength, or FLAME's codes at a visible one.

    >>> example_displays(["exp1", "exp2", "jawX", "jawY", "jawZ"])[1]
    ['exp1 +2', 'exp2 +2', 'jawX +0.3']
    """
    if tuple(names) == ACTIONS:
        steps = dict.fromkeys(SHOWN, 1.0)
    else:
        steps = {name: CODE_STEP for name in names if name not in (*JAW, *EYELIDS)}
        steps = dict(list(steps.items())[:5])
        steps |= {name: step for name, step in ((JAW[0], JAW_STEP), (EYELIDS[0], 1.0)) if name in names}
    rows = [step * np.eye(len(names))[list(names).index(name)] for name, step in steps.items()]
    return np.stack(rows), [f"{name} {step:+g}" for name, step in steps.items()]


def template_map(templates: Float[np.ndarray, "k e"], names: Sequence[str], titles: Sequence[str]) -> Figure:
    """What each token adds to each coefficient, where there is no head to show it on."""
    figure, axis = plt.subplots(figsize=(9, 0.16 * len(templates) + 1.6), layout="constrained")
    limit = float(np.abs(templates).max()) or 1.0
    mesh = axis.pcolormesh(templates, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_yticks(np.arange(len(titles)) + 0.5, titles, fontsize=6)
    ticks = range(0, len(names), max(1, len(names) // 20))
    axis.set_xticks(np.array(ticks) + 0.5, [names[i] for i in ticks], fontsize=7, rotation=90)
    axis.invert_yaxis()
    axis.set_ylabel("display (occurrences)")
    figure.colorbar(mesh, ax=axis, label="change of the coefficient")
    return figure


def _canvas(marks: Float[np.ndarray, "l 2"]) -> tuple[Picture, Float[np.ndarray, "l 2"]]:
    """An empty picture around landmarks, and where they lie on it."""
    low, extent = marks.min(0), float(np.ptp(marks, axis=0).max()) or 1.0
    placed = (marks - low) / extent * (1 - 2 * MARGIN) + MARGIN
    return np.full((CANVAS_PX, CANVAS_PX, 3), 255, np.uint8), placed * CANVAS_PX


T = TypeVar("T")
MOST = 24
"""Clips in one figure, which stays a page."""


def some_of(items: Sequence[T], most: int = MOST) -> list[T]:
    """All items, or `most` of them, evenly chosen.

    >>> some_of("abcde", 3)
    ['a', 'c', 'e']
    """
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]


def clip_to_show(tables: Path, wanted: str) -> str:
    """The clip that is asked for, or the first with a face where `wanted` is empty.

    Arguments:
        tables: folder of frames or expressions tables, one a clip.

    Raises UserError when there is no such clip, or no clip with a face.
    """
    clips = sorted(path.stem for path in tables.glob("*.parquet"))
    if wanted:
        if wanted not in clips:
            there = ", ".join(some_of(clips))
            raise UserError(f"There is no clip {wanted!r}: set shown_clip to one of {there}, or to ''.")
        return wanted
    for clip in clips:
        if main_face(tables / f"{clip}.parquet") >= 0:
            return clip
    raise UserError("No clip has a frame with a face: look at tables/clips.csv of 01_preprocess.")


def frames_to_show(table: Path, wanted: Sequence[int], most: int = 3) -> list[int]:
    """The frames that are asked for, or some with a face where `wanted` is empty.

    Arguments:
        table: expressions table of the clip.

    Raises UserError when none of them shows a face.
    """
    rows = read_arrays(table, ["frame", "valid"])
    faces = np.unique(rows["frame"][rows["valid"].astype(bool)]).tolist()
    found = [frame for frame in wanted if frame in faces] if wanted else some_of(faces, most)
    if not found:
        raise UserError(f"None of the shown_frames of {table.stem} shows a face: choose others, or [] for any.")
    return found
