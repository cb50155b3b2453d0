"""Clips to frames tables: one row a frame and face, an explicit row for a frame without a face."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import av
import pandas as pd
from tqdm import tqdm

from ..errors import UserError
from ..io.clip_table import MediaFile
from ..io.media import MediaPart, MediaReader, open_media
from ..io.media_files import find_media
from ..io.media_parts import media_parts
from ..io.names import table_path
from ..io.outputs import OutputError
from ..io.progress import bar, is_watched
from ..io.scratch import scratch
from ..io.tables import FRAMES, read_batches, table_writer
from .segments import ClipFaces, FoundPart, find_faces, settle

__all__ = [
    "UNREADABLE",
    "ClipSummary",
    "check_faces",
    "clip_bar",
    "clip_summary",
    "extract_clip",
    "extract_clips",
    "extract_frames",
    "find_part",
    "frame_bar",
    "join_tables",
]

FEW = 0.1
"""Share of frames with a face below which something is likely to be wrong."""
LEAST_PX = 40
"""Height of the smallest faces that are found well, see `recall.faces_found`."""
UNREADABLE = (OSError, RuntimeError, ValueError, av.FFmpegError)
"""What damaged files raise, some of them deep in the libraries that read them; every UserError is a ValueError."""


@dataclass(frozen=True)
class ClipSummary:
    """What became of a clip.

    Arguments:
        status: `"ok"`, `"failed"` when there is no table, or `"skipped"` for a file of a folder that is no clip.
        reason: Why it failed or was skipped, or what was damaged in a clip that could be read in part.
        frames: Frames in the table, with and without a face.
        frames_with_face: Those with a face in the table.
        people: Distinct people seen, kept or not.
        fps: Frames a second by the clip's own times (0 for a picture).
        duration_s: Time of the last frame after the first.
        advice: What to try where under a tenth of the frames have a face; empty where there are more.
        notes: What was assumed, dropped or repaired in another program's file, one sentence each.
    """

    clip_id: str
    subject_id: str
    status: Literal["ok", "failed", "skipped"]
    reason: str = ""
    frames: int = 0
    frames_with_face: int = 0
    people: int = 0
    fps: float = 0.0
    duration_s: float = 0.0
    width: int = 0
    height: int = 0
    advice: str = ""
    notes: str = ""


def extract_clip(
    path: str | os.PathLike,
    out: str | os.PathLike,
    *,
    clip_id: str | None = None,
    subject_id: str | None = None,
    faces: str = "largest",
    start_s: float = 0.0,
    end_s: float | None = None,
    fps: float | None = None,
    progress: tqdm | bool | None = None,
) -> ClipSummary:
    """Writes the frames table of one video or picture, in memory that does not grow with its length.

    Arguments:
        path: The video or picture.
        out: The Parquet file to write (see `tables.FRAMES`); it appears when it is complete.
        clip_id, subject_id: Default to the file's stem, and to clip_id.
        faces: `"largest"` keeps the one person who shows most face over the clip, as face_id 0, and a frame without
            that person counts as one without a face; `"all"` keeps everybody, with one row for each.
        start_s, end_s, fps: The part of a video, and a rate in place of its own times, see :func:`media.open_media`.
        progress: A bar to move on, or whether to show one with frames a second (default: when a terminal watches).

    Raises:
        UserError: The file cannot be read; nothing is written.
    """
    check_faces(faces)
    path, key = Path(path), {"clip_id": clip_id or Path(path).stem}
    key["subject_id"] = subject_id or key["clip_id"]
    part_s = start_s, end_s, fps
    with scratch() as work, clip_bar(path, part_s, key["clip_id"], progress) as shown:
        parts: list[MediaPart | None] = [*media_parts(path, *part_s)] or [None]
        found = [find_part(path, work, key, faces, shown, part_s, part) for part in parts]
        clip = settle(work, found, faces)
        join_tables(clip.tables, Path(out))
    return clip_summary(clip, **key)


def extract_frames(
    reader: MediaReader,
    out: str | os.PathLike,
    clip_id: str,
    subject_id: str,
    faces: str = "largest",
    progress: tqdm | bool | None = None,
) -> ClipSummary:
    """The same as :func:`extract_clip` for frames that are read already, or come from elsewhere."""
    check_faces(faces)
    key = {"clip_id": clip_id, "subject_id": subject_id}
    with scratch() as work, frame_bar(reader, clip_id, progress) as shown:
        clip = settle(work, [find_faces(reader, work, key, faces, shown)], faces)
        join_tables(clip.tables, Path(out))
    return clip_summary(clip, **key)


def extract_clips(
    media: str | os.PathLike | Iterable[str | os.PathLike | MediaFile],
    folder: str | os.PathLike,
    *,
    faces: str = "largest",
    subjects: Mapping[str, str] | str | os.PathLike | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Writes `folder/<clip_id>.parquet` for each clip; one that cannot be read is reported and the others go on.

    Arguments:
        media: A folder, a glob, a file, a list of these, or what `find_media` returned.
        folder: Where the frames tables go.
        faces: `"largest"` or `"all"`, as in :func:`extract_clip`.
        subjects: Who is in which clip, as in `find_media`.
        progress: Show a bar for each clip (default: when a terminal watches).

    Returns:
        One row a clip, with the columns of :class:`ClipSummary`.

    Raises:
        UserError: There is no such media at all.
    """
    items = [media] if isinstance(media, str | os.PathLike) else list(media)
    clips = [item for item in items if isinstance(item, MediaFile)]
    if not clips or len(clips) < len(items):
        clips = find_media([item.path if isinstance(item, MediaFile) else item for item in items], subjects)
    folder = Path(folder)
    return pd.DataFrame([asdict(_extract_or_report(clip, folder, faces, progress)) for clip in clips])


