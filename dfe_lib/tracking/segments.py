"""The faces of a clip, segment by segment: found by one process or many, the tables are the same.

In each segment detection and tracking begin anew, so that a segment depends on nothing before it; then people are
linked over the boundaries, and who is kept is decided over the whole clip.
"""

import json
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..errors import UserError
from ..io.clock import time_note
from ..io.media import Frame, MediaReader, damage_note
from ..io.progress import read_ahead
from ..io.segments import segment_numbers
from ..io.tables import FRAMES, read_arrays, read_batches, table_writer, write_text
from ..io.threads import one_numpy_thread
from .detection import FaceFinder, FoundFace
from .face_rows import FaceRows
from .identity import Track, Tracker, largest, link
from .landmarker import Box

__all__ = ["ClipFaces", "FoundPart", "FoundSegment", "find_faces", "read_found", "settle", "write_found"]

BATCH = 256
ABSENT = -2
"""A face_id that no row has."""


@dataclass(frozen=True)
class FoundSegment:
    """What was found in a segment; its tracks have the face_ids of its table.

    Arguments:
        number: Of the segment in its clip.
        width, height: Of the last frame, in pixels.
    """

    number: int
    frames: int
    frames_with_face: int
    first_s: float
    last_s: float
    width: int
    height: int
    tracks: list[Track]


@dataclass(frozen=True)
class FoundPart:
    """What one reading of a video found: segments in order, and what the reader has to say of the file.

    Arguments:
        read, claimed, skipped, stopped: See `media.MediaReader`.
        times: Falls, uneven steps and frames, see `clock.Clock.counts`.
    """

    segments: list[FoundSegment]
    read: int
    claimed: int
    skipped: int
    stopped: str
    times: tuple[int, int, int]


@dataclass(frozen=True)
class ClipFaces:
    """Who is in a clip.

    Arguments:
        tables: Frames tables of its segments, in order, as they are meant to be.
        people: Distinct people seen, kept or not. frames_with_face: Those with a face in the tables.
        damage: What could not be read or is odd, in words.
    """

    tables: list[Path]
    segments: list[FoundSegment]
    people: int
    frames_with_face: int
    damage: str

    @property
    def frames(self) -> int:
        return sum(each.frames for each in self.segments)


def find_faces(
    reader: MediaReader, work: Path, key: dict[str, str], faces: str, shown: tqdm, number: int | None = None
) -> FoundPart:
    """Writes `work/found-00000.parquet` and so on, a frames table for each segment of what the reader reads.

    Arguments:
        key: clip_id and subject_id.
        faces: Of `extraction.extract_clip`: all are looked for more closely than the largest.
        shown: A bar to move on frame by frame.
        number: Of the one segment that is read; None where they are told apart by the frames' times.
    """
    segments = []
    # found in a thread of their own: rows are made and written while the networks look at the next frame
    with one_numpy_thread(), read_ahead(_found_faces(reader, faces, number, shown)) as found:
        for each, frames in groupby(found, key=lambda item: item[0]):
            segments.append(_write_segment(_found_table(work, each), each, (item[1:] for item in frames), key))
    return FoundPart(segments, reader.read, reader.claimed, reader.skipped, reader.stopped, reader.clock.counts)


def write_found(path: Path, part: FoundPart) -> None:
    """Keeps what was found as JSON."""
    write_text(path, json.dumps(asdict(part)) + "\n")


def read_found(path: Path) -> FoundPart:
    """What :func:`write_found` wrote."""
    noted = json.loads(path.read_text(encoding="utf-8"))
    segments = [FoundSegment(**each | {"tracks": [_track(**track) for track in each["tracks"]]})
                for each in noted["segments"]]  # fmt: skip
    return FoundPart(**noted | {"segments": segments, "times": tuple(noted["times"])})


def settle(work: Path, parts: Sequence[FoundPart], faces: str) -> ClipFaces:
    """Links the people of all segments, and writes `work/frames-00000.parquet` and so on in place of what was found.

    Arguments:
        parts: All those of a clip, in order.
        faces: `"largest"` keeps the one person who shows most face over the clip, as face_id 0; `"all"` everybody.

    Raises UserError where there is no frame.
    """
    segments = [segment for part in parts for segment in part.segments]
    if not segments:
        raise UserError(f"no frame could be read: {_damage(parts) or 'there is none'}.")
    ids, people = link(segment.tracks for segment in segments)
    kept = largest(people) if faces == "largest" and len(people) > 1 else None
    tables = [work / f"frames-{segment.number:05d}.parquet" for segment in segments]
    for segment, own, table in zip(segments, ids, tables, strict=True):
        found = _found_table(work, segment.number)
        if found.exists():  # it does not where a process that was killed has been here
            _settle_table(found, table, own, kept)
    with_face = sum(each.frames_with_face for each in segments) if kept is None else people[kept].frames
    return ClipFaces(tables, segments, len(people), with_face, _damage(parts))


