"""Videos and pictures as upright RGB frames with true times, one at a time; a picture is a clip of one frame."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from ..errors import UserError

__all__ = [
    "PICTURES",
    "VIDEOS",
    "Frame",
    "MediaReader",
    "open_media",
]

VIDEOS = (".avi", ".mkv", ".mov", ".mp4", ".webm")
PICTURES = (".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class Frame:
    """One upright picture; `time_s` counts from the clip's first frame."""

    index: int
    time_s: float
    rgb: UInt8[np.ndarray, "height width 3"]


@dataclass
class MediaReader:
    """An open video or picture; `frames` can be walked once.

    `expected` is the number of frames the file claims (0 when it does not say), `read` counts the frames decoded so
    far and `skipped` the corrupt ones left out, and `stopped` says why reading ended early, if it did.
    """

    path: Path
    still: bool
    expected: int
    read: int = 0
    skipped: int = 0
    stopped: str = ""
    frames: Generator[Frame, None, None] = field(default_factory=lambda: _no_frames())

    @property
    def damage(self) -> str:
        """What could not be read, in words; empty for a sound file that was read to its end."""
        skipped = f"{self.skipped} corrupt frames left out" if self.skipped else ""
        # a claim of a few frames more is common in sound files
        missing = not self.still and self.read < 0.9 * self.expected
        short = f"{self.read} frames of the {self.expected} it claims" if missing else ""
        return "; ".join(filter(None, (skipped, short, self.stopped)))


@contextmanager
def open_media(path: str | os.PathLike) -> Iterator[MediaReader]:
    """Opens a video or picture.

    Rotation metadata, EXIF orientation and oblong pixels are applied; transparency is laid over white; grey,
    palette, CMYK and 16-bit pictures become 8-bit RGB.

    Raises:
        UserError: The file is missing, of no supported type, or cannot be read at all.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder: name one file in it.' if path.is_dir() else 'does not exist.'}")
    if path.suffix.lower() in PICTURES:
        yield MediaReader(path, still=True, expected=1, frames=_picture_frames(path))
    elif path.suffix.lower() in VIDEOS:
        with _open_video(path) as reader:
            yield reader
    else:
        raise UserError(f"{path} is no video or picture that can be read: use {', '.join(VIDEOS + PICTURES)}.")


def _no_frames() -> Generator[Frame, None, None]:
    yield from ()


def _picture_frames(path: Path) -> Generator[Frame, None, None]:
    try:
        with Image.open(path) as picture:
            yield Frame(0, 0.0, _to_rgb(ImageOps.exif_transpose(picture)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as a picture: {error}.") from None


def _to_rgb(picture: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float64)
        values = values * (255 / 65535) if values.max(initial=0) > 255 else values
        picture = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"))


@contextmanager
def _open_video(path: Path) -> Iterator[MediaReader]:
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a video: {_reason(error)}.") from None
    with container:
        if not container.streams.video:
            raise UserError(f"{path} holds no video stream.")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        reader = MediaReader(path, still=False, expected=stream.frames)
        reader.frames = _video_frames(container, stream, reader)
        try:
            yield reader
        finally:
            reader.frames.close()


def _video_frames(
    container: "av.container.InputContainer", stream: "av.VideoStream", reader: MediaReader
) -> Generator[Frame, None, None]:
    step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
    start = previous = None
    for picture in _decoded(container, stream, reader):
        time = picture.time
        if time is None:  # some AVI files carry no timestamps
            time = 0.0 if previous is None else previous + step
        start, previous = (time if start is None else start), time
        reader.read += 1
        yield Frame(reader.read - 1, time - start, _upright(picture, stream))
    if not reader.read:
        raise UserError(f"{reader.path} cannot be read as a video: {reader.damage or 'it holds no frames'}.")


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


def _upright(picture: av.VideoFrame, stream: "av.VideoStream") -> UInt8[np.ndarray, "height width 3"]:
    oblong = float(stream.sample_aspect_ratio or 1)
    rgb = picture.to_ndarray(format="rgb24", width=max(1, round(picture.width * oblong)), height=picture.height)
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
