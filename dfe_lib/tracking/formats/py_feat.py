"""Py-Feat's Fex tables as CSV (Cheong et al. 2023): action units, landmarks and head pose, with or without Identity."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...action_units import PYFEAT
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .people import Cast, follow
from .recording import Recording, Report, Rows, assumed_times, missing_units, recording
from .settings import ASSUMED_FPS, ReadSettings

__all__ = ["is_py_feat", "read_py_feat"]

BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
FACE = (*BOX, "FaceScore")
IDENTITY = "Identity"


def is_py_feat(names: Sequence[str]) -> bool:
    """Do these columns belong to a Fex table?"""
    return set(FACE) <= set(names)


def read_py_feat(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a Fex table; people are followed by Identity where the table has it, else by the boxes of their faces.

    The action units are occurrences from 0 to 1. Py-Feat writes frame numbers and no times.

    Raises UserError when there is neither an action unit nor a landmark.
    """
    layout = text_layout(path)
    layout.require(FACE, path)
    parts = {"landmarks": _points(layout), "au_occurrence": tuple(name for name in PYFEAT if name in layout.names)}
    report = Report(lacks=[name for name, columns in parts.items() if not columns])
    report.lacks += missing_units(parts["au_occurrence"], PYFEAT)
    parts = {name: columns for name, columns in parts.items() if columns}
    if not parts:
        raise UserError(f"{path} has neither action units nor landmarks: save the whole Fex table.")
    lists = {name: len(names) if name == "landmarks" else names for name, names in parts.items()}
    rows = assumed_times(_rows(path, layout, parts, report), settings, report)
    cast = _cast(path, layout, settings, report)
    return recording(path, "Py-Feat", lists, cast.rows(rows, report), settings, report)


def _points(layout: TextLayout) -> tuple[str, ...]:
    """Columns of 68 landmarks (x, y) or of 478 (x, y, z), or none; more or fewer are no layout that is known here."""
    count = sum(re.fullmatch(r"x_\d+", name) is not None for name in layout.names)
    axes = {68: "xy", 478: "xyz"}.get(count, "")
    columns = tuple(f"{axis}_{i}" for i in range(count) for axis in axes)
    return columns if set(columns) <= set(layout.names) else ()


def _cast(path: Path, layout: TextLayout, settings: ReadSettings, report: Report) -> Cast:
    """Who is in each row, by a first walk over the table."""
    named = [IDENTITY] if IDENTITY in layout.names else []
    key = ["frame"] if "frame" in layout.names else []
    batches = list(read_columns(path, layout, [*key, *FACE], Counter(), text=named))
    if not batches:
        raise UserError(f"{path} has no whole row of values: it was cut off, or nothing was recorded.")
    table = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    x, y, width, height = (table[name] for name in BOX)
    frame = table.get("frame", np.arange(len(x), dtype=float))
    who = {"name": table[IDENTITY]} if named else {}
    rows = {
        "frame": frame,
        "time_s": frame / (settings.fps or ASSUMED_FPS),
        "detected": np.isfinite(table["FaceScore"]),
        "box": np.stack([x, y, x + width, y + height], 1),
    } | who
    return follow(rows, settings.faces, report)


def _rows(path: Path, layout: TextLayout, parts: dict[str, tuple[str, ...]], report: Report) -> Iterator[Rows]:
    frame = ["frame"] if "frame" in layout.names else []
    if not frame:
        report.notes.append("it has no frame numbers: every line is taken as the next frame")
    columns = [*frame, "FaceScore", *(name for part in parts.values() for name in part)]
    count = 0
    for batch in read_columns(path, layout, columns, report.dropped):
        lines = np.arange(count, count + len(batch["FaceScore"]), dtype=float)
        count += len(lines)
        yield {
            "frame": batch.get("frame", lines),
            "detected": np.isfinite(batch["FaceScore"]),
            "confidence": batch["FaceScore"],
        } | {part: np.stack([batch[name] for name in names], 1) for part, names in parts.items()}
