"""Videos that tests encode from real frames."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from dfe_lib.io.assets import asset
from dfe_lib.io.media import Frame, open_media

CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".gif": "gif"}
FORMATS = {".m4v": "mp4", ".mts": "mpegts"}
"""Containers that PyAV does not guess from the ending."""
QUARTER_TURNS = {1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}
"""QuickTime's matrix (a, b, c, d) for so many quarter turns clockwise at display."""


def real_frames(name: str, count: int | None = None) -> list[Frame]:
    with open_media(asset(name)) as reader:
        return list(islice(reader.frames, count))


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    times_ms: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    key_every: int | None = None,
) -> Path:
    """Encodes the pictures at 25 frames a second, or at the times given; `aspect` is that of a pixel.

    A key frame comes when the encoder likes, or every so many frames.
    """
    with av.open(str(path), "w", format=FORMATS.get(path.suffix)) as container:
        stream = container.add_stream(CODECS.get(path.suffix, "libx264"), rate=25)
        stream.pix_fmt = "rgb8" if path.suffix == ".gif" else "yuv420p"
        stream.bit_rate = 4_000_000
        if key_every:
            stream.codec_context.gop_size = key_every
        if aspect:
            stream.sample_aspect_ratio = aspect
        for i, rgb in enumerate(pictures):
            if i == 0:
                stream.height, stream.width = rgb.shape[:2]
                stream.codec_context.time_base = Fraction(1, 1000) if times_ms else Fraction(1, 25)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts = times_ms[i] if times_ms else i
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn_at_display(path: Path, quarters: int) -> Path:
    """Writes so many clockwise quarter turns into the matrix of an MP4's track header, as phones do."""
    return set_display_matrix(path, QUARTER_TURNS[quarters])


def set_display_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Writes a, b, c, d into the matrix of an MP4's track header."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version, times, ids and sound volume stand before the matrix
    a, b, c, d = (value * 0x10000 for value in matrix)
    whole = (a, b, 0, c, d, 0, 0, 0, 0x40000000)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in whole)
    path.write_bytes(data)
    return path


def cut_by_edit_list(path: Path, frames: int) -> Path:
    """Has an MP4 of 25 frames a second shown without its first frames, as phones cut their clips."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12  # behind version and count
    units = int.from_bytes(data[(scale := data.index(b"mdhd") + 16) : scale + 4], "big") // 25
    duration, begin = (int.from_bytes(data[at + i : at + i + 4], "big") for i in (0, 4))
    data[at : at + 8] = (duration - 40 * frames).to_bytes(4, "big") + (begin + units * frames).to_bytes(4, "big")
    path.write_bytes(data)
    return path
