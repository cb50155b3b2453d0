"""The 52 ARKit actions as columns of a table: under names in any case, as shares of 1 or in percent."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...blendshapes import ACTIONS
from ...errors import UserError
from ...io.delimited import TextLayout
from .recording import Report

__all__ = ["OUTSIDE", "action_columns", "plain_name", "share_psi", "shares"]

TONGUE = "tongueOut"
OUTSIDE = "frames with an action a little beyond 0 to 1, brought back to it"
OVERSHOOT = 2.0
"""The most that an action of 1 may be exaggerated to before it is no share of 1 (our choice)."""


def action_columns(layout: TextLayout, path: Path, report: Report) -> dict[str, str]:
    """The table's column of each action, by whatever case it is written in; the tongue may be missing.

    Raises UserError when another one is missing.
    """
    by_name = {plain_name(name): name for name in layout.names}
    columns = {action: by_name.get(plain_name(action), action[0].upper() + action[1:]) for action in ACTIONS}
    if columns[TONGUE] not in layout.names:
        del columns[TONGUE]
        report.notes.append("no column TongueOut: the tongue is taken as in")
    layout.require(list(columns.values()), path)
    return columns


def shares(maxima: Float[np.ndarray, " n"], path: Path, report: Report) -> float:
    """What the actions of a table must be multiplied by to be shares of 1.

    Arguments:
        maxima: the highest action of each frame.

    Raises UserError where they are neither shares nor percent.
    """
    moving = maxima[np.isfinite(maxima) & (maxima > 0)]
    usual = float(np.median(moving)) if len(moving) else 0.0
    if usual <= 1:
        return 1.0
    if usual <= OVERSHOOT or moving.max() > 100 * OVERSHOOT:
        raise UserError(f"{path} has actions of {usual:g} and up to {moving.max():g}: export them from 0 to 1.")
    report.notes.append(f"actions up to {moving.max():g} are taken as percent and divided by 100")
    return 0.01


def share_psi(scores: Mapping[str, np.ndarray], scale: float) -> tuple[Float[np.ndarray, "n 52"], int]:
    """psi of columns of actions, and how many frames had one a little beyond 0 to 1, which is brought back.

    Frames with an action far beyond are NaN.
    """
    still = np.zeros(len(scores["jawOpen"]))
    psi = np.stack([scores.get(action, still) for action in ACTIONS], 1) * scale
    away = np.nanmax(np.abs(psi - 0.5), axis=1, initial=0)
    beyond, far = away > 0.5, away > OVERSHOOT - 0.5
    return np.where(far[:, None], np.nan, np.clip(psi, 0, 1)), int((beyond & ~far).sum())


def plain_name(name: str) -> str:
    """A name without case and marks; `eyeBlink_L` is an early spelling of `eyeBlinkLeft`."""
    name = re.sub(r"_(l|r)$", lambda end: {"l": "left", "r": "right"}[end[1]], name.strip().lower())
    return re.sub(r"[\W_]", "", name)
