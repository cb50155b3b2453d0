"""One clip in steps that any worker can take: faces part by part, one decision, rows segment by segment, one table.

A step depends on the clip, the settings and what the steps before it left in the clip's folder, on nothing else: one
process and many write the same files. What a step writes appears when it is whole, so a killed step is taken again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from ..io.clip_table import MediaFile
from ..io.exported import read_exported
from ..io.media import MediaPart
from ..io.media_parts import media_parts
from ..io.tables import read_batches, table_writer, write_text
from ..io.threads import one_thread
from ..tracking.extraction import clip_bar, clip_summary, find_part
from ..tracking.formats.settings import ReadSettings
from ..tracking.import_clips import take_clip
from ..tracking.segments import read_found, settle, write_found
from .decision import Decision, decide_table, read_decision, write_decision
from .inputs import input_kind
from .rows import RowMaker
from .settings import Settings
from .table import keep_frames, schema_of, segment_rows, write_table

__all__ = ["ClipPlan", "decide", "extract_part", "finish_segment", "join_clip", "plan_clip"]


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
    done = _note(work, number)
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


def decide(rows: RowMaker, plan: ClipPlan, work: Path, settings: Settings) -> Decision:
    """Who is who in a clip whose parts are all there, and each face at rest; kept in `work`, and not decided twice.

    Raises UserError when its psi is not the model's, or it has none.
    """
    decision = read_decision(work)
    if decision is None:
        with one_thread():
            decision = _decided(rows, plan, work, settings)
        write_decision(work, decision)
    return decision


def finish_segment(rows: RowMaker, plan: ClipPlan, work: Path, number: int, settings: Settings) -> Path:
    """Writes the rows of one of the decision's segments into `work`, unless that is done; returns their table."""
    out = work / f"rows-{number:05d}.parquet"
    if not out.exists():
        decision = decide(rows, plan, work, settings)
        with one_thread(), table_writer(out, schema_of(rows, settings)) as table:
            for columns in segment_rows(rows, decision, number, settings):
                table.write(columns)
    return out


def join_clip(
    rows: RowMaker,
    plan: ClipPlan,
    work: Path,
    out: Path,
    settings: Settings,
    metadata: Mapping[str, str],
) -> None:
    """Writes the encoded table of a clip whose segments are all finished, and removes the clip's folder.

    Arguments:
        metadata: What the file is to say of itself, beside its `note` and `advice`.
    """
    decision = decide(rows, plan, work, settings)
    keep_frames(decision, plan.clip.clip_id, settings)
    parts = [finish_segment(rows, plan, work, number, settings) for number in range(len(decision.segments))]
    write_table(rows, (batch for part in parts for batch in read_batches(part)), out, settings, decision, metadata)
    rmtree(work)


def _decided(rows: RowMaker, plan: ClipPlan, work: Path, settings: Settings) -> Decision:
    if plan.kind == "media":
        found = settle(work, [read_found(_note(work, number)) for number in range(plan.parts)], settings.faces)
        summary = clip_summary(found, plan.clip.clip_id, plan.clip.subject_id)
        return decide_table(rows, plan.clip.path, plan.kind, found.tables, summary.reason, summary.advice)
    note = json.loads(_note(work, 0).read_text(encoding="utf-8"))["note"]
    own = work / f"{plan.clip.clip_id}.parquet"
    return decide_table(rows, plan.clip.path, plan.kind, [own if own.exists() else plan.clip.path], note)


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


def _note(work: Path, number: int) -> Path:
    """The last file that a part of the clip writes."""
    return work / f"part-{number:05d}.json"


def _part_s(settings: Settings) -> tuple[float, float | None, float | None]:
    """Start, end and rate of a video."""
    return settings.start_s, settings.end_s, settings.fps or None
