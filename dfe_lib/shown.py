"""Which clips and frames a figure shows, where none is named or there are too many for all of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from .errors import UserError
from .tables import read_arrays

__all__ = ["clip_to_show", "frames_to_show", "some_of"]

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


def clip_to_show(expressions: Path, wanted: str) -> str:
    """The clip that is asked for, or the first with a face where `wanted` is empty.

    Arguments:
        expressions: folder of expressions tables, one a clip.

    Raises UserError when there is no such clip, or no clip with a face.
    """
    clips = sorted(path.stem for path in expressions.glob("*.parquet"))
    if wanted:
        if wanted not in clips:
            there = ", ".join(some_of(clips))
            raise UserError(f"There is no clip {wanted!r}: set shown_clip to one of {there}, or to ''.")
        return wanted
    for clip in clips:
        if read_arrays(expressions / f"{clip}.parquet", ["valid"])["valid"].any():
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
