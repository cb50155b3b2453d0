"""A display that a rule finds in expressions, as a label for checks: a smile, or an open mouth in codes of FLAME."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..blendshapes import ACTIONS
from ..errors import UserError
from ..facs import AU_PRESENT, au_basis, au_intensities
from ..io.names import table_path
from ..io.tables import coefficient_names, read_arrays
from ..morphable.anny import anny_head
from ..tracking.formats.flame_codes import JAW

__all__ = ["JAW_OPEN_RAD", "display_name", "window_labels"]

JAW_OPEN_RAD = 0.1
"""A mouth counts as open beyond this turn of FLAME's jaw (our choice: about a finger's width)."""
EDGE_S = 1e-6
SMILE_SET = "openface17"
"""Units that a smile is read among: those of the most used detector."""


def display_name(names: Sequence[str]) -> str:
    """What :func:`window_labels` looks for in coefficients of this kind.

    Raises UserError when there is no rule for them.
    """
    if tuple(names) == ACTIONS:
        return "a smile (AU12)"
    if JAW[0] in names:
        return "an open mouth (jaw)"
    raise UserError("there is no display that a rule finds in expression codes without a jaw.")


def window_labels(expressions: Path, windows: pd.DataFrame) -> Int[np.ndarray, " n"]:
    """1 for each window in which the display is there on average, else 0.

    Arguments:
        expressions: folder of the expressions tables.
        windows: columns clip_id, face_id, start_s, end_s, as `words.token_windows` gives them.
    """
    labels = np.zeros(len(windows), int)
    for clip_id, rows in windows.groupby("clip_id").indices.items():
        labels[rows] = _shown(table_path(expressions, str(clip_id)), windows.iloc[rows])
    return labels


def _shown(table: Path, windows: pd.DataFrame) -> Bool[np.ndarray, " n"]:
    """Which windows of one clip show the display."""
    rows, names = read_arrays(table, ["face_id", "time_s", "psi", "valid"]), coefficient_names(table)
    shown = np.zeros(len(windows), bool)
    for face, which in windows.groupby("face_id").indices.items():
        here = rows["valid"] & (rows["face_id"] == face)
        strength, threshold = _strength(rows["psi"][here], names)
        first = np.searchsorted(rows["time_s"][here], windows.start_s.iloc[which] - EDGE_S, side="right")
        last = np.searchsorted(rows["time_s"][here], windows.end_s.iloc[which] + EDGE_S, side="left")
        shown[which] = [strength[start:stop].mean() > threshold for start, stop in zip(first, last, strict=True)]
    return shown


def _strength(psi: Float[np.ndarray, "n e"], names: Sequence[str]) -> tuple[Float[np.ndarray, " n"], float]:
    if tuple(names) == ACTIONS:
        smile = au_basis(SMILE_SET)[0].index("AU12")
        return au_intensities(psi, anny_head().gram(), SMILE_SET)[:, smile], AU_PRESENT
    display_name(names)
    return psi[:, list(names).index(JAW[0])], JAW_OPEN_RAD
