"""Head pose, identity and expression from 3D landmarks, by one joint Gauss-Newton iteration over all of them.

Expression moves every landmark, so alternating pose and expression stalls; the joint step does not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..errors import UserError
from ..io.threads import one_torch_thread
from ..morphable.model import MM_PER_M, MorphableModel
from ..morphable.procrustes import nearest_rotation

__all__ = ["POSE_LANDMARKS", "HeadFit", "LandmarkSolver", "camera_axes", "lift", "skew"]

POSE_LANDMARKS = np.arange(0, 468, 4)
"""Every fourth of FaceLandmarker's landmarks: enough for a pose, at a fraction of the cost."""
N_POSE = 7
CHUNK = 256
DAMPING = 1e-6


@dataclass(frozen=True)
class HeadFit:
    """A fit of n frames: `points = scale * rotation @ head + translation`, head in mm.

    Arguments:
        rotation: (n, 3, 3) head to camera axes. translation: (n, 3), units of the points.
        scale: (n,) units of the points a mm. psi: (n, E) in [0, 1].
        residual_mm: (n,) rms distance of the landmarks from the fitted head; outliers count in full here.
    """

    rotation: Float[np.ndarray, "n 3 3"]
    translation: Float[np.ndarray, "n 3"]
    scale: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, "n e"]
    residual_mm: Float[np.ndarray, " n"]


@dataclass
class _State:
    """Current estimate; coefficients are psi and, behind them, beta."""

    rotation: Tensor
    translation: Tensor
    scale: Tensor
    coefficients: Tensor


