"""The people of a clip, and each person's neutral face."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int

from ..io.segments import Segment
from ..io.tables import read_at
from .estimator import FaceNeutral
from .measurement import Measurement, Rows

__all__ = ["Person", "count_people", "joined", "people", "person_neutrals", "rows_of", "thinned"]

NEUTRAL_FRAMES = 300
"""Frames of each person in each clip that a neutral is estimated from at most."""
MOST_FRAMES = 3000
"""The same over all clips of one person."""
KEY = ("clip_id", "face_id", "detected")
Person = tuple[str, int]
"""A clip and a face_id in it."""


def people(rows: Rows) -> dict[Person, Bool[np.ndarray, " n"]]:
    """Each person of rows of one clip, and which rows show them."""
    shown, faces = rows["detected"], rows["face_id"]
    return {(str(rows["clip_id"][0]), int(face)): shown & (faces == face) for face in np.unique(faces[shown])}


def rows_of(rows: Rows, here: np.ndarray) -> Rows:
    """The rows that a mask or their numbers choose."""
    return {name: values[here] for name, values in rows.items()}


def thinned(rows: np.ndarray, most: int = NEUTRAL_FRAMES) -> np.ndarray:
    """At most so many of one person's rows, evenly spread.

    >>> thinned(np.arange(700))[-2:].tolist()
    [696, 699]
    """
    return rows[:: max(1, -(-len(rows) // most))]


def count_people(segments: Iterable[Segment]) -> dict[Person, int]:
    """Rows of a clip that show each person, by face_id."""
    counts: Counter[Person] = Counter()
    for segment in segments:
        for batch in segment.batches(KEY):
            counts.update({person: int(here.sum()) for person, here in people(batch).items()})
    return dict(sorted(counts.items()))


def person_neutrals(clips: Sequence[Sequence[Segment]], measurement: Measurement) -> dict[Person, FaceNeutral | None]:
    """Neutral face of each person in each clip; alone in their clips, the subject's clips count together.

    Holds at most NEUTRAL_FRAMES of a person in each of these clips, and MOST_FRAMES of one who is alone in many.

    Arguments:
        clips: of one subject that one program measured, each as the segments of its frames table.
    """
    neutrals: dict[Person, FaceNeutral | None] = {}
    alone: list[Person] = []
    chosen = np.empty((0, 3), np.int64)
    for number, segments in enumerate(clips):
        rows = _chosen_rows(segments, count_people(segments))
        if len(rows) == 1:
            ((person, own),) = rows.items()
            alone.append(person)
            chosen = np.vstack([chosen, np.insert(own, 0, number, axis=1)])
        else:
            neutrals |= {person: measurement.neutral(_read(segments, own, measurement)) for person, own in rows.items()}
    if alone:
        kept = thinned(chosen, MOST_FRAMES)
        parts = [_read(clips[i], kept[kept[:, 0] == i, 1:], measurement) for i in np.unique(kept[:, 0])]
        neutrals |= dict.fromkeys(alone, measurement.neutral(joined(parts)))
    return neutrals


def _chosen_rows(segments: Sequence[Segment], counts: Mapping[Person, int]) -> dict[Person, Int[np.ndarray, "k 2"]]:
    """Segment and row of its table, of the evenly spread rows that a person's neutral is read from."""
    steps = {person: max(1, -(-count // NEUTRAL_FRAMES)) for person, count in counts.items()}
    before: Counter[Person] = Counter()
    found: dict[Person, list[Int[np.ndarray, "k 2"]]] = {person: [] for person in counts}
    for number, segment in enumerate(segments):
        start = segment.start
        for batch in segment.batches(KEY):
            for person, here in people(batch).items():
                rows = np.flatnonzero(here)
                rows = rows[(before[person] + np.arange(len(rows))) % steps[person] == 0] + start
                found[person].append(np.stack([np.full(len(rows), number), rows], 1))
                before[person] += int(here.sum())
            start += len(batch["face_id"])
    return {person: np.concatenate(parts) for person, parts in found.items()}


def _read(segments: Sequence[Segment], rows: Int[np.ndarray, "k 2"], measurement: Measurement) -> Rows:
    """What a measurement needs of these rows."""
    return joined(
        read_at(segments[number].path, rows[rows[:, 0] == number, 1], measurement.columns)
        for number in np.unique(rows[:, 0])
    )


def joined(parts: Iterable[Rows]) -> Rows:
    """Rows one after the other."""
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]}
