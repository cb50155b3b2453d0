"""Heads refined against pictures: pose, identity and psi from landmarks and the outline, by differentiable rendering.

The landmarks lie on the face; the outline adds where skull, ears, jaw and neck end, which no landmark says. PyTorch3D
draws the silhouette (Liu et al. 2019) and its gradient, SciPy's L-BFGS-B keeps psi within its bounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from scipy.optimize import Bounds, minimize
from torch import Tensor

from ..errors import UserError
from ..morphable.camera import Camera
from ..morphable.model import MM_PER_M, MorphableModel
from ..morphable.rasteriser import Rasteriser, projected, pytorch3d_module
from .solver import HeadFit, skew

__all__ = ["PlacedHeads", "RefinementConfig", "View", "placed_heads", "refine_heads"]

STEP = {"rotation": 0.05, "translation": 0.005, "beta": 1.0, "psi": 0.2}
"""Radians, metres, standard deviations and units that move a head by about as much."""


@dataclass(frozen=True)
class RefinementConfig:
    """How heads are refined. The objective, in mm2 at the head, is a mean over the views.

    Arguments:
        silhouette_mm: what a mm between the outlines costs; 0 leaves the silhouettes out.
        identity_precision, precision: how strongly beta is drawn to the mean head and psi to where it starts, as in
            `LandmarkSolver`.
        n_identity: identity components to refine.
        side_px: longer side of the silhouettes that are compared; larger pictures are made smaller.
        sigma_px: how soft the outline is.
        faces_per_pixel: triangles that a pixel of the silhouette sees.
        iterations: of L-BFGS-B at most.
    """

    silhouette_mm: float = 0.5
    identity_precision: float = 0.02
    precision: float = 0.5
    n_identity: int = 40
    side_px: int = 96
    sigma_px: float = 0.2
    faces_per_pixel: int = 16
    iterations: int = 30

    def __post_init__(self) -> None:
        weights = (self.silhouette_mm, self.identity_precision, self.precision)
        counts = (self.n_identity, self.side_px, self.faces_per_pixel, self.iterations)
        if min(weights) < 0 or self.sigma_px <= 0 or min(counts) < 1:
            raise UserError("a refinement needs weights of 0 or more, and a softness and counts above 0.")


@dataclass(frozen=True)
class View:
    """One picture of a head.

    Arguments:
        camera: that took it.
        landmarks: (478, 2) pixels, x right, y down.
        silhouette: where the head is, neck included, as far as the model reaches; None where that is not known.
    """

    camera: Camera
    landmarks: Float[np.ndarray, "l 2"]
    silhouette: Bool[np.ndarray, "h w"] | None = None


@dataclass(frozen=True)
class PlacedHeads:
    """One person's heads before their cameras, one for each of n views.

    Arguments:
        beta: (i,) identity. psi: (n, E) in [0, 1].
        rotation: (n, 3, 3), head to camera axes. translation: (n, 3) metres.
    """

    beta: Float[np.ndarray, " i"]
    psi: Float[np.ndarray, "n e"]
    rotation: Float[np.ndarray, "n 3 3"]
    translation: Float[np.ndarray, "n 3"]

    def vertices(self, head: MorphableModel) -> Float[np.ndarray, "n v 3"]:
        """Metres, in the axes of the cameras."""
        own = head.template + np.tensordot(self.beta, head.identity[: len(self.beta)], 1)
        shape = own + np.tensordot(self.psi, head.expression, 1)
        return np.einsum("nij,nvj->nvi", self.rotation, shape) + self.translation[:, None]


def placed_heads(
    head: MorphableModel, fit: HeadFit, beta: Float[np.ndarray, " i"], cameras: Sequence[Camera]
) -> PlacedHeads:
    """A fit of `LandmarkSolver` to FaceLandmarker's pixels (`camera_axes`), in metres before pinhole cameras.

    The scale of a fit without perspective is that in the middle of the landmarks' depth.
    """
    focal = np.array([camera.focal_px for camera in cameras])
    middle = np.array([[camera.width / 2, -camera.height / 2] for camera in cameras])
    away = np.array([camera.distance for camera in cameras])
    metres = 1 / (fit.scale * MM_PER_M)
    flat = (fit.translation[:, :2] - middle) * metres[:, None]
    own = head.landmark_model().vertices(fit.psi, np.pad(beta, (0, len(head.identity) - len(beta))))
    nearer = np.einsum("nj,nlj->nl", fit.rotation[:, 2], own).mean(1)
    place = np.concatenate([flat, (away - focal * metres - nearer)[:, None]], 1)
    return PlacedHeads(beta, fit.psi, fit.rotation, place)


def refine_heads(
    head: MorphableModel, views: Sequence[View], start: PlacedHeads, config: RefinementConfig | None = None
) -> PlacedHeads:
    """The heads that explain landmarks and silhouettes of one person's views best, from `start` on.

    Arguments:
        head: model with a landmark embedding.
        start: where to begin, such as :func:`placed_heads`.

    Raises:
        UserError: PyTorch3D is not installed, or views and start do not fit together.
    """
    if not views or len(views) != len(start.psi):
        raise UserError(f"{len(views)} views need as many heads to start from, and one at least; got {len(start.psi)}")
    goal = _Goal(head, views, start, config or RefinementConfig())
    found = minimize(goal, goal.start, jac=True, method="L-BFGS-B", bounds=goal.bounds,
                     options={"maxiter": goal.config.iterations})  # fmt: skip
    with torch.no_grad():
        beta, psi, rotation, translation = goal.unpacked(torch.as_tensor(found.x))
    return PlacedHeads(beta.numpy(), psi.numpy(), rotation.numpy(), translation.numpy())


class _Goal:
    """The objective and its gradient, as SciPy asks for them: unknowns in units of STEP, as one vector."""

    def __init__(
        self, head: MorphableModel, views: Sequence[View], start: PlacedHeads, config: RefinementConfig
    ) -> None:
        self.config, self._views, n = config, views, len(views)
        marks = head.landmark_model()
        self._mesh, self._marks = (_basis(model, config.n_identity) for model in (head, marks))
        self._seen = [torch.as_tensor(view.landmarks) for view in views]
        self._outlines = [_outline(view, torch.as_tensor(head.faces), config) for view in views]
        exact = (torch.as_tensor(part.astype(float)) for part in (start.rotation, start.translation, start.psi))
        self._turned, self._placed, self._prior = exact
        beta = np.zeros(len(self._mesh[1]))
        beta[: len(start.beta)] = start.beta[: len(beta)]
        self.start = np.concatenate([beta, (start.psi / STEP["psi"]).ravel(), np.zeros(6 * n)])
        low, high = np.full(len(self.start), -np.inf), np.full(len(self.start), np.inf)
        own = slice(len(beta), len(beta) + start.psi.size)
        low[own], high[own] = 0, 1 / STEP["psi"]
        self.bounds = Bounds(low, high)

    def __call__(self, values: Float[np.ndarray, " u"]) -> tuple[float, Float[np.ndarray, " u"]]:
        unknown = torch.tensor(values, requires_grad=True)
        cost = self._cost(*self.unpacked(unknown))
        cost.backward()
        assert unknown.grad is not None  # the cost depends on all of them
        return cost.item(), unknown.grad.numpy()

    def unpacked(self, unknown: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """beta, psi, rotation and translation."""
        n, e = self._prior.shape
        beta, psi, turn, shift = unknown.split([len(unknown) - n * (e + 6), n * e, 3 * n, 3 * n])
        rotation = self._turned @ torch.linalg.matrix_exp(skew(turn.reshape(n, 3) * STEP["rotation"]))
        place = self._placed + shift.reshape(n, 3) * STEP["translation"]
        return beta * STEP["beta"], psi.reshape(n, e) * STEP["psi"], rotation, place

    def _cost(self, beta: Tensor, psi: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
        drawn = self.config.precision * (psi - self._prior).square().sum(1).mean()
        total = drawn + self.config.identity_precision * beta.square().sum()
        for i, view in enumerate(self._views):
            pose = (beta, psi[i], rotation[i], translation[i])
            mm = MM_PER_M * (view.camera.distance - float(self._placed[i, 2])) / view.camera.focal_px
            away = (projected(view.camera, _posed(self._marks, *pose)) - self._seen[i]) * mm
            total = total + away.square().sum(1).mean() / len(psi)
            if (outline := self._outlines[i]) is not None:
                gap = outline.gap_px(_posed(self._mesh, *pose)) * mm
                total = total + self.config.silhouette_mm * gap / len(psi)
        return total


class _Outline:
    """A silhouette, made small, and how far a mesh's outline lies from it."""

    def __init__(
        self, camera: Camera, silhouette: Bool[np.ndarray, "h w"], triangles: Tensor, config: RefinementConfig
    ) -> None:
        if silhouette.shape != (camera.height, camera.width):
            raise UserError(f"a silhouette of {silhouette.shape[::-1]} pixels is not of the camera's picture.")
        small = _smaller(camera, config.side_px)
        self._larger = camera.focal_px / small.focal_px
        self._wanted = torch.as_tensor(_shrunk(silhouette, small, self._larger))
        library = pytorch3d_module().renderer
        self._shader = library.SoftSilhouetteShader(library.BlendParams(sigma=config.sigma_px**2))
        reach = config.sigma_px * float(np.sqrt(np.log(1e4)))  # where a triangle covers a pixel by 1e-4
        self._hard = Rasteriser(small, triangles)
        self._soft = Rasteriser(small, triangles, reach, config.faces_per_pixel)

    def gap_px(self, points: Float[Tensor, "v 3"]) -> Tensor:
        """Mean distance of the outlines in pixels of the view."""
        return self._larger * (self._drawn(points) - self._wanted).square().sum() / _length(self._wanted)

    def _drawn(self, points: Float[Tensor, "v 3"]) -> Float[Tensor, "h w"]:
        """The soft silhouette; only pixels near the outline have a gradient, and inside it is full."""
        with torch.no_grad():
            inside = self._hard(points).pix_to_face[0, ..., 0] >= 0
            reach = int(self._soft.blur_px) + 1
            rim = _near(~inside, reach) & _near(inside, reach)
            if not rim.any():  # no outline is in the picture
                return inside.to(points.dtype)
            soft = self._soft.touching(points, rim)
            seen = soft(points)
        alpha = self._shader(soft.distances(points, seen, rim), None)[0, 0, :, 3]
        return inside.to(points.dtype).index_put(rim.nonzero(as_tuple=True), alpha.to(points.dtype))


