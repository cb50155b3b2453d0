"""Videos and pictures as upright RGB frames with true times, one at a time; a picture is a clip of one frame."""

import math
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from jaxtyping import UInt8

from ..errors import UserError
from .clock import Clock
from .display import square_size, upright
from .picture import read_picture

__all__ = [
    "PICTURES",
    "VIDEOS",
    "Frame",
    "MediaPart",
    "MediaReader",
    "damage_note",
    "is_media",
    "open_media",
    "usual_rate",
    "video_clock",
    "video_stream",
]

VIDEOS = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mts", ".ts", ".webm")
PICTURES = (".jpeg", ".jpg", ".png")
RUNNING_CLOCK = "mpegts"
"""The container whose clock runs on from anywhere; in all others 0 is the beginning."""
AS_STORED = (1, 0, 0, 1)


@dataclass(frozen=True)
class Frame:
    """One upright picture.

    Arguments:
        index: Its number in the file, from 0, whatever part of it is read.
        time_s: Seconds from the file's own beginning, which is not its first picture's where the video starts late.
        rgb: In square pixels.
    """

    index: int
    time_s: float
    rgb: UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class MediaPart:
    """Frames of a video that are read by themselves, see `media_parts`.

    Arguments:
        number: Of the segment that they are. index: Number of the first one in the file.
        from_pts, to_pts: Its own time stamp, and that of the first frame after the part (None: to the last).
        seek_pts: Of the key frame from which it is decoded (None: from the file's beginning).
    """

    number: int
    index: int
    from_pts: int
    to_pts: int | None
    seek_pts: int | None


@dataclass
class MediaReader:
    """An open video or picture; `frames` can be walked once.

    `expected` is the number of frames of the part that is read, as far as the file says (0 when it does not), and
    `claimed` of the whole file; `read` counts the frames decoded so far and `skipped` the corrupt ones left out, and
    `stopped` says why reading ended early, if it did. The `clock` tells what is odd about the times.
    """

    path: Path
    still: bool
    expected: int
    claimed: int = 0
    read: int = 0
    skipped: int = 0
    stopped: str = ""
    clock: Clock = field(default_factory=Clock)
    frames: Generator[Frame, None, None] = field(default_factory=lambda: _no_frames())

    @property
    def damage(self) -> str:
        """What could not be read or is odd, in words; empty for a sound file that was read to its end."""
        return damage_note(self.skipped, self.read, self.claimed, self.stopped, self.clock.note)


def damage_note(skipped: int, read: int, claimed: int, stopped: str, times: str) -> str:
    """What is wrong with a file, in words, see :class:`MediaReader`; `times` is what is odd about its times."""
    left_out = f"{skipped} corrupt frames left out" if skipped else ""
    # a claim of a few frames more is common in sound files
    short = f"{read} frames of the {claimed} it claims" if read < 0.9 * claimed else ""
    return "; ".join(filter(None, (left_out, short, stopped, times)))


def is_media(path: Path) -> bool:
    """A video or a picture, by its ending."""
    return path.suffix.lower() in VIDEOS + PICTURES and not path.is_dir()


@contextmanager
def open_media(
    path: str | os.PathLike,
    start_s: float = 0.0,
    end_s: float | None = None,
    fps: float | None = None,
    part: MediaPart | None = None,
) -> Iterator[MediaReader]:
    """Opens a video or picture.

    The display matrix (turned or mirrored), EXIF orientation and oblong pixels are applied; a side of more than
    `display.LONGEST_PX` pixels is shrunk to that; see :func:`picture.read_picture` for kinds of pictures.

    Arguments:
        path: The file.
        start_s, end_s: The part of a video that is read, in seconds from the file's beginning, without its end (None:
            to the last frame). The frames before it are decoded all the same, so that their numbers are true.
        fps: Frames a second that replace a video's own times: frame i is at i / fps.
        part: Of a video, in place of start and end: what `media_parts` found, decoded from a key frame before it.

    Raises:
        UserError: The file is missing, of no supported type, or cannot be read at all; or there is no such part.
    """
    path = Path(path)
    _check_part(start_s, end_s, fps)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder: name one file in it.' if path.is_dir() else 'does not exist.'}")
    if path.suffix.lower() in PICTURES:
        yield MediaReader(path, still=True, expected=1, frames=_picture_frame(path))
    elif path.suffix.lower() in VIDEOS:
        with _open_video(path, (start_s, math.inf if end_s is None else end_s), fps, part) as reader:
            yield reader
    else:
        raise UserError(f"{path} is no video or picture that can be read: use {', '.join(VIDEOS + PICTURES)}.")


def _check_part(start_s: float, end_s: float | None, fps: float | None) -> None:
    if not 0 <= start_s < math.inf or (end_s is not None and not start_s < end_s):
        raise UserError(f"A part from {start_s} to {end_s} s has no frames: start at 0 or later, and end after that.")
    if fps is not None and not 0 < fps < math.inf:
        raise UserError(f"{fps} frames a second is no rate: give a number above 0.")


