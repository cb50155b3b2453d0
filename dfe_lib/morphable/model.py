"""A 3D morphable model of the head: template, identity and expression bases, regions, landmark embedding."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from safetensors.numpy import load_file, save_file

from ..errors import UserError
from ..io.tables import atomic_path

__all__ = ["LandmarkEmbedding", "MorphableModel"]

MM_PER_M = 1000.0


@dataclass(frozen=True)
class LandmarkEmbedding:
    """Landmarks as points of the mesh surface: point l lies in `triangles[l]` at `barycentric[l]`."""

    triangles: Int[np.ndarray, "l 3"]
    barycentric: Float[np.ndarray, "l 3"]

    def __call__(self, vertices: Float[np.ndarray, "*b v 3"]) -> Float[np.ndarray, "*b l 3"]:
        # points[l] = sum_c barycentric[l, c] vertices[triangles[l, c]]
        return np.einsum("...lcd,lc->...ld", vertices[..., self.triangles, :], self.barycentric)


@dataclass(frozen=True, eq=False)  # one head is itself, so that what is worked out for it can be kept
class MorphableModel:
    r"""Linear head model `vertices = template + identity . beta + expression . psi`, in metres.

    Axes: x to the subject's left, y up, z out of the face (Blanz and Vetter 1999 for the linear form).

    Arguments:
        template: (V, 3) neutral mean head, metres.
        identity: (I, V, 3) identity basis, metres per standard deviation of beta.
        expression: (E, V, 3) expression basis, metres per unit of psi.
        names: the E coefficients of psi, in order.
        faces: (F, 3) vertex indices of the triangles, counter-clockwise seen from outside.
        regions: named vertex sets, each a (V,) mask. `face` is what the metric is taken over.
        landmarks: the 478 points of FaceLandmarker on the surface.
        agreement_mm: how far the views of the embedding lie apart (median), NaN when unknown.
    """

    template: Float[np.ndarray, "v 3"]
    identity: Float[np.ndarray, "i v 3"]
    expression: Float[np.ndarray, "e v 3"]
    names: tuple[str, ...]
    faces: Int[np.ndarray, "f 3"]
    regions: Mapping[str, Bool[np.ndarray, " v"]] = field(default_factory=dict)
    landmarks: LandmarkEmbedding | None = None
    agreement_mm: float = float("nan")

    def vertices(
        self, psi: Float[np.ndarray, "*b e"], beta: Float[np.ndarray, "... i"] | None = None
    ) -> Float[np.ndarray, "*b v 3"]:
        """Vertices in metres of expression psi on identity beta (the mean identity when None)."""
        shape = self.template if beta is None else self.template + np.tensordot(beta, self.identity, 1)
        return shape + np.tensordot(psi, self.expression, 1)

    def displacement_mm(self, psi: Float[np.ndarray, "*b e"]) -> Float[np.ndarray, "*b v 3"]:
        """What psi moves, vertex by vertex, in mm."""
        return np.tensordot(psi, self.expression, 1) * MM_PER_M

    def gram(self, region: str = "face") -> Float[np.ndarray, "e e"]:
        r"""The mesh metric G in mm2: `sqrt(d^T G d)` is the rms displacement of `d` over the region's surface.

        G_ij = area-weighted mean over the region of <e_i, e_j>, so no distance needs the mesh again.
        """
        here = self.region(region)
        weight = self.areas()[here]
        moved = self.expression[:, here].astype(float) * MM_PER_M * np.sqrt(weight / weight.sum())[:, None]
        flat = moved.reshape(len(self.names), -1)
        return flat @ flat.T

    def areas(self) -> Float[np.ndarray, " v"]:
        """Surface that belongs to each vertex (a third of its triangles), m2."""
        a, b, c = self.template[self.faces].astype(float).transpose(1, 0, 2)
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        return np.bincount(self.faces.ravel(), np.repeat(area / 3, 3), len(self.template))

    def region(self, name: str) -> Bool[np.ndarray, " v"]:
        """Mask of a named region; raises UserError for a name that the model does not have."""
        if name not in self.regions:
            raise UserError(f"the head model has no region {name!r}; it has {', '.join(sorted(self.regions))}")
        return self.regions[name]

    def landmark_model(self) -> "MorphableModel":
        """The same model on its landmarks alone: what a fit to landmarks needs, 10 times smaller."""
        if self.landmarks is None:
            raise UserError("this head model has no landmark embedding: fit it with dfe_lib.morphable.embedding first")
        embed = self.landmarks
        return MorphableModel(
            embed(self.template), embed(self.identity), embed(self.expression), self.names, np.empty((0, 3), int)
        )

    def save(self, path: Path) -> None:
        """Write as one safetensors file (atomically)."""
        arrays = {"template": self.template, "identity": self.identity, "expression": self.expression}
        arrays |= {f"region.{name}": mask for name, mask in self.regions.items()}
        arrays["faces"] = self.faces
        if self.landmarks is not None:
            arrays["landmark_triangles"] = self.landmarks.triangles
            arrays["landmark_barycentric"] = self.landmarks.barycentric
        header = {"names": json.dumps(self.names), "agreement_mm": repr(float(self.agreement_mm))}
        contiguous = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata=header)

    @classmethod
    def load(cls, path: Path) -> "MorphableModel":
        arrays = load_file(path)
        header = _header(path)
        landmarks = None
        if "landmark_triangles" in arrays:
            landmarks = LandmarkEmbedding(arrays["landmark_triangles"], arrays["landmark_barycentric"])
        regions = {key.removeprefix("region."): mask for key, mask in arrays.items() if key.startswith("region.")}
        return cls(
            arrays["template"], arrays["identity"], arrays["expression"], tuple(json.loads(header["names"])),
            arrays["faces"], regions, landmarks, float(header["agreement_mm"]),
        )  # fmt: skip


def _header(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return file.metadata()
