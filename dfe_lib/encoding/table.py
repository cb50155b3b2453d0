"""Rows to an encoded table, and frames tables that somebody wants to keep."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import UserError
from ..fitting.measurement import measurement_kind, measurement_of
from ..fitting.segment_fit import fit_segment
from ..io.names import table_path
from ..io.tables import FRAMES, table_schema, table_writer
from .columns import encoded_schema
from .decision import Decision
from .rows import KEY, Batch, RowMaker
from .settings import Settings

__all__ = ["finished_rows", "keep_frames", "schema_of", "segment_rows", "write_table"]

SEEN = ("confidence", "landmarks", "rotation")
"""What of a frames table goes into the rows, where it is there."""


def schema_of(rows: RowMaker, settings: Settings, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Of an encoded table with the columns of the settings."""
    config = rows.model.config
    return encoded_schema(config.n_stages, config.coefficients, settings.groups, dict(metadata or {}))


def write_table(
    rows: RowMaker,
    batches: Iterable[Batch],
    out: Path,
    settings: Settings,
    decision: Decision,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes finished rows as an encoded table; it appears when it is whole.

    Arguments:
        batches: With the columns of :func:`schema_of`, and perhaps others.
        metadata: What the file is to say of itself, beside the decision's note and advice.

    Raises UserError where there is no row.
    """
    told = dict(metadata or {}) | {"advice": decision.advice, "note": decision.note}
    with table_writer(out, schema := schema_of(rows, settings, told)) as table:
        for batch in batches:
            table.write({name: batch[name] for name in schema.names})
        if not table.rows:
            raise UserError("no frame lies in the part that --start and --end name: the clip is shorter.")


def keep_frames(decision: Decision, clip_id: str, settings: Settings) -> None:
    """Writes the frames table that a clip was read into, if the settings ask for it and it is none of ours already."""
    if not settings.frames or decision.kind not in ("media", "recording"):
        return
    out = table_path(Path(settings.frames), clip_id)
    schema = FRAMES if decision.kind == "media" else table_schema(decision.segments[0].path)
    with table_writer(out, schema) as table:
        for segment in decision.segments:
            for batch in segment.batches(schema.names):
                table.write(batch)


def segment_rows(rows: RowMaker, decision: Decision, number: int, settings: Settings) -> Iterator[Batch]:
    """The columns of an encoded table for one of a clip's segments, a few hundred rows at a time."""
    return finished_rows(rows, _batches(rows, decision, number, settings), settings, decision.note)


def finished_rows(rows: RowMaker, batches: Iterable[Batch], settings: Settings, note: str = "") -> Iterator[Batch]:
    """The columns of an encoded table for batches with psi or tokens.

    Rows outside the part of the clip that the settings name are left out; of a video no others were read.
    """
    hold = rows.holder(settings.hold_mm)
    for batch in batches:
        part = _wanted(batch, settings)
        if len(part["time_s"]):
            yield rows(part, hold) | {"note": np.full(len(part["time_s"]), note or None, object)}


def _batches(rows: RowMaker, decision: Decision, number: int, settings: Settings) -> Iterator[Batch]:
    """psi or tokens, and what a frames table knows beside them."""
    segment = decision.segments[number]
    there = table_schema(segment.path).names
    if decision.kind == "tokens":
        yield from segment.batches([*KEY, "tokens", "valid", "error_mm"])
    elif decision.kind == "expressions":
        told = [name for name in ("covered",) if name in there]
        yield from segment.batches([*KEY, "psi", "valid", "residual_mm", *told])
    else:
        what = measurement_kind(segment.path)
        assert what is not None  # or nothing would have been decided
        measurement = measurement_of(what, rows.head)
        fit = fit_segment(decision.segments, number, decision.neutrals, measurement, settings.smoothing)
        seen = segment.batches([name for name in SEEN if name in there] or ["frame"])
        for batch, beside in zip(fit.batches, seen, strict=True):
            yield batch | {name: beside[name] for name in SEEN if name in beside}


def _wanted(batch: Batch, settings: Settings) -> Batch:
    late = settings.end_s is not None and batch["time_s"] >= settings.end_s
    here = ~(late | (batch["time_s"] < settings.start_s))
    return batch if here.all() else {name: values[here] for name, values in batch.items()}
