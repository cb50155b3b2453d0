"""FACSvatar's cleaned OpenFace tables (van der Struijk et al. 2018): frames from 0, intensities from 0 to 1."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...io.delimited import TextLayout, read_columns, text_layout
from .openface import KEY, LACKING, TURN, openface_parts, openface_rows, table_lists
from .recording import Recording, Report, Rows, recording
from .settings import ReadSettings

__all__ = ["is_facsvatar", "read_facsvatar"]

FULL = 5.0
"""OpenFace's highest intensity, which FACSvatar divides by."""


def is_facsvatar(names: Sequence[str]) -> bool:
    """Do these columns belong to a cleaned table: the key, the head's turn without its place, intensities alone?"""
    left_out = ("pose_Tx", "x_0", "X_0", "gaze_0_x")
    units = any(name.startswith("AU") and name.endswith("_r") for name in names)
    occurrences = any(name.startswith("AU") and name.endswith("_c") for name in names)
    return {*KEY, *TURN} <= set(names) and units and not occurrences and not set(left_out) & set(names)


def read_facsvatar(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a cleaned table; its intensities are multiplied by 5 again.

    A table whose frames start at 1, or with an intensity above 1, is OpenFace's own and read as it stands.

    Raises UserError as `openface.read_openface` does.
    """
    layout = text_layout(path)
    parts = openface_parts(layout, path)
    report = Report(lacks=[text for name, text in LACKING.items() if name not in parts])
    rows = openface_rows(path, layout, parts, settings, report)
    if _is_cleaned(path, layout, parts["au_intensity"]):
        report.notes.append("intensities from 0 to 1 (FACSvatar): multiplied by 5")
        rows = _rescaled(rows)
    return recording(path, "OpenFace 2", table_lists(parts), rows, settings, report)


def _is_cleaned(path: Path, layout: TextLayout, units: Sequence[str]) -> bool:
    first, highest = np.nan, -np.inf
    for batch in read_columns(path, layout, ["frame", *units], Counter()):
        first = batch["frame"][0] if np.isnan(first) else first
        highest = max(highest, *(np.nanmax(batch[name], initial=-np.inf) for name in units))
    return bool(first == 0 and highest <= 1)


def _rescaled(rows: Iterator[Rows]) -> Iterator[Rows]:
    for batch in rows:
        yield batch | {"au_intensity": batch["au_intensity"] * FULL}
