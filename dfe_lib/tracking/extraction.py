"""Clips to frames tables: one row a frame and face, an explicit row for a frame without a face."""

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pandas as pd
from tqdm import tqdm

from ..blendshapes import BLENDSHAPES
from ..errors import UserError
from ..io.clip_table import MediaFile
from ..io.media import Frame, MediaReader, open_media
from ..io.media_files import find_media
from ..io.names import table_path
from ..io.outputs import OutputError
from ..io.progress import bar, is_watched, read_ahead
from ..io.tables import FRAMES, N_FEATURES, N_LANDMARKS, atomic_path, read_arrays, read_batches, table_writer
from .detection import FaceFinder, FoundFace
from .feature_axes import kept_features
from .identity import Tracker

__all__ = ["UNREADABLE", "ClipSummary", "extract_clip", "extract_clips", "extract_frames"]

BATCH = 256
FEW = 0.1
"""Share of frames with a face below which something is likely to be wrong."""
LEAST_PX = 40
"""Height of the smallest faces that are found well, see `recall.faces_found`."""
EYE_CORNERS = (33, 263)
"""Outer corners of the right and the left eye in FaceLandmarker's numbering."""
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
    clip_id = clip_id or Path(path).stem
    with open_media(path, start_s, end_s, fps) as reader:
        return extract_frames(reader, out, clip_id, subject_id or clip_id, faces, progress)


def extract_frames(
    reader: MediaReader,
    out: str | os.PathLike,
    clip_id: str,
    subject_id: str,
    faces: str = "largest",
    progress: tqdm | bool | None = None,
) -> ClipSummary:
    """The same as :func:`extract_clip` for frames that are read already, or come from elsewhere."""
    if faces not in ("largest", "all"):
        raise UserError(f"faces must be 'largest' or 'all', not {faces!r}.")
    tracker = Tracker()
    with atomic_path(out) as everyone:
        rows = _Rows(clip_id, subject_id)
        # found in a thread of their own: rows are made and written while MediaPipe looks at the next frame
        ahead = read_ahead(_found_faces(reader, faces, clip_id, progress))
        with table_writer(everyone, FRAMES) as table, ahead as frames:
            for frame, found in frames:
                rows.add(frame, found, tracker.update([each.box for each in found], frame.time_s))
                if len(rows) >= BATCH:
                    table.write(rows.take())
            if len(rows):
                table.write(rows.take())
        with_face = rows.frames_with_face
        if faces == "largest" and len(tracker) > 1:
            with_face = _keep_one(everyone, tracker.largest())
    return rows.summary(reader, with_face, people=len(tracker))


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


def _found_faces(
    reader: MediaReader, faces: str, label: str, progress: tqdm | bool | None
) -> Generator[tuple[Frame, list[FoundFace]], None, None]:
    with (
        read_ahead(reader.frames) as frames,
        FaceFinder(reader.still, everyone=faces == "all") as find,
        _bar(reader, label, progress) as shown,
    ):
        for frame in frames:
            yield frame, find(frame)
            shown.update()


@contextmanager
def _bar(reader: MediaReader, label: str, progress: tqdm | bool | None) -> Iterator[tqdm]:
    if isinstance(progress, tqdm):
        yield progress
        return
    show = is_watched() if progress is None else progress
    with bar(total=reader.expected or None, desc=label, unit="frame", disable=not show or reader.still) as shown:
        yield shown


