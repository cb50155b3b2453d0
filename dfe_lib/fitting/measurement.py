"""What a frames table holds of a face, and how each kind becomes psi: scored landmarks, with features or without, 68
landmarks, psi itself."""

from abc import ABC, abstractmethod
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float32

from ..blendshapes import ACTIONS
from ..errors import UserError
from ..io.tables import N_LANDMARKS, coefficient_names, expressions_schema, read_metadata, table_schema
from ..morphable.model import MorphableModel
from ..morphable.procrustes import LAYOUT_68
from .estimator import FaceNeutral, pretrained_estimator
from .smoothing import on_grid, smooth_expressions
from .solver import POSE_LANDMARKS, LandmarkSolver, camera_axes

__all__ = [
    "COVERED",
    "GivenPsi",
    "Landmarks68",
    "Measurement",
    "Rows",
    "ScoredLandmarks",
    "measurement_kind",
    "measurement_of",
]

COVERED = "covered"
"""Column of expressions tables from features: 1 where something covers the face, 0 where nothing does."""
FRONT_END = "FaceLandmarker, Anny"
INNER = np.arange(17, 68)
"""The jaw line is left out: its points slide along the face as the head turns."""
Rows = dict[str, np.ndarray]
"""Rows of a frames table, by column."""


class Measurement(ABC):
    """How one kind of frames table becomes psi.

    Arguments:
        columns: what it reads of the table, beside the key.
        needs_neutral: whether psi is estimated, relative to a neutral face, rather than given.
    """

    columns: tuple[str, ...]
    needs_neutral = True

    @abstractmethod
    def schema(self, path: Path) -> pa.Schema:
        """Schema of the expressions table of a frames table."""

    @abstractmethod
    def neutral(self, rows: Rows) -> FaceNeutral | None:
        """Neutral face of the one person that the rows show; None where psi is given."""

    @abstractmethod
    def psi(self, rows: Rows, neutral: FaceNeutral | None) -> tuple[Float[np.ndarray, "n e"], Float[np.ndarray, " n"]]:
        """Expressions of one person's rows, frame by frame, NaN for what is no face; and 1 where something covers the
        face, 0 where nothing does, NaN where nothing tells.
        """

    @abstractmethod
    def smoothed(
        self, psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], method: str, part: slice = slice(None)
    ) -> tuple[Float[np.ndarray, "k e"], float]:
        """A part of one person's frames, smoothed by one of `smoothing.SMOOTHINGS`, and the change in mm.

        Those that are estimated come in whole steps of `smoothing.PSI_STEP`.
        """

    @abstractmethod
    def points(self, rows: Rows) -> Float32[np.ndarray, "n l d"]:
        """The landmarks that the residual needs, of any rows."""

    @abstractmethod
    def residual(self, points: Float32[np.ndarray, "n l d"], psi: Float[np.ndarray, "n e"]) -> Float[np.ndarray, " n"]:
        """Distance in mm of `points` from the head with expressions `psi`, none of them NaN."""


class _Estimated(Measurement):
    """psi by the estimator for a layout of landmarks.

    Arguments:
        head: Anny's head, for the residual and the metric.
        layout: of `estimator.LAYOUTS`.
        landmarks: (l,) the head's landmarks that the residual is taken over.
    """

    def __init__(self, head: MorphableModel, layout: str, landmarks: np.ndarray) -> None:
        self._estimator = pretrained_estimator(layout)
        self._solver = LandmarkSolver(head, landmarks, n_identity=0)
        self._metric = head.gram()

    def smoothed(
        self, psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], method: str, part: slice = slice(None)
    ) -> tuple[Float[np.ndarray, "k e"], float]:
        found = smooth_expressions(psi, time_s.astype(float), self._metric, method, part)
        return on_grid(found.psi), found.change_mm

    def _closed_form(
        self, points: Float[np.ndarray, "n l 3"], psi: Float[np.ndarray, "n 52"]
    ) -> Float[np.ndarray, " n"]:
        """psi stays as it is, and the pose of the head is the closed-form one."""
        return self._solver.fit(points, prior=psi, iterations=0).residual_mm


