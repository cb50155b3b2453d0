"""Clips of every kind to frames tables: videos and pictures by landmark detection, other programs' files by reading."""

from pathlib import Path

import numpy as np

from ..io.clip_table import MediaFile
from ..io.tables import read_arrays
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
    rows = read_arrays(out, ["face_id", "frame", "time_s", "detected", "width", "height"])
    frame, first = np.unique(rows["frame"], return_index=True)
    duration = float(rows["time_s"][first[-1]] - rows["time_s"][first[0]])
    shown = rows["detected"]
    unfit = "" if {"psi", "landmarks"} & set(source.schema.names) else "action units alone: no expressions to fit"
    return ClipSummary(
        clip.clip_id,
        clip.subject_id,
        "ok",
        unfit,
        frames=len(frame),
        frames_with_face=len(np.unique(rows["frame"][shown])),
        people=len(np.unique(rows["face_id"][shown])),
        fps=round(float(frame[-1] - frame[0]) / duration, 3) if duration else 0.0,
        duration_s=round(duration, 3),
        width=int(rows["width"][0]),
        height=int(rows["height"][0]),
        notes="; ".join(filter(None, (*report.remarks, compare_with_video(clip.path, int(frame[-1]) + 1)))),
    )