class LandmarkSolver:
    """Fits a head model's landmarks to observed ones.

    Arguments:
        head: model with a landmark embedding.
        landmarks: (l,) which of its landmarks the points are, all when None.
        n_identity: identity components to use.
        device, dtype: where and how precisely to compute.
    """

    def __init__(
        self,
        head: MorphableModel,
        landmarks: np.ndarray | None = None,
        n_identity: int = 40,
        device: str = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        marks = head.landmark_model()
        chosen = slice(None) if landmarks is None else landmarks
        self.n_actions, self.n_identity = len(head.names), min(n_identity, len(marks.identity))
        bases = np.concatenate([marks.expression, marks.identity[: self.n_identity]])[:, chosen] * MM_PER_M
        self._place: dict[str, Any] = {"device": torch.device(device), "dtype": dtype}
        self._template = torch.as_tensor(marks.template[chosen] * MM_PER_M, **self._place)
        self._basis = torch.as_tensor(bases, **self._place)

    def fit(
        self,
        points: Float[np.ndarray, "n l 3"],
        beta: Float[np.ndarray, " i"] | None = None,
        prior: Float[np.ndarray, "n e"] | None = None,
        precision: float | Float[np.ndarray, " e"] = 0.01,
        huber_mm: float | None = None,
        iterations: int = 8,
    ) -> HeadFit:
        """Pose and psi of each frame by itself, on the given identity.

        Minimises `sum_l w_l |r_l|^2 + sum_k precision_k (psi_k - prior_k)^2` with `0 <= psi <= 1`, r in mm and weights
        w that sum to 1.

        Arguments:
            points: landmarks in camera axes (x right, y up, z to the camera), any one unit: see `camera_axes`.
            beta: identity coefficients, the mean identity when None.
            prior: what psi is drawn to (0 when None), and `precision`, mm2: how strongly.
            huber_mm: landmarks further off than this count less (Huber 1964); None for plain least squares.

        A frame's fit does not depend on the frames beside it. Raises UserError for the wrong number of landmarks or
        values that are not finite.
        """
        self._check(points)
        identity = torch.zeros(self.n_identity, **self._place)
        if beta is not None:
            identity[: len(beta)] = torch.as_tensor(beta[: self.n_identity], **self._place)
        psi = np.zeros((len(points), self.n_actions)) if prior is None else prior
        with one_torch_thread():  # a frame's matrices are small, and sums round by the number of threads
            parts = [
                self._fit_chunk(points[i : i + CHUNK], psi[i : i + CHUNK], identity, precision, huber_mm, iterations)
                for i in range(0, len(points), CHUNK)
            ]
        return _joined(parts, self.n_actions)

    def fit_identity(
        self,
        points: Float[np.ndarray, "n l 3"],
        precision: float = 0.05,
        identity_precision: float = 0.02,
        iterations: int = 12,
    ) -> Float[np.ndarray, " i"]:
        """Identity coefficients beta shared by all the frames of one person, pose and psi of each frame left free.

        The frames' own unknowns are eliminated (Schur complement), so the cost is linear in frames.
        """
        self._check(points)
        observed = torch.as_tensor(points, **self._place)
        state = self._start(observed, torch.zeros(len(points), self._basis.shape[0], **self._place))
        ridge = torch.full((self._basis.shape[0],), precision, **self._place)
        ridge[self.n_actions :] = identity_precision / len(points)
        target = torch.zeros_like(state.coefficients)
        with one_torch_thread():  # a frame's matrices are small, and sums round by the number of threads
            for _ in range(iterations):
                residual, head = self._residual(observed, state)
                normal, gradient = self._normal(residual, head, _weights(residual, None), self._basis)
                self._advance(state, self._shared_step(normal, gradient, state, target, ridge))
        return state.coefficients[0, self.n_actions :].cpu().numpy()

    def _fit_chunk(
        self,
        points: np.ndarray,
        prior: np.ndarray,
        identity: Tensor,
        precision: float | np.ndarray,
        huber_mm: float | None,
        iterations: int,
    ) -> HeadFit:
        """Fits at most CHUNK frames, padded to CHUNK so that the arithmetic never depends on the batch."""
        count = len(points)
        index = np.arange(CHUNK) % count
        observed = torch.as_tensor(points[index], **self._place)
        target = torch.as_tensor(prior[index], **self._place)
        ridge = torch.as_tensor(np.broadcast_to(precision, (self.n_actions,)).copy(), **self._place)
        coefficients = torch.cat([target.clamp(0, 1), identity.expand(CHUNK, -1)], 1)
        state = self._start(observed, coefficients)
        basis = self._basis[: self.n_actions]
        for _ in range(iterations):
            residual, head = self._residual(observed, state)
            normal, gradient = self._normal(residual, head, _weights(residual, huber_mm), basis)
            self._advance(state, self._frame_step(normal, gradient, state, target, ridge))
        residual, _ = self._residual(observed, state)
        rms = (residual.square().sum(2).mean(1)).sqrt()
        fields = (state.rotation, state.translation, state.scale, state.coefficients[:, : self.n_actions], rms)
        return HeadFit(*(field[:count].cpu().numpy() for field in fields))

    def _start(self, observed: Tensor, coefficients: Tensor) -> _State:
        """Similarity transform of the starting head onto the points in closed form (Umeyama 1991)."""
        head = self._head(coefficients)
        here, there = head.mean(1, keepdim=True), observed.mean(1, keepdim=True)
        cross = (observed - there).transpose(1, 2) @ (head - here)
        rotation, trace, _ = nearest_rotation(cross)
        scale = trace / (head - here).square().sum((1, 2))
        shift = there[:, 0] - scale[:, None] * (rotation @ here.transpose(1, 2))[..., 0]
        return _State(rotation, shift, scale, coefficients.clone())

    def _head(self, coefficients: Tensor) -> Tensor:
        """Landmarks of the head in mm, (n, l, 3)."""
        flat = self._basis.reshape(self._basis.shape[0], -1)
        return self._template + (coefficients @ flat).reshape(len(coefficients), -1, 3)

    def _residual(self, observed: Tensor, state: _State) -> tuple[Tensor, Tensor]:
        """What is left in head axes and mm: `rotation^T (points - translation) / scale - head`."""
        head = self._head(state.coefficients)
        back = (observed - state.translation[:, None]) @ state.rotation / state.scale[:, None, None]
        return back - head, head

    def _normal(self, residual: Tensor, head: Tensor, weight: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
        """Normal equations of one step; the basis' own block is a matrix product because the weights are scalars."""
        n, marks, _ = head.shape
        pose = _pose_jacobian(head)
        weighted = pose * weight[:, :, None, None]
        flat = basis.reshape(len(basis), -1)
        cross = weighted.permute(0, 3, 1, 2).reshape(n * N_POSE, -1) @ flat.T
        products = torch.einsum("iax,jax->aij", basis, basis).reshape(marks, -1)
        own = (weight @ products).reshape(n, len(basis), len(basis))
        pose_block = torch.einsum("naxi,naxj->nij", weighted, pose)
        cross = cross.reshape(n, N_POSE, len(basis))
        normal = torch.cat([torch.cat([pose_block, cross], 2), torch.cat([cross.transpose(1, 2), own], 2)], 1)
        pull = (residual * weight[:, :, None]).reshape(n, -1)
        gradient = torch.cat([torch.einsum("naxi,nax->ni", weighted, residual), pull @ flat.T], 1)
        return normal, gradient

    def _frame_step(self, normal: Tensor, gradient: Tensor, state: _State, target: Tensor, ridge: Tensor) -> Tensor:
        """Projected Newton step (Bertsekas 1982): coefficients that press against a bound stay there."""
        psi = state.coefficients[:, : self.n_actions]
        size = normal.shape[1]
        stiff = torch.cat([torch.full((N_POSE,), DAMPING, **self._place), ridge])
        normal = normal + torch.diag(stiff)
        gradient = gradient.clone()
        gradient[:, N_POSE:] += ridge * (target - psi)
        held = _pressed(psi, gradient[:, N_POSE:])
        free = torch.cat([torch.ones(len(psi), N_POSE, **self._place), (~held).to(psi.dtype)], 1)
        normal = normal * free[:, :, None] * free[:, None] + torch.diag_embed(1 - free)
        step = torch.linalg.solve(normal, (gradient * free)[..., None])[..., 0]
        still = torch.zeros(len(psi), self._basis.shape[0] - self.n_actions, **self._place)
        return torch.cat([step[:, :size], still], 1)

    def _shared_step(self, normal: Tensor, gradient: Tensor, state: _State, target: Tensor, ridge: Tensor) -> Tensor:
        """Step with one beta for all frames: each frame's pose and psi are eliminated first."""
        stiff = torch.cat([torch.full((N_POSE,), DAMPING, **self._place), ridge])
        normal = normal + torch.diag(stiff)
        gradient = gradient.clone()
        gradient[:, N_POSE:] += ridge * (target - state.coefficients)
        own = N_POSE + self.n_actions
        held = _pressed(state.coefficients[:, : self.n_actions], gradient[:, N_POSE:own])
        free = torch.cat([torch.ones(len(normal), N_POSE, **self._place), (~held).to(normal.dtype)], 1)
        inner = normal[:, :own, :own] * free[:, :, None] * free[:, None] + torch.diag_embed(1 - free)
        coupling, right = normal[:, :own, own:] * free[:, :, None], gradient[:, :own] * free
        solved = torch.linalg.solve(inner, torch.cat([coupling, right[..., None]], 2))
        schur = (normal[:, own:, own:] - coupling.transpose(1, 2) @ solved[:, :, :-1]).sum(0)
        reduced = (gradient[:, own:] - (coupling.transpose(1, 2) @ solved[:, :, -1:])[..., 0]).sum(0)
        beta = torch.linalg.solve(schur, reduced)
        frame = solved[:, :, -1] - solved[:, :, :-1] @ beta
        return torch.cat([frame, beta.expand(len(frame), -1)], 1)

    def _advance(self, state: _State, step: Tensor) -> None:
        """`R <- R exp(w)`, `t <- t + s R tau`, `s <- s exp(sigma)`, psi kept within its bounds."""
        turn, shift, grow = step[:, :3], step[:, 3:6], step[:, 6]
        state.translation = state.translation + state.scale[:, None] * (state.rotation @ shift[..., None])[..., 0]
        state.rotation = state.rotation @ torch.linalg.matrix_exp(skew(turn))
        state.scale = state.scale * grow.clamp(-0.5, 0.5).exp()
        state.coefficients = state.coefficients + step[:, N_POSE:]
        state.coefficients[:, : self.n_actions].clamp_(0, 1)

    def _check(self, points: np.ndarray) -> None:
        expected = self._template.shape[0]
        if points.ndim != 3 or points.shape[1:] != (expected, 3):
            raise UserError(f"landmarks have shape {points.shape}; the head model needs (frames, {expected}, 3)")
        if not np.isfinite(points).all():
            raise UserError("landmarks hold NaN or infinite values; leave out the frames without a face")


def camera_axes(landmarks: Float[np.ndarray, "*b l 3"]) -> Float[np.ndarray, "*b l 3"]:
    """FaceLandmarker's pixels (y down, z away from the camera) in camera axes: y up, z to the camera."""
    return landmarks * np.array([1.0, -1.0, -1.0])


def lift(
    landmarks: Float[np.ndarray, "n l 3"], focal_px: float, size: tuple[int, int], mm_per_px: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n l 3"]:
    """Undo the perspective of a pinhole camera: points in mm, camera axes, for the solver.

    A landmark's depth is the head's distance, `focal_px * mm_per_px`, plus its own relative depth.

    Arguments:
        landmarks: pixels, z relative. focal_px: of the camera. size: width and height of the picture.
        mm_per_px: (n,) scale of each head, for instance `1 / HeadFit.scale` of a fit without perspective.
    """
    centred = camera_axes(landmarks) + np.array([-size[0] / 2, size[1] / 2, 0])
    scale = mm_per_px[:, None, None]
    nearer = centred[..., 2:] - centred[..., 2:].mean(1, keepdims=True)
    depth = focal_px * scale - nearer * scale
    return np.concatenate([centred[..., :2] * depth / focal_px, nearer * scale], -1)


def _pose_jacobian(head: Tensor) -> Tensor:
    """Motion of each landmark with rotation, translation and scale, (n, l, 3, 7)."""
    x, y, z = head.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rows = [
        [zero, z, -y, one, zero, zero, x],
        [-z, zero, x, zero, one, zero, y],
        [y, -x, zero, zero, zero, one, z],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], 2)


def _weights(residual: Tensor, huber_mm: float | None) -> Tensor:
    """Weights that sum to 1 a frame; Huber's beyond `huber_mm`."""
    if huber_mm is None:
        return torch.full_like(residual[..., 0], 1 / residual.shape[1])
    weight = (huber_mm / residual.norm(dim=2).clamp_min(1e-9)).clamp_max(1.0)
    return weight / weight.sum(1, keepdim=True)


def _pressed(psi: Tensor, gradient: Tensor) -> Bool[Tensor, "n e"]:
    return ((psi <= 0) & (gradient < 0)) | ((psi >= 1) & (gradient > 0))


def skew(vector: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Matrices that multiply like cross products, `skew(v) x = v x x`; their exponentials are rotations."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)


def _joined(parts: list[HeadFit], n_actions: int) -> HeadFit:
    if not parts:
        return HeadFit(np.empty((0, 3, 3)), np.empty((0, 3)), np.empty(0), np.empty((0, n_actions)), np.empty(0))
    return HeadFit(*(np.concatenate([getattr(part, name) for part in parts]) for name in HeadFit.__annotations__))
