"""A display that a rule finds in expressions, as a label for checks: a smile, or an open mouth in codes of FLAME."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from .anny_head import anny_head
from .errors import UserError
from .facs import AU_PRESENT, au_basis, au_intensities
from .flame_codes import JAW
from .names import ACTIONS
from .tables import coefficient_names, read_arrays

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
    return np.array([_shows(expressions / f"{each.clip_id}.parquet", each) for each in windows.itertuples()], dtype=int)


def _shows(table: Path, window: Any) -> bool:
    rows = read_arrays(table, ["face_id", "time_s", "psi", "valid"])
    here = rows["valid"] & (rows["face_id"] == window.face_id)
    here &= (rows["time_s"] > window.start_s - EDGE_S) & (rows["time_s"] < window.end_s + EDGE_S)
    strength, threshold = _strength(rows["psi"][here], coefficient_names(table))
    return bool(strength.mean() > threshold)


def _strength(psi: Float[np.ndarray, "n e"], names: Sequence[str]) -> tuple[Float[np.ndarray, " n"], float]:
    if tuple(names) == ACTIONS:
        smile = au_basis(SMILE_SET)[0].index("AU12")
        return au_intensities(psi, anny_head().gram(), SMILE_SET)[:, smile], AU_PRESENT
    display_name(names)
    return psi[:, list(names).index(JAW[0])], JAW_OPEN_RAD
