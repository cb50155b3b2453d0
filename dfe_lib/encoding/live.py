"""A webcam, or a video in its place, to rows while it runs."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ..errors import UserError
from ..io.export import safe_text
from ..io.media import open_media
from ..io.tables import token_name
from ..quantisation.holding import HOLD_MM
from .columns import COLUMNS, LISTS
from .settings import DEFAULT_GROUPS
from .stream import Row, Stream
from .tokenizer import Tokenizer

__all__ = ["run_live"]

Picture = tuple[np.ndarray, float]


def run_live(
    source: str | os.PathLike,
    tokenizer: Tokenizer,
    out: str | os.PathLike | None = None,
    delay_s: float = 0.0,
    hold_mm: float = HOLD_MM,
    say: Callable[[str], None] = print,
) -> int:
    """Says what the face does whenever that changes, until the video ends or Ctrl-C; returns the number of rows.

    Arguments:
        source: number of a camera, from 0, or a video.
        tokenizer: with its models.
        out: CSV file that rows are written to as they come; it is there from the beginning, for others to follow.
        delay_s, hold_mm: see :class:`~dfe_lib.encoding.stream.Stream`.
        say: takes a line.

    Raises UserError when there is no such camera or video.
    """
    pictures = _camera(int(str(source))) if str(source).isdigit() else _video(Path(source))
    count, before = 0, ""
    with tokenizer.stream(delay_s, hold_mm=hold_mm) as stream, suppress(KeyboardInterrupt):
        for row in _rows(stream, pictures):
            if out is not None:
                _append(Path(out), row, first=not count)
            count += 1
            words = str(row["words"] or "no face")
            if words != before:
                say(f"{row['time_s']:8.2f} s  {words}")
            before = words
    return count


def _rows(stream: Stream, pictures: Iterator[Picture]) -> Iterator[Row]:
    for rgb, time_s in pictures:
        yield from stream.push(rgb, time_s)
    yield from stream.flush()


def _camera(number: int) -> Iterator[Picture]:
    camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise UserError(f"there is no camera {number}: plug one in, or give the name of a video.")
    began = time.monotonic()
    try:
        while True:
            there, picture = camera.read()
            if not there:
                return
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), time.monotonic() - began
    finally:
        camera.release()


def _video(path: Path) -> Iterator[Picture]:
    with open_media(path) as reader:
        for frame in reader.frames:
            yield frame.rgb, frame.time_s


def _append(out: Path, row: Row, first: bool) -> None:
    shown: Row = {}
    for column in COLUMNS:
        if column.group not in ("key", "tokens", *DEFAULT_GROUPS[:-1]):
            continue
        if column.name in LISTS:
            listed = LISTS[column.name]
            values = row[listed] if row["valid"] else [None] * len(row[listed])
            shown |= {token_name(place, listed): value for place, value in enumerate(values)}
        else:
            shown[column.name] = safe_text(row[column.name])
    with out.open("w" if first else "a", encoding="utf-8", newline="") as file:
        file.write(pd.DataFrame([shown]).to_csv(index=False, header=first, lineterminator="\n"))
