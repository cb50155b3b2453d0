"""Py-Feat's Fex tables as CSV (Cheong et al. 2023): action units, landmarks and head pose."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...action_units import PYFEAT
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .recording import ReadSettings, Recording, Report, Rows, assumed_times, recording

__all__ = ["is_py_feat", "read_py_feat"]

FACE = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")


def is_py_feat(names: Sequence[str]) -> bool:
    """Do these columns belong to a Fex table?"""
    return set(FACE) <= set(names)


def read_py_feat(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a Fex table; of several faces in a frame the first is kept, since the table does not say who is who.

    The action units are occurrences from 0 to 1. Py-Feat writes frame numbers and no times.

    Raises UserError when there is neither an action unit nor a landmark.
    """
    layout = text_layout(path)
    layout.require(FACE, path)
    parts = {"landmarks": _points(layout), "au_occurrence": tuple(name for name in PYFEAT if name in layout.names)}
    report = Report(lacks=[name for name, columns in parts.items() if not columns])
    parts = {name: columns for name, columns in parts.items() if columns}
    if not parts:
        raise UserError(f"{path} has neither action units nor landmarks: save the whole Fex table.")
    lists = {name: len(names) if name == "landmarks" else names for name, names in parts.items()}
    rows = assumed_times(_rows(path, layout, parts, report), settings, report)
    return recording(path, "Py-Feat", lists, rows, settings, report)


def _points(layout: TextLayout) -> tuple[str, ...]:
    """Columns of 68 landmarks (x, y) or of 478 (x, y, z), or none; more or fewer are no layout that is known here."""
    count = sum(re.fullmatch(r"x_\d+", name) is not None for name in layout.names)
    axes = {68: "xy", 478: "xyz"}.get(count, "")
    columns = tuple(f"{axis}_{i}" for i in range(count) for axis in axes)
    return columns if set(columns) <= set(layout.names) else ()


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
