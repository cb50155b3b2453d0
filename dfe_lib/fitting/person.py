"""The people of a clip, and each person's neutral face."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from ..io.tables import read_batches
from .estimator import FaceNeutral
from .measurement import Measurement, Rows

__all__ = ["Person", "people", "person_neutrals", "rows_of", "thinned"]

NEUTRAL_FRAMES = 300
"""Frames of each person in each clip that a neutral is estimated from at most."""
Person = tuple[str, int]
"""A clip and a face_id in it."""


def people(rows: Rows) -> dict[Person, Bool[np.ndarray, " n"]]:
    """Each person of rows of one clip, and which rows show them."""
    shown, faces = rows["detected"], rows["face_id"]
    return {(str(rows["clip_id"][0]), int(face)): shown & (faces == face) for face in np.unique(faces[shown])}


def rows_of(rows: Rows, here: np.ndarray) -> Rows:
    """The rows that a mask or their numbers choose."""
    return {name: values[here] for name, values in rows.items()}


def thinned(rows: np.ndarray) -> np.ndarray:
    """At most NEUTRAL_FRAMES of one person's rows, evenly spread.

    >>> thinned(np.arange(700))[-2:].tolist()
    [696, 699]
    """
    return rows[:: max(1, -(-len(rows) // NEUTRAL_FRAMES))]


def person_neutrals(clips: Mapping[Path, Rows], measurement: Measurement) -> dict[Person, FaceNeutral | None]:
    """Neutral face of each person in each clip; alone in their clips, the subject's clips count together.

    Holds at most NEUTRAL_FRAMES of each person in each of these clips.

    Arguments:
        clips: frames tables of one subject that one program measured, each with its key columns and `detected`.
    """
    alone: dict[Person, Rows] = {}
    neutrals: dict[Person, FaceNeutral | None] = {}
    for path, key in clips.items():
        chosen = {person: thinned(np.flatnonzero(here)) for person, here in people(key).items()}
        seen = _seen(path, chosen, measurement.columns) if chosen else {}
        if len(seen) == 1:
            alone |= seen
        else:
            neutrals |= {person: measurement.neutral(rows) for person, rows in seen.items()}
    return neutrals | (dict.fromkeys(alone, measurement.neutral(_joined(alone.values()))) if alone else {})


def _seen(path: Path, chosen: Mapping[Person, Int[np.ndarray, " k"]], columns: tuple[str, ...]) -> dict[Person, Rows]:
    """The columns of each person's chosen rows."""
    parts: dict[Person, list[Rows]] = {person: [] for person in chosen}
    start = 0
    for batch in read_batches(path, columns):
        stop = start + len(batch[columns[0]])
        for person, rows in chosen.items():
            parts[person].append(rows_of(batch, rows[(rows >= start) & (rows < stop)] - start))
        start = stop
    return {person: _joined(found) for person, found in parts.items()}


def _joined(parts: Iterable[Rows]) -> Rows:
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]}
