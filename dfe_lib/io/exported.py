"""CSV files that `export_csv` and `dfe encode` wrote, read again as the Parquet tables that they came from."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import UserError
from .delimited import TextLayout, read_columns, text_layout
from .export import bare_text
from .tables import REAL, expressions_schema, table_writer, tokens_schema

__all__ = ["exported_kind", "exported_names", "read_exported"]

PSI, TOKEN = "psi_", "token_"
TEXT = ("clip_id", "subject_id", "data", "valid")
NUMBERS = ("face_id", "frame", "time_s", "residual_mm", "error_mm")
TRUE = ("true", "1", "1.0")
MOST_TOKENS = 32768
"""A token is an int16."""


def exported_kind(path: str | os.PathLike) -> str:
    """`"expressions"` for a CSV file with columns of psi, `"tokens"` for one with tokens alone, `""` for any other."""
    path = Path(path)
    if path.suffix.lower() != ".csv" or not path.is_file():
        return ""
    try:
        names = text_layout(path).names
    except UserError:  # no table at all: whoever reads it says so
        return ""
    return "expressions" if exported_names(names, PSI) else "tokens" if exported_names(names, TOKEN) else ""


def exported_names(names: tuple[str, ...], start: str) -> list[str]:
    """What stands behind the start of the columns that have it, in their order; tokens must be numbered from 1.

    >>> exported_names(("frame", "psi_jawOpen", "psi_jawLeft"), "psi_"), exported_names(("token_2",), "token_")
    (['jawOpen', 'jawLeft'], [])
    """
    found = [name.removeprefix(start) for name in names if name.startswith(start)]
    return found if start != TOKEN or found == [str(i + 1) for i in range(len(found))] else []


def read_exported(path: str | os.PathLike, out: str | os.PathLike) -> str:
    """Writes the expressions or tokens table that a CSV file holds; returns its kind.

    A row with a number missing is one without a face; columns that neither table has are left out. Without `frame`
    rows are counted, without `clip_id` the clip is called as the file.

    Arguments:
        path: CSV file with `time_s` and `psi_jawOpen`, ... or `token_1`, ...
        out: Parquet file to write; it appears when it is whole.

    Raises UserError when the file is another or holds what is no number.
    """
    path, kind = Path(path), exported_kind(path)
    if not kind:
        raise UserError(f"{path} has neither psi_ nor token_ columns: give a CSV file that dfe has written.")
    layout = text_layout(path)
    values = exported_names(layout.names, PSI if kind == "expressions" else TOKEN)
    schema = expressions_schema(values, "exported CSV") if kind == "expressions" else tokens_schema(len(values))
    with table_writer(out, schema) as table:
        for columns in _batches(path, layout, schema, values):
            table.write(columns)
        if not table.rows:
            raise UserError(f"{path} has no row of values: export it again.")
    return kind


def _batches(path: Path, layout: TextLayout, schema: pa.Schema, values: list[str]) -> Iterator[dict[str, object]]:
    start, listed = (PSI, "psi") if "psi" in schema.names else (TOKEN, "tokens")
    layout.require(["time_s"], path)
    numbers = [name for name in NUMBERS if name in layout.names]
    text = [name for name in TEXT if name in layout.names]
    count = 0
    for batch in read_columns(path, layout, [*numbers, *(start + name for name in values)], Counter(), text):
        rows = np.stack([batch[start + name] for name in values], 1)
        yield {
            name: column for name, column in _columns(path, batch, rows, listed, count).items() if name in schema.names
        }
        count += len(rows)


def _columns(path: Path, batch: dict[str, np.ndarray], rows: np.ndarray, listed: str, count: int) -> dict[str, object]:
    valid = np.isfinite(rows).all(1)
    if "valid" in batch:
        valid &= np.array([str(each).strip().lower() in TRUE for each in batch["valid"]])
    ids = {name: np.array([bare_text(each) for each in batch[name]], object) for name in TEXT[:2] if name in batch}
    clip = ids.get("clip_id", np.full(len(rows), path.stem, object))
    if listed == "tokens":
        rows = _tokens(path, np.where(valid[:, None], rows, 0))
    unknown = np.full(len(rows), np.nan)
    return {
        "clip_id": clip,
        "subject_id": ids.get("subject_id", clip),
        "face_id": _whole(path, "face_id", batch.get("face_id", np.where(valid, 0, -1)), np.int16),
        "frame": _whole(path, "frame", batch.get("frame", np.arange(count, count + len(rows))), np.int32),
        "time_s": _finite(path, batch["time_s"]),
        "data": batch.get("data", REAL),
        "valid": valid,
        listed: rows,
        "residual_mm": batch.get("residual_mm", unknown),
        "error_mm": batch.get("error_mm", unknown),
    }


def _tokens(path: Path, rows: np.ndarray) -> np.ndarray:
    if (rows != np.round(rows)).any() or (rows < 0).any() or (rows >= MOST_TOKENS).any():
        raise UserError(f"{path} has a token that is no whole number from 0 on: export it again.")
    return rows.astype(np.int16)


def _whole(path: Path, name: str, values: np.ndarray, kind: type) -> np.ndarray:
    bounds = np.iinfo(kind)
    sound = np.isfinite(values) & (values == np.round(values)) & (values >= bounds.min) & (values <= bounds.max)
    if not sound.all():
        raise UserError(f"{path} has a {name} that is no whole number: repair it.")
    return values.astype(kind)


def _finite(path: Path, time_s: np.ndarray) -> np.ndarray:
    if not np.isfinite(time_s).all():
        raise UserError(f"{path} has a row without a time: repair its column time_s.")
    return time_s
