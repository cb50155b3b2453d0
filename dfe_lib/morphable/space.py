"""What the coefficients of a run mean: the head model they move, and how far apart two expressions are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS
from ..errors import UserError
from ..io.paths import user_path
from ..io.tables import coefficient_names, table_schema, write_text
from ..tracking.formats.flame_codes import EYELIDS, JAW
from .anny import anny_head
from .flame import flame_head
from .model import MorphableModel

__all__ = ["ExpressionSpace", "expression_space", "read_space", "space_of_frames", "write_space"]

FILE = "space.json"
CODE_WEIGHT, JAW_WEIGHT, EYELID_WEIGHT = 1.0, 100.0, 1.0
"""Squared length of one unit of a code without a mesh (our choice): a tenth of a radian of the jaw counts as one
standard deviation of an expression coefficient, and so does an eyelid closed."""


@dataclass(frozen=True)
class ExpressionSpace:
    """The space that psi lives in.

    Arguments:
        names: its coefficients.
        metric: (E, E) squared length of a difference: mm2 with a head, squared units of the code without.
        unit: `"mm"` or `"code units"`.
        head: the mesh, None where codes came without one.
    """

    names: tuple[str, ...]
    metric: Float[np.ndarray, "e e"]
    unit: str
    head: MorphableModel | None

    @property
    def mirrors(self) -> bool:
        """Is the mirrored face a permutation of psi? Of ARKit's actions, not of FLAME's codes."""
        return self.names == ACTIONS

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of the coefficients for a colour scale."""
        return (0.0, 1.0) if self.mirrors else (-2.0, 2.0)


def expression_space(names: Sequence[str], flame: str | Path = "") -> ExpressionSpace:
    """The space of these coefficients: Anny's for ARKit's 52 actions, FLAME's for its codes.

    Arguments:
        names: coefficients of psi.
        flame: the user's FLAME file; without one, codes have no mesh.

    Raises UserError for coefficients of neither.
    """
    names = tuple(names)
    if names == ACTIONS:
        return ExpressionSpace(names, anny_head().gram(), "mm", anny_head())
    if flame:
        head = flame_head(user_path(flame), names)
        return ExpressionSpace(names, head.gram(), "mm", head)
    if not any(name == "exp1" for name in names):
        raise UserError("these coefficients are neither ARKit's 52 actions nor codes of FLAME: no metric is known.")
    weights = [JAW_WEIGHT if name in JAW else EYELID_WEIGHT if name in EYELIDS else CODE_WEIGHT for name in names]
    return ExpressionSpace(names, np.diag(weights) / len(names), "code units", None)


def space_of_frames(frames: Path, flame: str = "") -> ExpressionSpace:
    """The space that a run's frames tables will be fitted in: that of their psi, or Anny's.

    Raises UserError when the clips are of different kinds.
    """
    kinds = {
        coefficient_names(table) if "psi" in table_schema(table).names else ACTIONS
        for table in sorted(frames.glob("*.parquet"))
    }
    if len(kinds) != 1:
        raise UserError(f"{frames} holds clips of {len(kinds)} kinds of coefficients: one run needs clips of one kind.")
    return expression_space(kinds.pop(), flame)


def write_space(expressions: Path, flame: str = "") -> None:
    """Notes beside the expressions tables which FLAME file goes with them."""
    write_text(expressions / FILE, json.dumps({"flame": flame}) + "\n")


def read_space(expressions: Path) -> ExpressionSpace:
    """The space of a run's expressions tables.

    Raises UserError when there are none, or they have different coefficients.
    """
    tables = sorted(expressions.glob("*.parquet"))
    names = {coefficient_names(table) for table in tables}
    if len(names) != 1:
        raise UserError(
            f"{expressions} holds tables of {len(names)} kinds of coefficients: one run needs clips of one kind."
        )
    noted = expressions / FILE
    flame = json.loads(noted.read_text())["flame"] if noted.exists() else ""
    return expression_space(names.pop(), flame)
