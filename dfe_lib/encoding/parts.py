"""Finished clips beside an output: each a whole table that says what it was made from, joined at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import UserError
from ..io.export import export_csv
from ..io.row_sums import sum_rows
from ..io.tables import (
    REAL,
    expressions_schema,
    read_batches,
    read_metadata,
    table_schema,
    table_writer,
)
from .columns import COLUMNS, LISTS
from .settings import Settings

__all__ = ["KEY", "PartSummary", "is_done", "join_expressions", "join_parts", "summary_of"]

KEY = "made_from"
SELDOM = 0.02
"""Share of covered frames that goes without saying."""


@dataclass(frozen=True)
class PartSummary:
    """What is in an encoded table.

    Arguments:
        clip_id: its clip, or its file where it holds several. frames: of all clips; with_face: those with tokens.
        people: distinct ones. error_mm: mean over the rows with tokens, NaN without.
        covered: share of the rows with tokens in which something covers the face; NaN where nothing tells.
        note: what could not be read or had to be assumed. advice: what to try where hardly a frame has a face.
    """

    clip_id: str
    frames: int
    with_face: int
    people: int
    error_mm: float
    covered: float
    note: str
    advice: str = ""

    def __str__(self) -> str:
        seen = f"{self.clip_id}: {self.with_face} of {self.frames} frames have a face"
        several = f", {self.people} people" if self.people > 1 else ""
        error = f"; mean error {self.error_mm:.2f} mm" if np.isfinite(self.error_mm) else ""
        # some frames are called covered where nothing is, see `fitting.calibration.UNCOVERED`
        over = f"in {100 * self.covered:.0f} % of them something covers the face" if self.covered > SELDOM else ""
        return "; ".join(filter(None, [seen + several + error, over, self.note, self.advice]))


def is_done(part: Path, key: str) -> bool:
    """Is this a whole table of the very same file and settings?"""
    try:
        return read_metadata(part).get(KEY, "") == key
    except UserError:  # it is not there, or damaged
        return False


def summary_of(part: Path) -> PartSummary:
    """What an encoded table holds."""
    noted, error, told = read_metadata(part), _Mean(), _Mean()
    covers = ["covered"] * ("covered" in table_schema(part).names)

    def add(rows: dict[str, np.ndarray]) -> None:
        error.add(rows["error_mm"][rows["shown"]])
        for name in covers:
            told.add(rows[name][rows["shown"]])

    sums = sum_rows(part, add, ("error_mm", *covers))
    return PartSummary(
        part.stem,
        sums.frames,
        sums.with_face,
        sums.people,
        error.value,
        told.value,
        noted.get("note", ""),
        noted.get("advice", ""),
    )


@dataclass
class _Mean:
    """Of the finite ones among numbers that go by; NaN without any."""

    total: float = 0.0
    count: int = 0

    def add(self, values: np.ndarray) -> None:
        known = values[np.isfinite(values)].astype(float)
        self.total, self.count = self.total + float(known.sum()), self.count + len(known)

    @property
    def value(self) -> float:
        return self.total / self.count if self.count else float("nan")


def join_parts(parts: Sequence[Path], out: Path, settings: Settings) -> None:
    """One table out of many, in their order, with the columns that were asked for; it appears when it is whole."""
    shown = ("key", "tokens", *settings.groups)
    hidden = [LISTS.get(column.name, column.name.rstrip("_")) for column in COLUMNS if column.group not in shown]
    if out.suffix == ".csv":
        export_csv(parts, out, leave_out=hidden)
        return
    schema = table_schema(parts[0])
    kept = [field for field in schema if field.name not in hidden]
    noted = {
        name: value for name, value in (schema.metadata or {}).items() if name.decode() not in (KEY, "note", "advice")
    }
    with table_writer(out, pa.schema(kept, metadata=noted)) as table:
        for part in parts:
            for batch in read_batches(part, [field.name for field in kept]):
                table.write(batch)


def join_expressions(parts: Iterable[Path], out: Path, names: Sequence[str]) -> None:
    """The psi of parts as one expressions table, or a CSV file of it; of a folder a table each."""
    parts = list(parts)
    if not out.suffix:
        for part in parts:
            _write_psi([part], out / part.name, names)
    elif out.suffix == ".csv":
        whole = out.with_name(f".{out.name}.parquet")
        try:
            _write_psi(parts, whole, names)
            export_csv(whole, out)
        finally:
            whole.unlink(missing_ok=True)
    else:
        _write_psi(parts, out, names)


def _write_psi(parts: Sequence[Path], out: Path, names: Sequence[str]) -> None:
    schema = expressions_schema(names, "dfe encode")
    with table_writer(out, schema) as table:
        for part in parts:
            for batch in read_batches(part, schema.names):
                table.write({**batch, "data": batch.get("data", REAL)})
