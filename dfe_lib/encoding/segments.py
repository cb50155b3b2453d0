"""One clip in steps that any worker can take: faces part by part, one decision, rows segment by segment, one table.

A step depends on the clip, the settings and what the steps before it left in the clip's folder, on nothing else: one
process and many write the same files. What a step writes appears when it is whole, so a killed step is taken again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree

from ..io.tables import read_batches, table_writer
from ..io.threads import one_thread
from ..tracking.extraction import clip_summary
from ..tracking.segments import read_found, settle
from .decision import Decision, decide_table, read_decision, write_decision
from .reading import ClipPlan, part_note
from .rows import RowMaker
from .settings import Settings
from .table import keep_frames, schema_of, segment_rows, write_table

__all__ = ["decide", "finish_segment", "join_clip"]


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
        with one_thread(), table_writer(out, schema := schema_of(rows, settings)) as table:
            for columns in segment_rows(rows, decision, number, settings):
                table.write({name: columns[name] for name in schema.names})
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
        found = settle(work, [read_found(part_note(work, number)) for number in range(plan.parts)], settings.faces)
        summary = clip_summary(found, plan.clip.clip_id, plan.clip.subject_id)
        return decide_table(rows, plan.clip.path, plan.kind, found.tables, summary.reason, summary.advice)
    note = json.loads(part_note(work, 0).read_text(encoding="utf-8"))["note"]
    own = work / f"{plan.clip.clip_id}.parquet"
    return decide_table(rows, plan.clip.path, plan.kind, [own if own.exists() else plan.clip.path], note)