class ScoredLandmarks(_Estimated):
    """478 landmarks, blendshape scores and, where a table has them, features of the landmark network.

    Arguments:
        features: whether it has them.
    """

    columns: tuple[str, ...] = ("landmarks", "blendshapes")

    def __init__(self, head: MorphableModel, features: bool = False) -> None:
        super().__init__(head, "478", POSE_LANDMARKS)
        self.columns += ("features",) * features

    def schema(self, path: Path) -> pa.Schema:
        schema = expressions_schema(ACTIONS, FRONT_END)
        return schema.append(pa.field(COVERED, pa.int8())) if "features" in self.columns else schema

    def neutral(self, rows: Rows) -> FaceNeutral:
        return self._estimator.neutral_of_clip(_marks(rows["landmarks"]), rows["blendshapes"], rows.get("features"))

    def psi(self, rows: Rows, neutral: FaceNeutral | None) -> tuple[Float[np.ndarray, "n 52"], Float[np.ndarray, " n"]]:
        seen = _marks(rows["landmarks"]), rows["blendshapes"]
        found = self._estimator.estimate(*seen, neutral, rows.get("features"))
        return found.psi, found.covered

    def points(self, rows: Rows) -> Float32[np.ndarray, "n l 3"]:
        return _marks(rows["landmarks"])[:, POSE_LANDMARKS]

    def residual(self, points: Float32[np.ndarray, "n l 3"], psi: Float[np.ndarray, "n 52"]) -> Float[np.ndarray, " n"]:
        return self._closed_form(camera_axes(points.astype(float)), psi)


class Landmarks68(_Estimated):
    """68 landmarks without scores, or FaceLandmarker's that stand for them; depth is not used.

    Arguments:
        column: `"landmarks"` (in the picture) or `"landmarks_mm"`; x right, y down, any one unit.
    """

    def __init__(self, head: MorphableModel, column: str) -> None:
        super().__init__(head, "68", np.array(LAYOUT_68)[INNER])
        self.columns = (column,)

    def schema(self, path: Path) -> pa.Schema:
        return expressions_schema(ACTIONS, f"{read_metadata(path)['front_end']}, 68 landmarks, Anny")

    def neutral(self, rows: Rows) -> FaceNeutral:
        return self._estimator.neutral_of_clip(self.points(rows))

    def psi(self, rows: Rows, neutral: FaceNeutral | None) -> tuple[Float[np.ndarray, "n 52"], Float[np.ndarray, " n"]]:
        found = self._estimator.estimate(self.points(rows), None, neutral)
        return found.psi, found.covered

    def points(self, rows: Rows) -> Float32[np.ndarray, "n 68 2"]:
        flat = rows[self.columns[0]]
        marks = _marks(flat)[:, LAYOUT_68] if flat.shape[1] == 3 * N_LANDMARKS else flat.reshape(len(flat), 68, -1)
        return marks[..., :2]

    def residual(
        self, points: Float32[np.ndarray, "n 68 2"], psi: Float[np.ndarray, "n 52"]
    ) -> Float[np.ndarray, " n"]:
        return self._closed_form(self._estimator.aligned(points)[:, INNER].astype(float), psi)


class GivenPsi(Measurement):
    """psi that another program fitted: it stays as it is."""

    columns = ("psi",)
    needs_neutral = False

    def schema(self, path: Path) -> pa.Schema:
        return expressions_schema(coefficient_names(path), read_metadata(path)["front_end"])

    def neutral(self, rows: Rows) -> None:
        return None

    def psi(self, rows: Rows, neutral: FaceNeutral | None) -> tuple[Float[np.ndarray, "n e"], Float[np.ndarray, " n"]]:
        return rows["psi"], np.full(len(rows["psi"]), np.nan)

    def smoothed(
        self, psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], method: str, part: slice = slice(None)
    ) -> tuple[Float[np.ndarray, "k e"], float]:
        return psi[part], 0.0

    def points(self, rows: Rows) -> Float32[np.ndarray, "n 0 0"]:
        return np.empty((len(rows["psi"]), 0, 0), np.float32)

    def residual(self, points: Float32[np.ndarray, "n 0 0"], psi: Float[np.ndarray, "n e"]) -> Float[np.ndarray, " n"]:
        return np.full(len(psi), np.nan)


def measurement_kind(path: Path) -> str | None:
    """Which of a frames table's columns psi comes from; None for none of them.

    `"blendshapes"` for scored landmarks, `"features"` for those that have features as well.
    """
    names = set(table_schema(path).names)
    if "psi" in names:
        return "psi"
    if {"landmarks", "blendshapes"} <= names:
        return "features" if "features" in names else "blendshapes"
    return next((name for name in ("landmarks_mm", "landmarks") if name in names), None)


@lru_cache(maxsize=8)
def measurement_of(kind: str, head: MorphableModel | None) -> Measurement:
    """What turns tables of a kind of :func:`measurement_kind` into psi.

    Raises UserError for landmarks without a head.
    """
    if kind == "psi":
        return GivenPsi()
    if head is None:
        raise UserError("landmarks and scores need Anny's head to become expressions: give anny_head().")
    if kind in ("blendshapes", "features"):
        return ScoredLandmarks(head, kind == "features")
    return Landmarks68(head, kind)


def _marks(flat: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n 478 3"]:
    return flat.reshape(-1, N_LANDMARKS, 3)
