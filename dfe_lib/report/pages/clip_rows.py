"""The rows of a clip's page, in pieces that a browser reads one by one; and the whole clip at a coarse step."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.spatial.transform import Rotation

from ...action_units import OPENFACE_INTENSITY
from ...blendshapes import ACTIONS
from ...facs import au_basis
from ...morphable.model import MorphableModel
from ...quantisation.rvqvae import RvqVae
from .page import base64_of, pack, pack_bytes
from .shown_clip import PLACE, TURN, UNITS, shown_psi

__all__ = ["COLUMNS", "Overview", "channel_names", "channel_sizes_mm", "packed_rows"]

COLUMNS = ("tokens", "error_mm", "words", "psi", *TURN, *UNITS)
"""Of an encoded table; what it has of them is on the page."""
NO_FACE = 65535
MOST_UNIT = 5.0
BINS = 4096
"""Stretches that a clip is cut into for curves over all of it; of each the largest value is kept."""


def packed_rows(model: RvqVae, head: MorphableModel, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Rows of an encoded table for `rows.js`: at most 65,535.

    What tokens say is there once for each combination of them. Steps: 16 bits for the decoded faces, the turn, the
    place in the picture and the error; 8 bits for the fitted psi and the units, which is 1/255 of their range.

    Arguments:
        rows: `valid` and `tokens`, and where they are known the rest of `COLUMNS` and `shown_clip.PLACE`.
    """
    valid = rows["valid"].astype(bool)
    combinations, said = np.unique(rows["tokens"][valid], axis=0, return_inverse=True)
    index = np.full(len(valid), NO_FACE, "<u2")
    index[valid] = said.ravel()
    packed: dict[str, Any] = {"count": len(valid), "said": base64_of(index)}
    packed["faces"] = pack(shown_psi(model, head, combinations) if len(combinations) else np.zeros((0, 1)))
    if "words" in rows:
        packed["words"] = _words(rows["words"][valid], said.ravel(), len(combinations))
    for name, columns, packing in (("error", ("error_mm",), pack), ("units", tuple(UNITS), pack_bytes),
                                   ("psi", ("psi",), pack_bytes)):  # fmt: skip
        if rows.keys() >= set(columns):
            packed[name] = packing(_known(np.column_stack([rows[column] for column in columns])))
    if rows.keys() >= set(TURN):
        packed["turn"] = pack(_page_turn(np.stack([rows[name] for name in TURN], 1).astype(float)))
    if rows.keys() >= set(PLACE):
        places = [rows["rotation"].reshape(-1, 9), rows["translation"], rows["scale"][:, None]]
        packed["place"] = [pack(_known(each)) for each in places]
    return packed


def channel_names(head: MorphableModel) -> list[str]:
    """What can be drawn over time: the action units, then the coefficients of psi."""
    return [*(f"AU{name}" for name in UNITS.values()), *head.names]


def channel_sizes_mm(head: MorphableModel) -> list[float]:
    """How far each channel at its full strength moves the face at most; of eyeballs, which turn, not the skin alone."""
    actions = np.linalg.norm(head.expression.astype(float), axis=2).max(1) * 1000
    if tuple(head.names) != tuple(ACTIONS):
        return [0.0] * len(UNITS) + actions.round(2).tolist()
    units = [np.linalg.norm(head.displacement_mm(psi), axis=1).max() for psi in au_basis(OPENFACE_INTENSITY)[1]]
    return [*np.round(units, 2).tolist(), *actions.round(2).tolist()]


class Overview:
    """The largest value of each channel in each of `BINS` stretches of a clip, filled piece by piece.

    Arguments:
        count: rows of the clip.
    """

    def __init__(self, head: MorphableModel, count: int) -> None:
        self._count, self._bins = count, min(BINS, count)
        self._largest = np.zeros((self._bins, len(UNITS) + len(head.names)))

    def add(self, first: int, rows: Mapping[str, np.ndarray]) -> None:
        """Takes the rows from `first` on."""
        count = len(rows["valid"])
        values = np.zeros((count, self._largest.shape[1]))
        if rows.keys() >= set(UNITS):
            values[:, : len(UNITS)] = _known(np.stack([rows[name] for name in UNITS], 1)) / MOST_UNIT
        if "psi" in rows:
            values[:, len(UNITS) :] = _known(rows["psi"])
        bins = (np.arange(first, first + count) * self._bins) // self._count
        starts = np.flatnonzero(np.r_[True, np.diff(bins) > 0])
        here = bins[starts]
        self._largest[here] = np.maximum(self._largest[here], np.maximum.reduceat(values, starts))

    def packed(self) -> dict[str, Any]:
        """For `rows.js`: number of bins, and their shares of full strength, channel by channel."""
        shares: UInt8[np.ndarray, "c b"] = (np.clip(self._largest.T, 0, 1) * 255).round().astype(np.uint8)
        return {"bins": self._bins, "bytes": base64_of(shares)}


def _words(texts: np.ndarray, said: Int[np.ndarray, " n"], count: int) -> list[str]:
    """The sentence of each combination of tokens."""
    first = np.zeros(count, int)
    first[said[::-1]] = np.arange(len(said))[::-1]
    return [text or "" for text in texts[first]] if count else []


def _known(values: np.ndarray) -> Float[np.ndarray, "n c"]:
    return np.nan_to_num(values.astype(float))


def _page_turn(turn: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Tables turn a head by yaw, pitch, roll about axes that turn along; the page's roll comes after the other two."""
    known = np.isfinite(turn).all(1)
    if known.any():
        rotation = Rotation.from_euler("YXZ", turn[known], degrees=True)
        turn[known] = rotation.as_euler("ZXY", degrees=True)[:, ::-1]
    return np.nan_to_num(turn)