def _outline(view: View, triangles: Tensor, config: RefinementConfig) -> _Outline | None:
    if view.silhouette is None or config.silhouette_mm == 0:
        return None
    return _Outline(view.camera, view.silhouette, triangles, config)


def _smaller(camera: Camera, side_px: int) -> Camera:
    scale = min(1.0, side_px / max(camera.width, camera.height))
    width, height = (max(1, int(side * scale)) for side in (camera.width, camera.height))
    return Camera(camera.distance, camera.focal_px * scale, width, height)


def _shrunk(silhouette: Bool[np.ndarray, "h w"], camera: Camera, larger: float) -> Float[np.ndarray, "s t"]:
    """Share of each pixel of the smaller picture that the silhouette covers."""
    size = np.array([camera.width, camera.height])
    middle, half = np.array(silhouette.shape[::-1]) / 2, size * larger / 2
    box = (*np.maximum(middle - half, 0).tolist(), *np.minimum(middle + half, 2 * middle).tolist())
    whole = Image.fromarray(silhouette.astype(np.float32))
    return np.asarray(whole.resize(tuple(size.tolist()), Image.Resampling.BOX, box), float)


def _near(mask: Bool[Tensor, "h w"], px: int) -> Bool[Tensor, "h w"]:
    """What lies in a mask or at most so many pixels beside it."""
    return torch.nn.functional.max_pool2d(mask.float()[None], 2 * px + 1, 1, px)[0] > 0


def _length(silhouette: Float[Tensor, "h w"]) -> Tensor:
    """Length of the outline in pixels (total variation; 1 at least)."""
    down, across = torch.gradient(silhouette)
    return torch.hypot(down, across).sum().clamp_min(1)


def _basis(model: MorphableModel, n_identity: int) -> tuple[Tensor, Tensor, Tensor]:
    """Template, identity and expression in metres."""
    parts = (model.template, model.identity[:n_identity], model.expression)
    return tuple(torch.as_tensor(part.astype(float)) for part in parts)  # type: ignore[return-value]


def _posed(
    basis: tuple[Tensor, Tensor, Tensor], beta: Tensor, psi: Tensor, rotation: Tensor, translation: Tensor
) -> Float[Tensor, "p 3"]:
    template, identity, expression = basis
    shape = template + torch.tensordot(beta, identity, 1) + torch.tensordot(psi, expression, 1)
    return shape @ rotation.T + translation
