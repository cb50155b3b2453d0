"""Clips of every kind to frames tables, on as many workers as there are."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from shutil import rmtree

import pandas as pd
from tqdm import tqdm

from ..io.clip_table import MediaFile
from ..io.cluster import Cluster, open_workers
from ..io.media import MediaPart, is_media
from ..io.media_parts import media_parts
from ..io.names import table_path
from ..io.processes import Workers
from ..io.progress import bar, is_watched
from ..io.schedule import Steps, in_steps
from ..io.tables import remove_others
from .extraction import UNREADABLE, ClipSummary, clip_summary, extract_clip, find_part, join_tables
from .formats.settings import ReadSettings
from .import_clips import take_clip
from .segments import FoundPart, settle
from .skipped import skipped_files

__all__ = ["take_clips"]

PASSED_OVER = "passed over: it is no clip that can be read"


def take_clips(
    clips: Iterable[MediaFile],
    folder: str | os.PathLike,
    faces: str = "largest",
    reading: Mapping[str, object] | None = None,
    skipped: Mapping[Path, str] | None = None,
    progress: bool | None = None,
    workers: int = 1,
    scheduler: str = "",
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
        workers: processes that share the clips, and the segments of long ones; the tables are the same for any number.
            A clip that crashes what reads it fails alone.
        scheduler: address of a Dask scheduler, whose workers do it instead; clips and folder lie on a shared disk.

    Returns:
        One row a clip, and then one for what was passed over, with the columns of `extraction.ClipSummary`.
    """
    settings, clips = ReadSettings.of(reading or {}, faces), list(clips)
    watched = is_watched() if progress is None else progress
    found: dict[str, ClipSummary] = {}
    with (
        bar(unit="frame", desc="frames", disable=not watched) as shown,
        open_workers(workers, scheduler, Path(folder), shown, len(clips)) as crew,
    ):
        steps = partial(_steps, folder=Path(folder).resolve(), faces=faces, settings=settings, crew=crew)
        for clip, row, error in in_steps(clips, steps, crew.width):
            found[clip.clip_id] = row or _failed(clip, Path(folder), error)
            if isinstance(crew, Cluster):
                shown.update(found[clip.clip_id].frames)
    remove_others(Path(folder), [clip.clip_id for clip in clips])
    rows = [found[clip.clip_id] for clip in clips]
    for name, reason in skipped_files(skipped or {}):
        rows.append(ClipSummary(name, "", "skipped", reason, notes=PASSED_OVER))
    return pd.DataFrame([asdict(row) for row in rows], columns=list(ClipSummary.__annotations__))


def _failed(clip: MediaFile, folder: Path, error: Exception | None) -> ClipSummary:
    """The row of a clip that could not be read."""
    if not isinstance(error, UNREADABLE):
        raise error or AssertionError(clip)
    # or the next notebook would take an earlier run's table for this one's
    table_path(folder, clip.clip_id).unlink(missing_ok=True)
    return ClipSummary(clip.clip_id, clip.subject_id, "failed", reason=str(error))


def _steps(clip: MediaFile, folder: Path, faces: str, settings: ReadSettings, crew: Workers) -> Steps:
    """Of one clip: in one go, or segment by segment where it is a long video."""
    out = table_path(folder, clip.clip_id)
    parts: list[MediaPart] = []
    if is_media(clip.path):
        (parts,) = yield [(crew, _parts, (clip,))]
    if len(parts) < 2:
        (summary,) = yield [(crew, _whole, (clip, out, faces, settings))]
        return summary
    work = folder / f".{clip.clip_id}.faces.part"
    rmtree(work, ignore_errors=True)
    try:
        found = yield [(crew, _part, (clip, work, faces, part)) for part in parts]
        (summary,) = yield [(crew, _joined, (clip, work, faces, found, out))]
    finally:
        rmtree(work, ignore_errors=True)
    return summary


def _parts(clip: MediaFile, progress: tqdm | bool) -> list[MediaPart]:
    return media_parts(clip.path, clip.start_s, clip.end_s)


def _whole(clip: MediaFile, out: Path, faces: str, settings: ReadSettings, progress: tqdm | bool) -> ClipSummary:
    if not is_media(clip.path):
        return take_clip(clip, out, settings)
    return extract_clip(
        clip.path, out, clip_id=clip.clip_id, subject_id=clip.subject_id, faces=faces,
        start_s=clip.start_s, end_s=clip.end_s, progress=progress,
    )  # fmt: skip


def _part(clip: MediaFile, work: Path, faces: str, part: MediaPart, progress: tqdm | bool) -> FoundPart:
    key, part_s = {"clip_id": clip.clip_id, "subject_id": clip.subject_id}, (clip.start_s, clip.end_s, None)
    work.mkdir(parents=True, exist_ok=True)
    shown = progress if isinstance(progress, tqdm) else tqdm(disable=True)
    return find_part(clip.path, work, key, faces, shown, part_s, part)


def _joined(
    clip: MediaFile, work: Path, faces: str, found: list[FoundPart], out: Path, progress: tqdm | bool
) -> ClipSummary:
    faces_found = settle(work, found, faces)
    join_tables(faces_found.tables, out)
    return clip_summary(faces_found, clip.clip_id, clip.subject_id)