def _no_frames() -> Generator[Frame, None, None]:
    yield from ()


def _picture_frame(path: Path) -> Generator[Frame, None, None]:
    yield Frame(0, 0.0, read_picture(path))


@contextmanager
def _open_video(
    path: Path, part_s: tuple[float, float], fps: float | None, part: MediaPart | None
) -> Iterator[MediaReader]:
    with video_stream(path) as (container, stream):
        stream.thread_type = "AUTO"
        rate = usual_rate(stream)
        clock = video_clock(container, rate, fps, part.index if part else 0)
        claimed = _claimed(stream)
        expected = _expected(claimed, part_s, fps or rate)
        reader = MediaReader(path, still=False, expected=expected, claimed=claimed, clock=clock)
        if part is None:
            reader.frames = _video_frames(container, stream, reader, part_s)
        else:
            reader.frames = _part_frames(container, stream, reader, part)
        try:
            yield reader
        finally:
            reader.frames.close()


@contextmanager
def video_stream(path: Path) -> Iterator[tuple["av.container.InputContainer", "av.VideoStream"]]:
    """A file's first video stream. Raises UserError where there is none."""
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a video: {_reason(error)}.") from None
    with container:
        if not container.streams.video:
            raise UserError(f"{path} holds no video stream.")
        yield container, container.streams.video[0]


def usual_rate(stream: "av.VideoStream") -> float:
    """Frames a second, as far as the file says."""
    return float(stream.average_rate or stream.guessed_rate or 25)


def video_clock(
    container: "av.container.InputContainer", rate: float, fps: float | None = None, skipped: int = 0
) -> Clock:
    """The clock of a file's pictures."""
    return Clock(_begins_s(container), 1 / rate, fps, skipped)


def _begins_s(container: "av.container.InputContainer") -> float:
    begins_s = (container.start_time or 0) / av.time_base
    return begins_s if container.format.name == RUNNING_CLOCK else min(begins_s, 0.0)


def _claimed(stream: "av.VideoStream") -> int:
    """Frames that the file says it shows (0: it does not): an edit list may leave some of those it holds out."""
    return max(0, stream.frames - sum(entry.is_discard for entry in stream.index_entries)) if stream.frames else 0


def _expected(claimed: int, part_s: tuple[float, float], rate: float) -> int:
    """Frames of the part, at an even rate."""
    start_s, end_s = part_s
    return round(max(0.0, min(claimed, end_s * rate) - start_s * rate))


def _video_frames(
    container: "av.container.InputContainer",
    stream: "av.VideoStream",
    reader: MediaReader,
    part_s: tuple[float, float],
) -> Generator[Frame, None, None]:
    given, time_s = 0, None
    for picture in _decoded(container, stream, reader):
        time_s = reader.clock(picture.time)
        if time_s >= part_s[1]:
            reader.claimed = 0  # the rest is not wanted
            break
        reader.read += 1
        if time_s >= part_s[0]:
            given += 1
            yield Frame(reader.read - 1, time_s, _shown(picture, stream))
    if time_s is None:
        raise UserError(f"{reader.path} cannot be read as a video: {reader.damage or 'it holds no frames'}.")
    if not given:
        raise UserError(f"{reader.path} has no frame in that part: one at {time_s:.2f} s is the last that was read.")


def _part_frames(
    container: "av.container.InputContainer", stream: "av.VideoStream", reader: MediaReader, part: MediaPart
) -> Generator[Frame, None, None]:
    reader.claimed = 0
    if part.seek_pts is not None:
        container.seek(part.seek_pts, stream=stream)
    for picture in _decoded(container, stream, reader):
        stamp = picture.pts
        if stamp is None or stamp < part.from_pts:
            continue
        if part.to_pts is not None and stamp >= part.to_pts:
            break
        reader.read += 1
        yield Frame(part.index + reader.read - 1, reader.clock(picture.time), _shown(picture, stream))


def _decoded(
    container: "av.container.InputContainer", stream: "av.VideoStream", reader: MediaReader
) -> Iterator[av.VideoFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
        except av.FFmpegError as error:
            reader.stopped = f"stopped early: {_reason(error)}"
            return
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            reader.skipped += 1
            continue
        for picture in pictures:
            if picture.is_corrupt:
                reader.skipped += 1
            else:
                yield picture


def _shown(picture: av.VideoFrame, stream: "av.VideoStream") -> UInt8[np.ndarray, "height width 3"]:
    width, height = square_size(picture.width, picture.height, float(stream.sample_aspect_ratio or 1))
    return upright(picture.to_ndarray(format="rgb24", width=width, height=height), _display_matrix(picture))


def _display_matrix(picture: av.VideoFrame) -> tuple[int, int, int, int]:
    stored: Any = picture.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return AS_STORED
    a, b, _, c, d, *_ = np.frombuffer(stored, np.int32).tolist()
    return a, b, c, d


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
