"""A table and the video that it was measured on: a take folder of Live Link Face, or two files of one name."""

import re
from pathlib import Path

import av

from ...errors import UserError
from ...io.delimited import text_layout
from ...io.media import PICTURES, VIDEOS
from .live_link import is_live_link, read_live_link
from .recording import Recording
from .settings import ASSUMED_FPS, ReadSettings

__all__ = ["compare_with_video", "is_take", "read_take", "video_of"]

VARIANT = re.compile(r".*_(raw|cal|neutral)", re.IGNORECASE)
"""Tables of a take beside the one of its performance."""
THUMBNAIL = re.compile(r".*thumb(nail)?.*", re.IGNORECASE)


def is_take(path: Path) -> bool:
    """Is this a folder with one Live Link table, its video, and no other clip?"""
    return path.is_dir() and _table(path) is not None


def read_take(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a take's table; a timecode that does not show its rate has that of the video.

    Raises UserError as `live_link.read_live_link` does.
    """
    table, video = _table(path), video_of(path)
    if table is None or video is None:
        raise UserError(f"{path} is no take folder: it needs one Live Link table and its video.")
    rate = _length(video)[1]
    return read_live_link(table, settings, float(round(rate)) or ASSUMED_FPS)


def video_of(path: Path) -> Path | None:
    """The video that a table was measured on: that of a take folder, or the one of the same name beside it."""
    if path.is_dir():
        videos = _with_ending(path, VIDEOS)
        return videos[0] if _table(path) is not None else None
    beside = (path.with_suffix(ending) for ending in VIDEOS)
    return next((each for each in beside if each.is_file()), None)


def compare_with_video(path: Path, frames: int) -> str:
    """What to say of a table with so many frames and its video; empty where there is none, or they are of one length.

    Arguments:
        path: of the table, or its take folder. frames: up to the last that the table has.
    """
    video = video_of(path)
    if video is None:
        return ""
    try:
        count, rate = _length(video)
    except UserError as error:
        return f"its video cannot be compared ({error})"
    if abs(count - frames) <= 1:
        return ""
    return (
        f"its video {video.name} has {count} frames ({rate:g} a second) and the table {frames}: are they of one take?"
    )


def _table(folder: Path) -> Path | None:
    tables = [each for each in _with_ending(folder, (".csv",)) if not VARIANT.fullmatch(each.stem)]
    tables = [each for each in tables if _is_live_link(each)]
    pictures = [each for each in _with_ending(folder, PICTURES) if not THUMBNAIL.fullmatch(each.stem)]
    return tables[0] if len(tables) == len(_with_ending(folder, VIDEOS)) == 1 and not pictures else None


def _is_live_link(path: Path) -> bool:
    try:
        return is_live_link(text_layout(path).names)
    except UserError:
        return False


def _with_ending(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    members = (each for each in sorted(folder.iterdir()) if not each.name.startswith("."))
    return [each for each in members if each.suffix.lower() in endings and each.is_file()]


def _length(video: Path) -> tuple[int, float]:
    """Frames of a video, counted without decoding them, and frames a second."""
    try:
        with av.open(str(video), metadata_errors="ignore") as container:
            stream = container.streams.video[0]
            count = sum(1 for packet in container.demux(stream) if packet.size)
            return count, float(stream.average_rate or 0)
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise UserError(f"{video} cannot be read as a video: {error}.") from None
