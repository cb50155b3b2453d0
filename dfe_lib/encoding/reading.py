"""How a clip is read: as a whole or part by part, by processes that load no model of psi."""

import json
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ..io.clip_table import MediaFile
from ..io.exported import read_exported
from ..io.media import MediaPart
from ..io.media_parts import media_parts
from ..io.tables import write_text
from ..tracking.extraction import clip_bar, find_part
from ..tracking.formats.settings import ReadSettings
from ..tracking.import_clips import take_clip
from ..tracking.segments import write_found
from .inputs import input_kind
from .settings import Settings

__all__ = ["ClipPlan", "ReadClip", "extract_part", "part_note", "plan_clip", "read_clip"]


@dataclass(frozen=True)
class ClipPlan:
    """How a clip is read.

    Arguments:
        kind: See `inputs.input_kind`.
        media: The segments of a long video that can be read by themselves, see `media_parts`.
    """

    clip: MediaFile
    kind: str
    media: tuple[MediaPart, ...] = ()

    @property
    def parts(self) -> int:
        """How many calls of :func:`extract_part` it takes, by whomever."""
        return max(1, len(self.media))


def plan_clip(clip: MediaFile, settings: Settings) -> ClipPlan:
    """Looks at a clip without reading it all. Raises UserError where it is of no kind that can be read."""
    kind = input_kind(clip.path)
    media = media_parts(clip.path, *_part_s(settings)) if kind == "media" else []
    return ClipPlan(clip, kind, tuple(media))


@dataclass(frozen=True)
class ReadClip:
    """A clip that has been read, not fitted yet, and the folder of its own in which it lies."""

    plan: ClipPlan
    work: Path


def extract_part(
    plan: ClipPlan, number: int, work: Path, settings: Settings, progress: tqdm | bool | None = None
) -> None:
    """Finds the faces of one part of a clip, or reads the table that it is, unless that is done.

    Arguments:
        number: From 0 to `plan.parts`, in any order.
        work: Folder of the clip's own, made when it is missing.
        progress: A bar to move on frame by frame, or whether to show one (default: when a terminal watches).

    Raises one of `extraction.UNREADABLE` when the clip cannot be read.
    """
    done = part_note(work, number)
    if done.exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    if plan.kind != "media":
        write_text(done, json.dumps(_read_table(plan, work, settings)) + "\n")
        return
    clip, part_s = plan.clip, _part_s(settings)
    key = {"clip_id": clip.clip_id, "subject_id": clip.subject_id}
    with clip_bar(clip.path, part_s, clip.clip_id, progress) as shown:
        part = plan.media[number] if plan.media else None
        write_found(done, find_part(clip.path, work, key, settings.faces, shown, part_s, part))


def read_clip(plan: ClipPlan, work: Path, settings: Settings, progress: tqdm | bool | None = None) -> ReadClip:
    """The first half of `clip.write_clip`: finds the faces of a clip, or reads a table, into a folder of its own."""
    for number in range(plan.parts):
        extract_part(plan, number, work, settings, progress)
    return ReadClip(plan, work)


def _read_table(plan: ClipPlan, work: Path, settings: Settings) -> dict[str, str]:
    """Reads a table of another program, or one of ours that is no Parquet file, into the clip's folder."""
    clip, own, note = plan.clip, work / f"{plan.clip.clip_id}.parquet", ""
    if plan.kind == "recording":
        width, height = settings.width, settings.height
        reading = ReadSettings(settings.fps, width, height, faces=settings.faces, offset=settings.offset)
        read = take_clip(clip, own, reading)
        note = "; ".join(filter(None, (read.reason, read.notes)))
    elif clip.path.suffix.lower() != ".parquet":
        read_exported(clip.path, own)
    return {"note": note}


def part_note(work: Path, number: int) -> Path:
    """The last file that a part of the clip writes."""
    return work / f"part-{number:05d}.json"


def _part_s(settings: Settings) -> tuple[float, float | None, float | None]:
    """Start, end and rate of a video."""
    return settings.start_s, settings.end_s, settings.fps or None
