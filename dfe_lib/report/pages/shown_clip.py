"""A clip to be shown: its encoded table, where its head lies in the picture, and the scale of its displacements."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from matplotlib.path import Path as Polygon

from ...action_units import ACTION_UNITS, OPENFACE_INTENSITY
from ...fitting.placement import HeadPlacer, can_place
from ...io.tables import N_LANDMARKS, read_arrays, read_batches, table_schema
from ...morphable.anny import shown_tongue
from ...morphable.model import MorphableModel
from ...quantisation.rvqvae import RvqVae
from ...quantisation.tokens import decoded
from ..scales import LIMITS_MM, scale_end

__all__ = ["PLACE", "TURN", "UNITS", "ShownClip", "displacement_limit", "face_triangles", "gazing", "shown_psi"]

TURN = ("yaw_deg", "pitch_deg", "roll_deg")
UNITS = {f"{code}_mesh": f"{ACTION_UNITS[code].number} {ACTION_UNITS[code].name}" for code in OPENFACE_INTENSITY}
"""Columns of action units, and what they are called."""
PLACE = ("rotation", "translation", "scale")
"""Of the fitted head, see `fitting.solver.HeadFit`; NaN without a face."""
TYPICAL = 99
"""Percentile of the frames' largest displacements that a scale reaches."""
SAMPLED = 500
"""Frames that a clip's scale is read from."""
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
        150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
"""Outline of the face (FaceLandmarker's numbering)."""
BEHIND_M = 0.005
"""What lies further behind the outline is no face."""
EYES = "eyeLook"
"""Tokens leave to chance where the eyes look, which weighs nothing in the mesh metric; psi of the fit says it."""


class ShownClip:
    """An encoded table of one person and, where the frames table is at hand, the place of the head in each picture.

    Arguments:
        tokens: an encoded table; what it has beside the tokens is shown.
        frames: the frames table it was made from, row for row; the head's place is not known without.
        head: of its psi.
    """

    def __init__(self, tokens: Path, frames: Path | None, head: MorphableModel) -> None:
        self.tokens, self._frames, self.head = tokens, frames, head
        self.columns = set(table_schema(tokens).names)
        placeable = frames is not None and "psi" in self.columns and can_place(frames)
        self.placer = HeadPlacer.of_table(head, frames) if frames is not None and placeable else None

    def whole(self) -> dict[str, np.ndarray]:
        """`frame`, `time_s`, `valid` and `tokens` of all rows: 21 bytes a frame, and 2 a token."""
        rows = read_arrays(self.tokens, ["frame", "time_s", "valid", "tokens"])
        return rows | {"valid": rows["valid"].astype(bool)}

    def batches(self, columns: Sequence[str], rows: int) -> Iterator[dict[str, np.ndarray]]:
        """Those of the columns that are there, at most so many rows at a time, and `PLACE` where it is known."""
        wanted = [name for name in dict.fromkeys(("valid", *columns)) if name in self.columns]
        if self._frames is None or self.placer is None:
            yield from read_batches(self.tokens, wanted, rows)
            return
        seen = read_batches(self._frames, ["landmarks"], rows)
        wanted += ["psi"] * ("psi" not in wanted)
        for batch, beside in zip(read_batches(self.tokens, wanted, rows), seen, strict=True):
            yield batch | self._placed(batch, beside["landmarks"])

    def _placed(self, batch: dict[str, np.ndarray], landmarks: Float[np.ndarray, "n c"]) -> dict[str, np.ndarray]:
        valid = batch["valid"].astype(bool)
        count = len(valid)
        found = {"rotation": np.full((count, 3, 3), np.nan), "translation": np.full((count, 3), np.nan),
                 "scale": np.full(count, np.nan)}  # fmt: skip
        if self.placer is not None and valid.any():
            fit = self.placer.fit(landmarks[valid].reshape(-1, N_LANDMARKS, 3), batch["psi"][valid])
            for name in PLACE:
                found[name][valid] = getattr(fit, name)
        return found


def shown_psi(model: RvqVae, head: MorphableModel, tokens: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
    """psi that rows of tokens stand for, with a tongue at rest wherever it stays behind the lips."""
    return shown_tongue(head, decoded(model, tokens).astype(float))


def gazing(
    head: MorphableModel, psi: Float[np.ndarray, "n e"], fitted: Float[np.ndarray, "n e"]
) -> Float[np.ndarray, "n e"]:
    """psi with the eyes turned as those of another psi.

    >>> from dfe_lib.morphable.anny import anny_head
    >>> turned = gazing(anny_head(), np.zeros((1, 52)), np.ones((1, 52)))
    >>> int(turned.sum())
    8
    """
    eyes = np.array([name.startswith(EYES) for name in head.names])
    return np.where(eyes, fitted, psi)


def face_triangles(head: MorphableModel) -> Int[np.ndarray, "g 3"]:
    """Triangles of the skin within the outline of the face: the mask that is laid over a picture, eyes left out.

    Arguments:
        head: with a landmark embedding.
    """
    assert head.landmarks is not None
    outline = head.landmarks(head.template)[list(OVAL)].astype(float)
    within = Polygon(outline[:, :2]).contains_points(head.template[:, :2])
    within &= head.region("skin") & (head.template[:, 2] > outline[:, 2].min() - BEHIND_M)
    return head.faces[within[head.faces].all(1)]


def displacement_limit(
    model: RvqVae, head: MorphableModel, tokens: Int[np.ndarray, "n m"], valid: np.ndarray
) -> float | int:
    """The end in mm of a clip's colour scale: the first of `LIMITS_MM` that its displacements seldom exceed."""
    rows = np.flatnonzero(valid)
    if not len(rows):
        return LIMITS_MM[1]
    rows = rows[np.linspace(0, len(rows) - 1, min(SAMPLED, len(rows))).astype(int)]
    moves = shown_psi(model, head, tokens[rows]) - model.still()
    most = [np.linalg.norm(head.displacement_mm(row), axis=1).max() for row in moves]
    return scale_end(float(np.percentile(most, TYPICAL)))
