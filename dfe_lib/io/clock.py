"""When each picture of a video is shown: seconds that never fall, counted from the file's own beginning."""

__all__ = ["Clock", "time_note"]

RESTART_S = 1.0
"""A fall in time by more than this is a clock that began anew; a smaller one, pictures in the wrong order."""
EVEN = 0.5, 1.5
"""Steps between these shares of the usual one count as even."""
UNEVEN_SHARE = 0.1
"""Share of uneven steps from which it is worth a note."""


class Clock:
    """Times of a clip's pictures, one after the other.

    A picture without a time comes one usual step after the one before. Where a file's times fall, they stay at the
    latest one so far; where its clock began anew, they go on from there.

    Arguments:
        begins_s: The file's time at its own beginning, which becomes 0.
        step_s: The usual step from picture to picture.
        fps: Frames a second that replace the file's times: picture i is at i / fps.
        skipped: Pictures before the first that it is asked for.

    >>> clock = Clock(step_s=0.5)
    >>> [clock(time) for time in (0.0, 0.5, 0.25, None, 60.0, 2.0)]
    [0.0, 0.5, 0.5, 1.0, 60.0, 60.5]
    >>> clock.note
    'times fall back 2 times (frames at an even rate may be nearer the truth: give --fps)'
    """

    def __init__(self, begins_s: float = 0.0, step_s: float = 0.04, fps: float | None = None, skipped: int = 0):
        self._offset_s, self._step_s, self._fps = -begins_s, step_s, fps
        self._count = self._skipped = skipped
        self._falls = self._uneven = 0
        self._last_s: float | None = None

    def __call__(self, picture_s: float | None) -> float:
        """Seconds at which the next picture is shown; `picture_s` is the file's own word, if it has one."""
        time_s = self._count / self._fps if self._fps else self._told(picture_s)
        self._count += 1
        self._last_s = time_s
        return time_s

    @property
    def note(self) -> str:
        """What is odd about the times, in words; empty for even ones, and for those that were given."""
        return time_note(*self.counts)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Falls in time, uneven steps and frames so far."""
        return self._falls, self._uneven, self._count - self._skipped

    def _told(self, picture_s: float | None) -> float:
        if self._last_s is None:
            return max(0.0, (picture_s or 0.0) + self._offset_s)
        if picture_s is None:  # some AVI files carry no timestamps
            return self._last_s + self._step_s
        time_s = picture_s + self._offset_s
        fall_s = self._last_s - time_s
        if fall_s > RESTART_S:
            self._offset_s += fall_s + self._step_s
        self._falls += fall_s > 0
        self._uneven += not EVEN[0] <= -fall_s / self._step_s <= EVEN[1]
        return max(picture_s + self._offset_s, self._last_s)


def time_note(falls: int, uneven: int, frames: int) -> str:
    """What is odd about a file's times, in words; see :attr:`Clock.counts`."""
    if falls:
        many = f"{falls} times" if falls > 1 else "once"
        odd = f"times fall back {many}"
    elif uneven > UNEVEN_SHARE * frames:
        odd = f"{uneven} of {frames} frames come at uneven times"
    else:
        return ""
    return f"{odd} (frames at an even rate may be nearer the truth: give --fps)"
