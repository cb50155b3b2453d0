"""Which face is whose: a `face_id` that stays with the person along the clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment

from .landmarker import Box

__all__ = ["Tracker"]

NEVER = 1e6


@dataclass
class _Track:
    box: Box
    time_s: float
    size_sum: float = 0.0


class Tracker:
    r"""Names the faces of each frame after those of the frames before.

    A face may be the continuation of a track when its centre lies within `reach + speed * gap` face sizes of where
    the track was last seen, `gap` seconds ago. Among all such pairings the one of least total cost is taken,

    $$ c = d + (1 - \mathrm{overlap}) / 2 + |\ln(s / s')| / 2, $$

    with d the distance of the centres in face sizes and s, s' the sizes. Tracks never end, so that a person who
    comes back after a gap keeps the name; faces look alike to it, so a person who takes another's place does too.

    Arguments:
        reach: Distance from frame to frame, in face sizes; wide enough for the jump cuts of spoken videos.
        speed: Growth of the reach during a gap, in face sizes a second.
        zoom: Times by which a face may grow or shrink between two sights of it; without a bound unless given.

    >>> tracker = Tracker()
    >>> tracker.update([Box(0, 0, 10, 10), Box(50, 0, 60, 10)], 0.0)
    [0, 1]
    >>> tracker.update([Box(51, 0, 61, 10)], 0.04)
    [1]
    """

    def __init__(self, reach: float = 1.5, speed: float = 2.0, zoom: float = np.inf):
        self.reach = reach
        self.speed = speed
        self.zoom = zoom
        self._tracks: list[_Track] = []

    def __len__(self) -> int:
        return len(self._tracks)

    def update(self, boxes: Sequence[Box], time_s: float) -> list[int]:
        """The face_id of each box of the frame at `time_s`; new ones count up from 0 in order of appearance."""
        ids = [-1] * len(boxes)
        costs = self._costs(boxes, time_s)
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < NEVER:
                ids[row] = int(column)
        for i, box in enumerate(boxes):
            if ids[i] < 0:
                ids[i] = len(self._tracks)
                self._tracks.append(_Track(box, time_s))
            self._tracks[ids[i]].box = box
            self._tracks[ids[i]].time_s = time_s
            self._tracks[ids[i]].size_sum += box.size
        return ids

    def largest(self) -> int:
        """The face_id that shows most face over the clip: its size, summed over the frames it is in (-1: none)."""
        return max(range(len(self)), key=lambda i: self._tracks[i].size_sum, default=-1)

    def _costs(self, boxes: Sequence[Box], time_s: float) -> Float64[np.ndarray, "boxes tracks"]:
        costs = np.full((len(boxes), len(self._tracks)), NEVER)
        for i, box in enumerate(boxes):
            for j, track in enumerate(self._tracks):
                distance = np.hypot(*np.subtract(box.centre, track.box.centre)) / ((box.size + track.box.size) / 2)
                zoom = abs(np.log(box.size / track.box.size))
                if distance <= self.reach + self.speed * (time_s - track.time_s) and zoom <= np.log(self.zoom):
                    costs[i, j] = distance + (1 - box.overlap(track.box)) / 2 + zoom / 2
        return costs
