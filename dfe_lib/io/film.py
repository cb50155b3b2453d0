"""Pictures to a video file that browsers and players show: H.264 in MP4, at true times, without sound."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
from jaxtyping import UInt8

from .tables import atomic_path

__all__ = ["Film", "open_film"]

QUALITY = {"crf": "20", "preset": "veryfast"}
MS_PER_S = 1000
MILLISECOND = Fraction(1, MS_PER_S)


class Film:
    """An open video file; made by :func:`open_film`, which also ends it."""

    def __init__(self, container: "av.container.OutputContainer") -> None:
        self._container, self._last_ms = container, -1
        self._stream: av.VideoStream | None = None

    def write(self, rgb: UInt8[np.ndarray, "height width 3"], time_s: float) -> None:
        """Appends a picture.

        Arguments:
            rgb: of the size of the first one; an odd row or column is cut off. time_s: from the beginning, rising.
        """
        height, width = (side - side % 2 for side in rgb.shape[:2])  # 4:2:0 has no odd sizes
        stream = self._stream or self._begin(width, height)
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[:height, :width]), format="rgb24")
        self._last_ms = max(round(time_s * MS_PER_S), self._last_ms + 1)  # MP4 takes no two pictures at one time
        picture.pts, picture.time_base = self._last_ms, MILLISECOND
        self._container.mux(stream.encode(picture))

    def end(self) -> None:
        """Writes what the encoder still holds."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())

    def _begin(self, width: int, height: int) -> "av.VideoStream":
        stream = self._container.add_stream("libx264", rate=MS_PER_S, options=QUALITY)
        stream.pix_fmt, stream.width, stream.height = "yuv420p", width, height
        stream.codec_context.time_base = stream.time_base = MILLISECOND
        self._stream = stream
        return stream


@contextmanager
def open_film(path: str | os.PathLike) -> Iterator[Film]:
    """A video file to write; it appears when it is whole, and not at all when the block raises."""
    with atomic_path(path) as partial, av.open(str(partial), "w", format="mp4") as container:
        film = Film(container)
        yield film
        film.end()
