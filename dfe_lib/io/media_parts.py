"""Where a long video can be entered, so that several processes may read it at once."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float, Int

from ..errors import UserError
from .media import VIDEOS, MediaPart, usual_rate, video_clock, video_stream
from .segments import is_one_segment, segment_numbers

__all__ = ["media_parts"]

MOST_REORDERED = 32
"""Places by which a packet of a sound file stands before or behind its picture's place."""


def media_parts(
    path: Path, start_s: float = 0.0, end_s: float | None = None, fps: float | None = None
) -> list[MediaPart]:
    """The segments of a long video, each with where to begin reading; none where it has to be read in one go.

    That is so for pictures, for videos of one segment, for those without time stamps or with ones that begin anew, and
    for those whose key frames are further apart than segments. Nothing is decoded.

    Arguments:
        path, start_s, end_s, fps: As in `media.open_media`.
    """
    if path.suffix.lower() not in VIDEOS or (end_s is not None and is_one_segment(end_s - start_s)):
        return []
    try:
        with video_stream(path) as (container, stream):
            if _is_short(container, stream, fps):
                return []
            stamps, keys = _stamps(container, stream)
            times = _times(container, stream, stamps, fps)
            parts = _parts(stamps, keys, times, (start_s, np.inf if end_s is None else end_s))
            return parts if all(_leads_there(container, stream, part) for part in parts) else []
    except (av.FFmpegError, UserError, OSError, ValueError):  # whoever reads it says so
        return []


def _is_short(container: "av.container.InputContainer", stream: "av.VideoStream", fps: float | None) -> bool:
    return is_one_segment(stream.frames / (fps or usual_rate(stream)) or (container.duration or 0) / av.time_base)


def _stamps(
    container: "av.container.InputContainer", stream: "av.VideoStream"
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " k"]]:
    """Time stamps of all pictures in the order in which they are shown, and those of key frames.

    Raises ValueError where there are none, or they do not say the order.
    """
    keys: list[int] = []

    def each() -> Iterator[int]:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                raise ValueError("a packet that shows no picture, or does not say when")
            if packet.is_keyframe:
                keys.append(packet.pts)
            yield packet.pts

    stored = np.fromiter(each(), np.int64)
    order = np.argsort(stored, kind="stable").astype(np.int32)
    shown = stored[order]
    order -= np.arange(len(order), dtype=np.int32)
    if len(shown) < 2 or (np.diff(shown) <= 0).any() or np.abs(order).max() > MOST_REORDERED:
        raise ValueError("time stamps that repeat or begin anew")
    return shown, np.sort(np.array(keys, np.int64))


def _times(
    container: "av.container.InputContainer", stream: "av.VideoStream", stamps: Int[np.ndarray, " n"], fps: float | None
) -> Float[np.ndarray, " n"]:
    """When each picture is shown, by the very clock of whoever reads it."""
    clock, unit = video_clock(container, usual_rate(stream), fps), stream.time_base
    assert unit is not None
    return np.fromiter((clock(float(each) * unit.numerator / unit.denominator) for each in stamps), float, len(stamps))


def _parts(
    stamps: Int[np.ndarray, " n"],
    keys: Int[np.ndarray, " k"],
    times: Float[np.ndarray, " n"],
    part_s: tuple[float, float],
) -> list[MediaPart]:
    here = np.flatnonzero((times >= part_s[0]) & (times < part_s[1]))
    if not len(here):
        return []
    number = segment_numbers(times[here], float(times[here[0]]))
    starts = [int(here[0]), *here[1:][np.diff(number) > 0].tolist()]
    ends = [*starts[1:], int(here[-1]) + 1]
    entries = [_entry(keys, int(stamps[start])) for start in starts]
    come_from = [0 if entry is None else int(np.searchsorted(stamps, entry)) for entry in entries]
    before = [start - first for start, first in zip(starts, come_from, strict=True)]
    if max(before[1:], default=0) > max(end - start for start, end in zip(starts, ends, strict=True)):
        return []  # to come there would cost more than to go on
    return [
        MediaPart(
            int(number[start - starts[0]]),
            start,
            int(stamps[start]),
            int(stamps[end]) if end < len(stamps) else None,
            entry,
        )
        for start, end, entry in zip(starts, ends, entries, strict=True)
    ]


def _entry(keys: Int[np.ndarray, " k"], stamp: int) -> int | None:
    """The last key frame but one before a picture: after some, the first pictures still need what was before it."""
    before = keys[keys <= stamp]
    return int(before[-2]) if len(before) > 1 else None


def _leads_there(container: "av.container.InputContainer", stream: "av.VideoStream", part: MediaPart) -> bool:
    """Does the file go where it is sent?"""
    if part.seek_pts is None:
        return True
    container.seek(part.seek_pts, stream=stream)
    packet = next(container.demux(stream), None)
    return packet is not None and packet.is_keyframe and packet.pts is not None and packet.pts <= part.from_pts
