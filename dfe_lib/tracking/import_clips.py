"""Clips of every kind to frames tables: videos and pictures by landmark detection, other programs' files by reading."""

from pathlib import Path

import numpy as np

from ..io.clip_table import MediaFile
from ..io.row_sums import sum_rows
from ..io.tables import read_at
from .extraction import ClipSummary
from .formats.recording import write_recording
from .formats.registry import recognise
from .formats.settings import ReadSettings
from .formats.takes import compare_with_video

__all__ = ["take_clip"]


def take_clip(clip: MediaFile, out: Path, settings: ReadSettings | None = None) -> ClipSummary:
    """Writes the frames table of one file of another program. Raises UserError when it cannot be read."""
    source = recognise(clip.path).read(clip.path, settings or ReadSettings())
    report = write_recording(source, out, clip.clip_id, clip.subject_id)
    sums = sum_rows(out)
    assert sums.first is not None and sums.last is not None  # a file without a row was refused
    size = read_at(out, np.zeros(1, int), ["width", "height"])
    unfit = "" if {"psi", "landmarks"} & set(source.schema.names) else "action units alone: no expressions to fit"
    return ClipSummary(
        clip.clip_id,
        clip.subject_id,
        "ok",
        unfit,
        frames=sums.frames,
        frames_with_face=sums.with_face,
        people=sums.people,
        fps=round(sums.fps, 3),
        duration_s=round(sums.duration_s, 3),
        width=int(size["width"][0]),
        height=int(size["height"][0]),
        notes="; ".join(filter(None, (*report.remarks, compare_with_video(clip.path, sums.last[0] + 1)))),
    )