def _extract_or_report(clip: MediaFile, folder: Path, faces: str, progress: bool | None) -> ClipSummary:
    out = table_path(folder, clip.clip_id)
    try:
        return extract_clip(
            clip.path, out, clip_id=clip.clip_id, subject_id=clip.subject_id, faces=faces,
            start_s=clip.start_s, end_s=clip.end_s, progress=progress,
        )  # fmt: skip
    except OutputError:
        raise
    except UNREADABLE as error:
        out.unlink(missing_ok=True)  # or the next notebook would take an earlier run's table for this one's
        return ClipSummary(clip.clip_id, clip.subject_id, "failed", reason=str(error))


def check_faces(faces: str) -> None:
    """Raises UserError for anything but `"largest"` and `"all"`."""
    if faces not in ("largest", "all"):
        raise UserError(f"faces must be 'largest' or 'all', not {faces!r}.")


def find_part(
    path: Path, work: Path, key: dict[str, str], faces: str, shown: tqdm,
    part_s: tuple[float, float | None, float | None], part: MediaPart | None,
) -> FoundPart:  # fmt: skip
    """The faces of a part of a video that `media_parts` names, or of all that is read of it, see `find_faces`.

    Arguments:
        part_s: Start, end and rate, as in `media.open_media`.
    """
    with open_media(path, *part_s, part=part) as reader:
        return find_faces(reader, work, key, faces, shown, part.number if part else None)


@contextmanager
def frame_bar(reader: MediaReader, label: str, progress: tqdm | bool | None) -> Iterator[tqdm]:
    """A bar of a clip's frames, or the one that is given."""
    if isinstance(progress, tqdm):
        yield progress
        return
    show = is_watched() if progress is None else progress
    with bar(total=reader.expected or None, desc=label, unit="frame", disable=not show or reader.still) as shown:
        yield shown


@contextmanager
def clip_bar(
    path: Path, part_s: tuple[float, float | None, float | None], label: str, progress: tqdm | bool | None
) -> Iterator[tqdm]:
    if isinstance(progress, tqdm):
        yield progress
        return
    with open_media(path, *part_s) as reader:  # opened for what it says of its length
        pass
    with frame_bar(reader, label, progress) as shown:
        yield shown


def clip_summary(clip: ClipFaces, clip_id: str, subject_id: str) -> ClipSummary:
    """What became of a clip whose faces were found."""
    last, frames = clip.segments[-1], clip.frames
    duration_s = last.last_s - clip.segments[0].first_s
    return ClipSummary(
        clip_id,
        subject_id,
        status="ok",
        reason=clip.damage,
        frames=frames,
        frames_with_face=clip.frames_with_face,
        people=clip.people,
        fps=round((frames - 1) / duration_s, 3) if duration_s else 0.0,
        duration_s=round(duration_s, 3),
        width=last.width,
        height=last.height,
        advice="" if clip.frames_with_face >= FEW * frames else _advice(clip.frames_with_face, frames),
    )


def _advice(with_face: int, frames: int) -> str:
    return (
        f"{with_face} of {frames} frames have a face: if somebody is to be seen in more, try `--faces all`, or cut the "
        f"picture around the face so that it stands upright in it and is {LEAST_PX} pixels high or more."
    )


def join_tables(tables: Iterable[Path], out: Path) -> None:
    """One frames table out of those of the segments, which go as they are taken over."""
    with table_writer(out, FRAMES) as whole:
        for table in tables:
            for columns in read_batches(table):
                whole.write(columns)
            table.unlink()
