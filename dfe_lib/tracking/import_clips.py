"""Clips of every kind to frames tables: videos and pictures by landmark detection, other programs' files by reading."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from ..io.clip_table import MediaFile
from ..io.media import is_media
from ..io.names import table_path
from ..io.row_sums import sum_rows
from ..io.tables import read_at, remove_others
from .extraction import UNREADABLE, ClipSummary, extract_clips
from .formats.recording import write_recording
from .formats.registry import recognise
from .formats.settings import ReadSettings
from .formats.takes import compare_with_video
from .skipped import skipped_files

__all__ = ["take_clip", "take_clips"]

PASSED_OVER = "passed over: it is no clip that can be read"


def take_clips(
    clips: Iterable[MediaFile],
    folder: str | os.PathLike,
    faces: str = "largest",
    reading: Mapping[str, object] | None = None,
    skipped: Mapping[Path, str] | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Writes `folder/<clip_id>.parquet` for each clip; one that cannot be read is reported and the others go on.

    Afterwards the folder has no table of any other clip.

    Arguments:
        clips: what `sources.find_sources` found: all the clips of a run.
        folder: where the frames tables go.
        faces: `"largest"` keeps one person a clip, `"all"` everybody.
        reading: what other programs' files do not say themselves, see `formats.settings.ReadSettings`.
        skipped: files that `sources.find_sources` passed over, and why.
        progress: as in `extraction.extract_clips`.

    Returns:
        One row a clip, and then one for what was passed over, with the columns of `extraction.ClipSummary`.
    """
    settings = ReadSettings.of(reading or {}, faces)
    clips = list(clips)
    rows = [_taken(clip, Path(folder), faces, settings, progress) for clip in clips]
    remove_others(Path(folder), [clip.clip_id for clip in clips])
    for name, reason in skipped_files(skipped or {}):
        rows.append(pd.DataFrame([asdict(ClipSummary(name, "", "skipped", reason, notes=PASSED_OVER))]))
    return pd.concat(rows, ignore_index=True)


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


def _taken(clip: MediaFile, folder: Path, faces: str, settings: ReadSettings, progress: bool | None) -> pd.DataFrame:
    if is_media(clip.path):
        return extract_clips([clip], folder, faces=faces, progress=progress)
    out = table_path(folder, clip.clip_id)
    try:
        row = take_clip(clip, out, settings)
    except UNREADABLE as error:
        out.unlink(missing_ok=True)  # or the next notebook would take an earlier run's table for this one's
        row = ClipSummary(clip.clip_id, clip.subject_id, "failed", reason=str(error))
    return pd.DataFrame([asdict(row)])