def _found_faces(
    reader: MediaReader, faces: str, number: int | None, shown: tqdm
) -> Generator[tuple[int, Frame, list[FoundFace]], None, None]:
    """Number of the segment, frame and faces; a finder for each segment."""
    with read_ahead(reader.frames) as frames:
        for each, own in groupby(_numbered(frames, number), key=lambda item: item[0]):
            with FaceFinder(reader.still, everyone=faces == "all") as find:
                for _, frame in own:
                    yield each, frame, find(frame)
                    shown.update()


def _numbered(frames: Iterator[Frame], number: int | None) -> Iterator[tuple[int, Frame]]:
    first_s = None
    for frame in frames:
        first_s = frame.time_s if first_s is None else first_s
        yield int(segment_numbers(np.array([frame.time_s]), first_s)[0]) if number is None else number, frame


def _write_segment(
    out: Path, number: int, frames: Iterator[tuple[Frame, list[FoundFace]]], key: dict[str, str]
) -> FoundSegment:
    tracker, rows, first_s, last = Tracker(), FaceRows(key), None, None
    with table_writer(out, FRAMES) as table:
        for frame, found in frames:
            rows.add(frame, found, tracker.update([each.box for each in found], frame.time_s))
            first_s, last = frame.time_s if first_s is None else first_s, frame
            if len(rows) >= BATCH:
                table.write(rows.take())
        if len(rows):
            table.write(rows.take())
    assert first_s is not None and last is not None  # a group has a frame at least
    height, width = last.rgb.shape[:2]
    counts = rows.frames, rows.frames_with_face
    return FoundSegment(number, *counts, first_s, last.time_s, width, height, tracker.tracks)


def _settle_table(found: Path, table: Path, ids: Sequence[int], kept: int | None) -> None:
    """The table with the clip's face_ids, or with one person's rows alone, as face_id 0."""
    if kept is not None:
        _keep_one(found, table, ids.index(kept) if kept in ids else ABSENT)
        found.unlink()
    elif list(ids) == list(range(len(ids))):
        os.replace(found, table)
    else:
        names = np.array([*ids, -1])  # the last is for rows without a face
        with table_writer(table, FRAMES) as out:
            for columns in read_batches(found):
                out.write(columns | {"face_id": names[columns["face_id"]]})
        found.unlink()


def _keep_one(found: Path, out: Path, face_id: int) -> None:
    """One person's rows; where the person is missing, the frame's first row stays and says so."""
    key = read_arrays(found, ["frame", "face_id"])
    shown = np.unique(key["frame"][key["face_id"] == face_id])
    last = -1
    with table_writer(out, FRAMES) as table:
        for columns in read_batches(found):
            frame, kept = columns["frame"], columns["face_id"] == face_id
            first = np.diff(frame, prepend=last) != 0
            missing = first & ~np.isin(frame, shown)
            last = frame[-1]
            for name in ("confidence", "interocular_px", "out_of_frame"):
                columns[name] = np.where(missing, np.float32(np.nan), columns[name])
            columns["detected"] = kept
            columns["face_id"] = np.where(kept, 0, -1)
            table.write({name: values[kept | missing] for name, values in columns.items()})


def _damage(parts: Sequence[FoundPart]) -> str:
    """What the readers of all parts have to say, in words."""
    falls, uneven, frames = np.sum([part.times for part in parts], axis=0).tolist()
    read, claimed, skipped = (sum(getattr(part, name) for part in parts) for name in ("read", "claimed", "skipped"))
    stopped = reduce(lambda one, other: one or other, (part.stopped for part in parts))
    return damage_note(skipped, read, claimed, stopped, time_note(falls, uneven, frames))


def _track(first: dict[str, float], box: dict[str, float], **rest: Any) -> Track:
    return Track(first=Box(**first), box=Box(**box), **rest)


def _found_table(work: Path, number: int) -> Path:
    return work / f"found-{number:05d}.parquet"