class _Rows:
    """Rows of the frames table on their way to it, and what they count up to."""

    def __init__(self, clip_id: str, subject_id: str):
        self._key = {"clip_id": clip_id, "subject_id": subject_id}
        self._rows: list[dict[str, Any]] = []
        self.frames = self.frames_with_face = 0
        self._first: Frame | None = None
        self._last: Frame | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, frame: Frame, found: list[FoundFace], ids: list[int]) -> None:
        height, width = frame.rgb.shape[:2]
        where = {"frame": frame.index, "time_s": frame.time_s, "width": width, "height": height}
        people = sorted(zip(ids, found, strict=True), key=lambda pair: pair[0])
        self._rows += [where | _face_columns(face_id, each, width, height) for face_id, each in people]
        if not people:
            self._rows.append(where | _no_face())
        self.frames += 1
        self.frames_with_face += bool(people)
        self._first, self._last = self._first or frame, frame

    def take(self) -> dict[str, Any]:
        """The rows so far, as columns; they are let go."""
        columns: dict[str, Any] = {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
        self._rows = []
        return self._key | columns

    def summary(self, reader: MediaReader, frames_with_face: int, people: int) -> ClipSummary:
        first, last = self._first, self._last
        assert first is not None and last is not None  # a reader gives at least one frame, or raises
        duration_s = last.time_s - first.time_s
        return ClipSummary(
            **self._key,
            status="ok",
            reason=reader.damage,
            frames=self.frames,
            frames_with_face=frames_with_face,
            people=people,
            fps=round((self.frames - 1) / duration_s, 3) if duration_s else 0.0,
            duration_s=round(duration_s, 3),
            width=last.rgb.shape[1],
            height=last.rgb.shape[0],
            advice="" if frames_with_face >= FEW * self.frames else _advice(frames_with_face, self.frames),
        )


def _advice(with_face: int, frames: int) -> str:
    return (
        f"{with_face} of {frames} frames have a face: if somebody is to be seen in more, try `--faces all`, or cut the "
        f"picture around the face so that it stands upright in it and is {LEAST_PX} pixels high or more."
    )


def _face_columns(face_id: int, found: FoundFace, width: int, height: int) -> dict[str, Any]:
    face = found.face
    x, y = face.landmarks[:, 0], face.landmarks[:, 1]
    right, left = face.landmarks[list(EYE_CORNERS), :2]
    return {
        "face_id": face_id,
        "detected": True,
        "confidence": np.nan if found.confidence is None else found.confidence,
        "landmarks": face.landmarks.ravel(),
        "blendshapes": face.blendshapes,
        "features": kept_features(face),
        "rotation": face.rotation.ravel(),
        "translation_mm": face.translation_mm,
        "interocular_px": np.linalg.norm(right - left),
        "out_of_frame": ((x < 0) | (x >= width) | (y < 0) | (y >= height)).mean(),
    }


def _no_face() -> dict[str, Any]:
    return {
        "face_id": -1,
        "detected": False,
        "confidence": np.nan,
        "landmarks": np.full(3 * N_LANDMARKS, np.nan, np.float32),
        "blendshapes": np.full(len(BLENDSHAPES), np.nan, np.float32),
        "features": np.full(N_FEATURES, np.nan, np.float16),
        "rotation": np.full(9, np.nan, np.float32),
        "translation_mm": np.full(3, np.nan, np.float32),
        "interocular_px": np.nan,
        "out_of_frame": np.nan,
    }


def _keep_one(path: Path, face_id: int) -> int:
    """Rewrites a frames table with one person's rows alone, as face_id 0; returns the frames that show them."""
    key = read_arrays(path, ["frame", "face_id"])
    shown = np.unique(key["frame"][key["face_id"] == face_id])
    last = -1
    with table_writer(path, FRAMES) as table:
        for columns in read_batches(path):
            frame, kept = columns["frame"], columns["face_id"] == face_id
            # where the person is missing, the frame's first row stays and says so
            first = np.diff(frame, prepend=last) != 0
            missing = first & ~np.isin(frame, shown)
            last = frame[-1]
            for name in ("confidence", "interocular_px", "out_of_frame"):
                columns[name] = np.where(missing, np.float32(np.nan), columns[name])
            columns["detected"] = kept
            columns["face_id"] = np.where(kept, 0, -1)
            table.write({name: values[kept | missing] for name, values in columns.items()})
    return len(shown)
