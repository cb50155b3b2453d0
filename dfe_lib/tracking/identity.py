"""Which face is whose: a `face_id` that stays with the person along the clip."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment

from .landmarker import Box

__all__ = ["Track", "Tracker", "largest", "link"]

NEVER = 1e6
REACH, SPEED = 1.5, 2.0
"""Face sizes from frame to frame, wide enough for the jump cuts of spoken videos; and more for each second between."""


@dataclass
class Track:
    """Where somebody was seen first and last, in how many frames, and the size of the face summed over these."""

    first: Box
    first_s: float
    box: Box
    time_s: float
    frames: int = 0
    size_sum: float = 0.0

    def add(self, box: Box, time_s: float) -> None:
        self.box, self.time_s = box, time_s
        self.frames += 1
        self.size_sum += box.size


class Tracker:
    r"""Names the faces of each frame after those of the frames before.

    A face may be the continuation of a track when its centre lies within `reach + speed * gap` face sizes of where
    the track was last seen, `gap` seconds ago. Among all such pairings the one of least total cost is taken,

    $$ c = d + (1 - \mathrm{overlap}) / 2 + |\ln(s / s')| / 2, $$

    with d the distance of the centres in face sizes and s, s' the sizes. Tracks never end, so that a person who
    comes back after a gap keeps the name; faces look alike to it, so a person who takes another's place does too.

    Arguments:
        reach: Distance from frame to frame, in face sizes.
        speed: Growth of the reach during a gap, in face sizes a second.
        zoom: Times by which a face may grow or shrink between two sights of it; without a bound unless given.

    >>> tracker = Tracker()
    >>> tracker.update([Box(0, 0, 10, 10), Box(50, 0, 60, 10)], 0.0)
    [0, 1]
    >>> tracker.update([Box(51, 0, 61, 10)], 0.04)
    [1]
    """

    def __init__(self, reach: float = REACH, speed: float = SPEED, zoom: float = np.inf):
        self.reach = reach
        self.speed = speed
        self.zoom = zoom
        self.tracks: list[Track] = []

    def __len__(self) -> int:
        return len(self.tracks)

    def update(self, boxes: Sequence[Box], time_s: float) -> list[int]:
        """The face_id of each box of the frame at `time_s`; new ones count up from 0 in order of appearance."""
        ids = [-1] * len(boxes)
        costs = self._costs(boxes, time_s)
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < NEVER:
                ids[row] = int(column)
        for i, box in enumerate(boxes):
            if ids[i] < 0:
                ids[i] = len(self.tracks)
                self.tracks.append(Track(box, time_s, box, time_s))
            self.tracks[ids[i]].add(box, time_s)
        return ids

    def largest(self) -> int:
        """The face_id that shows most face over the clip: its size, summed over the frames it is in (-1: none)."""
        return largest(self.tracks)

    def _costs(self, boxes: Sequence[Box], time_s: float) -> Float64[np.ndarray, "boxes tracks"]:
        costs = [[self._cost(box, time_s, track) for track in self.tracks] for box in boxes]
        return np.array(costs, float).reshape(len(boxes), len(self.tracks))

    def _cost(self, box: Box, time_s: float, track: Track) -> float:
        distance = np.hypot(*np.subtract(box.centre, track.box.centre)) / ((box.size + track.box.size) / 2)
        zoom = abs(np.log(box.size / track.box.size))
        if distance <= self.reach + self.speed * (time_s - track.time_s) and zoom <= np.log(self.zoom):
            return float(distance + (1 - box.overlap(track.box)) / 2 + zoom / 2)
        return NEVER


def largest(tracks: Sequence[Track]) -> int:
    """The one that shows most face: its size, summed over the frames it is in, the first of equals (-1: none)."""
    return max(range(len(tracks)), key=lambda i: tracks[i].size_sum, default=-1)


def link(segments: Iterable[Sequence[Track]]) -> tuple[list[list[int]], list[Track]]:
    """Names the tracks of a clip's segments, each of which was followed by a :class:`Tracker` of its own.

    A track goes on with the person who fits best where it begins, by the tracker's own cost, among those who are not
    in the segment yet; the tracks that begin together choose together.

    Returns:
        The face_id of each track of each segment, and what is known of each person over the clip.

    >>> box, far = Box(0, 0, 10, 10), Box(400, 0, 410, 10)
    >>> first = [Track(box, 0.0, far, 9.9), Track(far, 0.0, box, 9.9)]
    >>> link([first, [Track(box, 10.0, box, 19.9), Track(far, 10.0, far, 19.9)]])[0]
    [[0, 1], [1, 0]]
    """
    people: list[Track] = []
    named: list[list[int]] = []
    for tracks in segments:
        ids: dict[int, int] = {}
        for _, together in groupby(range(len(tracks)), key=lambda i: tracks[i].first_s):
            ids |= _continued(tracks, list(together), people, set(ids.values()))
        for i, person in ids.items():
            people[person] = _joined(people[person], tracks[i])
        named.append([ids[i] for i in range(len(tracks))])
    return named, people


def _continued(tracks: Sequence[Track], new: list[int], people: list[Track], taken: set[int]) -> dict[int, int]:
    """Who each of these new tracks is; people who are not known yet are added, with nothing seen of them."""
    free, ids = [person for person in range(len(people)) if person not in taken], {}
    tracker = Tracker()
    tracker.tracks = [people[person] for person in free]
    costs = tracker._costs([tracks[i].first for i in new], tracks[new[0]].first_s)
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if costs[row, column] < NEVER:
            ids[new[row]] = free[column]
    for i in new:
        if i not in ids:
            ids[i] = len(people)
            people.append(replace(tracks[i], frames=0, size_sum=0.0))
    return ids


def _joined(person: Track, track: Track) -> Track:
    return replace(
        track,
        first=person.first,
        first_s=person.first_s,
        frames=person.frames + track.frames,
        size_sum=person.size_sum + track.size_sum,
    )
