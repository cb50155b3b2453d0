"""Where the clips of a run come from, and single pictures out of them."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ..errors import UserError
from ..io.assets import asset
from ..io.clip_table import MediaFile, is_clip_table, lacks_paths, table_clips
from ..io.media import is_media, open_media
from ..io.media_files import find_media, with_subjects
from ..io.names import table_path
from ..io.paths import user_path
from ..io.pieces import PIECES
from ..io.tables import read_arrays, write_text
from .formats.registry import find_recordings
from .formats.takes import compare_with_video, video_of
from .skipped import skipped_files

__all__ = ["find_sources", "read_sources", "stills", "write_sources"]

SOURCES = "sources.json"


def find_sources(
    media: str | Iterable[str],
    subjects: Mapping[str, str] | str | os.PathLike | None = None,
    skipped: dict[Path, str] | None = None,
    parts: Mapping[str, Sequence[Any]] | None = None,
) -> list[MediaFile]:
    """Clips of a notebook's `media` parameter: names of samples, files, folders or globs; also other programs' files.

    Arguments:
        media: Paths are those of `io.paths.user_path`. A table of clips (see `clip_tables`) stands for all of its clips
            and subjects, and alone.
        subjects: Who is in which clip, as in `media.find_media`; clips that it leaves out are their own subjects.
        skipped: Takes the files of folders that were passed over, and why, see `formats.find_recordings`.
        parts: Beginning and end in seconds of the part that is read of a video, by clip; all of those it leaves out.

    Raises UserError where `parts` names a clip that is not there, or no two times.
    """
    clips = _found(media, subjects, {} if skipped is None else skipped)
    wrong = sorted((parts or {}).keys() - {clip.clip_id for clip in clips})
    if wrong:
        raise UserError(f"parts names {wrong[0]}, which is no clip of media: take it out.")
    return [_part(clip, (parts or {}).get(clip.clip_id)) for clip in clips]


def _found(
    media: str | Iterable[str],
    subjects: Mapping[str, str] | str | os.PathLike | None,
    skipped: dict[Path, str],
) -> list[MediaFile]:
    names = [media] if isinstance(media, str) else list(media)
    paths = [asset(name) if name in PIECES else user_path(name) for name in names]
    tables = [path for path in paths if is_clip_table(path) or lacks_paths(path)]
    if tables and len(paths) > 1:
        raise UserError(f"media names {tables[0].name} beside other files: add their rows to that table of clips.")
    if tables:
        return table_clips(tables[0])
    find_others = partial(find_recordings, skipped=skipped)
    try:
        clips = find_media(paths, find_others=find_others)
    except UserError as error:
        raise UserError(" ".join([str(error), *(reason for _, reason in skipped_files(skipped)[:1])])) from None
    if isinstance(subjects, Mapping):
        subjects = {clip.clip_id: clip.clip_id for clip in clips} | dict(subjects)
    elif subjects:
        subjects = user_path(subjects)
    return with_subjects(clips, subjects) if subjects else clips


def _part(clip: MediaFile, times_s: Sequence[Any] | None) -> MediaFile:
    if times_s is None:
        return clip
    if len(times_s) != 2 or not all(isinstance(time, int | float) for time in times_s):
        raise UserError(f"parts of {clip.clip_id} must be two times in seconds, such as [0, 60].")
    return replace(clip, start_s=float(times_s[0]), end_s=float(times_s[1]))


def write_sources(clips: Iterable[MediaFile], folder: Path) -> None:
    """Notes each clip's video or picture beside the frames tables, for the pictures of the later notebooks.

    Of another program's file that is the video which it was measured on, where there is one of as many frames as the
    clip's table in the folder.
    """
    pictures = {clip.clip_id: _pictures(clip, table_path(folder, clip.clip_id)) for clip in clips}
    named = {name: str(path) for name, path in pictures.items() if path is not None}
    write_text(folder / SOURCES, json.dumps(named, indent=1) + "\n")


def _pictures(clip: MediaFile, table: Path) -> Path | None:
    if is_media(clip.path):
        return clip.path
    video = video_of(clip.path)
    if video is None or not table.exists():
        return video
    frames = int(read_arrays(table, ["frame"])["frame"].max()) + 1
    return None if compare_with_video(clip.path, frames) else video


def read_sources(folder: Path) -> dict[str, Path]:
    """File of each clip; empty where the frames came without media (other front ends).

    Raises UserError where the note of them is damaged.
    """
    path = folder / SOURCES
    if not path.exists():
        return {}
    try:
        return {name: Path(file) for name, file in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{path} is damaged: run 01_preprocess again, or delete it to go without pictures.") from None


def stills(path: Path, indices: Iterable[int]) -> dict[int, UInt8[np.ndarray, "h w 3"]]:
    """Upright pictures of the wanted frames, read up to the last of them.

    Raises UserError when the clip has no such frame.
    """
    wanted = {int(index) for index in indices}
    found: dict[int, np.ndarray] = {}
    with open_media(path) as reader:
        for frame in reader.frames:
            if frame.index in wanted:
                found[frame.index] = frame.rgb
            if len(found) == len(wanted):
                return found
    raise UserError(f"{path.name} has no frame {min(wanted - found.keys())}: run 01_preprocess again on this clip.")
