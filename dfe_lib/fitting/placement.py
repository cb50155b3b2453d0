"""Where the fitted head lies in the picture: who it is from the clip, its pose from the frame, in closed form."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..io.tables import N_LANDMARKS, read_arrays, read_batches, table_schema
from ..morphable.model import MM_PER_M, MorphableModel
from .solver import POSE_LANDMARKS, HeadFit, LandmarkSolver, camera_axes

__all__ = ["HeadPlacer", "can_place"]

N_FRAMES = 30
"""Frames, spread over a clip, that the person's shape is read from."""
N_IDENTITY = 20
PRECISION = 1.0
"""How strongly a shape keeps to the mean one; from real clips, whose landmarks err by millimetres (our choice)."""


class HeadPlacer:
    """Puts the head model of one person onto pictures.

    Arguments:
        head: with a landmark embedding.
        landmarks: of the person (n, 478, 3), pixels of a clip's pictures; n > 0.
    """

    def __init__(self, head: MorphableModel, landmarks: Float[np.ndarray, "n l 3"]) -> None:
        self._solver = LandmarkSolver(head, POSE_LANDMARKS, n_identity=N_IDENTITY)
        spread = np.linspace(0, len(landmarks) - 1, min(N_FRAMES, len(landmarks))).astype(int)
        beta = self._solver.fit_identity(_points(landmarks[spread]), PRECISION, PRECISION)
        self._beta, self._expression = beta, head.expression
        self.shape = (head.template + np.tensordot(beta, head.identity[: len(beta)], 1)).astype(float)
        """(V, 3) metres: the person's head at rest."""

    @classmethod
    def of_table(cls, head: MorphableModel, frames: Path) -> "HeadPlacer | None":
        """Of a frames table that shows one person; None where no frame has a face.

        Landmarks of some frames alone are held in memory.
        """
        seen = read_arrays(frames, ["detected"])["detected"].astype(bool)
        rows = np.flatnonzero(seen)
        if not len(rows):
            return None
        wanted = rows[np.linspace(0, len(rows) - 1, min(N_FRAMES, len(rows))).astype(int)]
        return cls(head, np.concatenate(list(_rows_of(frames, wanted))))

    def fit(self, landmarks: Float[np.ndarray, "n l 3"], psi: Float[np.ndarray, "n e"]) -> HeadFit:
        """Pose of each frame's head: `pixels = scale * rotation @ head in mm + translation`, y up, z to the camera.

        Arguments:
            landmarks: (n, 478, 3) pixels. psi: the frames' expressions, which stay as they are.
        """
        return self._solver.fit(_points(landmarks), self._beta, prior=psi.astype(float), iterations=0)

    def vertices(self, fit: HeadFit, psi: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n v 3"]:
        """Vertices in pixels of the picture: x right, y down, z to the camera."""
        head = (self.shape + np.tensordot(psi, self._expression, 1)) * MM_PER_M
        turned = fit.scale[:, None, None] * np.einsum("nij,nvj->nvi", fit.rotation, head)
        return (turned + fit.translation[:, None]) * [1, -1, 1]


def can_place(frames: Path) -> bool:
    """Does a frames table have landmarks with depth, as FaceLandmarker gives them?"""
    schema = table_schema(frames)
    return "landmarks" in schema.names and schema.field("landmarks").type.list_size == 3 * N_LANDMARKS


def _points(landmarks: Float[np.ndarray, "n l 3"]) -> Float[np.ndarray, "n m 3"]:
    return camera_axes(landmarks[:, POSE_LANDMARKS].astype(float))


def _rows_of(frames: Path, wanted: np.ndarray) -> Iterator[Float[np.ndarray, "n l 3"]]:
    """Landmarks of some rows, read a few hundred at a time."""
    start = 0
    for batch in read_batches(frames, ["landmarks"]):
        here = wanted[(wanted >= start) & (wanted < start + len(batch["landmarks"]))] - start
        yield batch["landmarks"][here].reshape(-1, N_LANDMARKS, 3)
        start += len(batch["landmarks"])
