"""Tokens that stay while the face does: a frame keeps those of the frame before that are nearly as near as its own."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped

from ..errors import UserError
from ..io.segments import segment_numbers
from .metrics import error_mm
from .rvqvae import RvqVae

__all__ = ["HOLD_MM", "Holder", "held_mm"]

HOLD_MM = 0.2
"""How much further off kept tokens may be, as the root of a difference of squares. Chosen on the study's real clips,
where the tokens of a still face change a third as often with it; it is less than half of what psi itself errs by."""
MAX_GAP_S = 0.5
"""After a longer time without the face, its tokens are found anew (our choice)."""
AHEAD = 16
"""Frames that are looked at together."""

Columns = dict[str, np.ndarray]


def held_mm(hold_mm: float, unit: str = "mm") -> float:
    """How much further off tokens may be and still be kept, where psi has lengths of this unit: 0 unless in mm.

    Raises UserError for what is negative or no number.
    """
    if not 0 <= hold_mm < math.inf:
        raise UserError(f"hold_mm must be a number of mm from 0 up, not {hold_mm}.")
    return hold_mm if unit == "mm" else 0.0


class Holder:
    r"""Goes through the frames of a clip, in order and in any pieces, and keeps tokens while they hold.

    Tokens of the frame before, which decode to $\hat\psi'$, are kept where
    $|\psi - \hat\psi'|^2 \le |\psi - \hat\psi|^2 + h^2$ in the metric that the codebook is learnt in, $\hat\psi$ being
    what the frame's own tokens decode to. So a frame's tokens depend on no later frame. They are found anew for each
    clip, whose rows follow one another, for each face and in each segment of a clip (`io.segments`), so that segments
    can be worked on apart.

    Arguments:
        model: Whose tokens they are. metric: (E, E), mm2, for the errors.
        hold_mm: h; 0 keeps nothing, and every frame stands alone.

    Raises UserError for a `hold_mm` that is negative or no number.
    """

    def __init__(self, model: RvqVae, metric: Float[np.ndarray, "e e"], hold_mm: float = HOLD_MM) -> None:
        self.model, self.metric, self.hold_mm = model, metric, held_mm(hold_mm)
        self._axes = model.analysis.detach().cpu().double().numpy().T
        self._clip: object = None
        self._last: dict[int, Columns] = {}
        self._first_s: float | None = None

    def __call__(
        self,
        clip_id: Shaped[np.ndarray, " n"],
        face_id: Int[np.ndarray, " n"],
        time_s: Float[np.ndarray, " n"],
        psi: Float[np.ndarray, "n e"],
        tokens: Int[np.ndarray, "n m"],
        valid: Bool[np.ndarray, " n"],
    ) -> tuple[Int[np.ndarray, "n m"], Float[np.ndarray, " n"]]:
        """Tokens of the next rows of a table, and their errors in mm; NaN where there is no face.

        Arguments:
            tokens: of each frame alone. valid: whether it has a face; the tokens of others stay as they are.
        """
        if self._first_s is None and len(time_s):
            self._first_s = float(time_s[0])
        tokens, error = tokens.copy(), np.full(len(tokens), np.nan, np.float32)
        if valid.any():
            rows = {"clip": clip_id, "face": face_id, "time_s": time_s, "psi": psi, "tokens": tokens}
            held = self._held({name: values[valid] for name, values in rows.items()})
            tokens[valid], error[valid] = held["tokens"], error_mm(psi[valid], held["decoded"], self.metric)
        return tokens, error

    def _held(self, rows: Columns) -> Columns:
        """Tokens of rows with faces, and what these decode to."""
        decoded = self.model.decode(torch.as_tensor(rows["tokens"].astype(np.int64))).cpu().numpy()
        shown = {"tokens": rows["tokens"], "decoded": decoded}
        if self.hold_mm and self._first_s is not None:
            with np.errstate(invalid="ignore"):  # a time that is no number is in no segment
                segment = segment_numbers(rows["time_s"], self._first_s)
            judged = shown | {"time_s": rows["time_s"], "segment": segment}
            judged |= {"place": self._places(rows["psi"]), "own": self._places(decoded)}
            for here, face in self._faces(rows["clip"], rows["face"]):
                kept = self._kept(face, {name: values[here] for name, values in judged.items()})
                for name, values in shown.items():
                    values[here] = kept[name]
        return shown

    def _faces(
        self, clip_id: Shaped[np.ndarray, " n"], face_id: Int[np.ndarray, " n"]
    ) -> Iterator[tuple[Int[np.ndarray, " k"], int]]:
        """Rows of each face, clip after clip; nothing is remembered of a clip once another begins."""
        for clip in np.split(np.arange(len(clip_id)), np.flatnonzero(clip_id[1:] != clip_id[:-1]) + 1):
            if clip_id[clip[0]] != self._clip:
                self._clip, self._last = clip_id[clip[0]], {}
            for face in np.unique(face_id[clip]):
                yield clip[face_id[clip] == face], int(face)

    def _kept(self, face: int, rows: Columns) -> Columns:
        """The next rows of one face, after the last that went before."""
        last = self._last.get(face, {name: values[:0] for name, values in rows.items()})
        joined = {name: np.concatenate([last[name], values]) for name, values in rows.items()}
        whose = _whose(joined, self.hold_mm)
        kept = {name: joined[name][whose] for name in ("tokens", "decoded", "own")}
        self._last[face] = {name: (joined | kept)[name][-1:].copy() for name in rows}  # a view would keep all rows
        return {name: values[len(last["tokens"]) :] for name, values in kept.items()}

    def _places(self, psi: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n d"]:
        """Coordinates whose distances are the codebook's; row by row, for products round by their size."""
        return (psi.astype(float)[:, None] @ self._axes)[:, 0]


def _whose(rows: Columns, hold_mm: float) -> Int[np.ndarray, " n"]:
    """Of each row, the one whose tokens it has: its own, or an earlier one's."""
    place, own = rows["place"], rows["own"]
    limit = np.square(place - own).sum(1) + hold_mm * hold_mm
    step, segment = np.diff(rows["time_s"], prepend=-np.inf), rows["segment"]
    near = (step >= 0) & (step <= MAX_GAP_S)  # not so where a time is no number
    fresh = ~near | (np.diff(segment, prepend=-1) != 0)
    whose, at, kept = np.arange(len(place)), 1, 0
    while at < len(place):
        ahead = slice(at, at + AHEAD)
        holds = ~fresh[ahead] & (np.square(place[ahead] - own[kept]).sum(1) <= limit[ahead])
        held = len(holds) if holds.all() else int(holds.argmin())
        whose[at : at + held] = kept
        at += held
        if held < len(holds):
            at, kept = at + 1, at
    return whose
