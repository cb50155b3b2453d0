"""Trains the expression estimator on rendered actors, whose expressions are known."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.numpy import load_file
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch import Tensor, nn

from ..actors.basis import basis_change, nominal_psi
from ..blendshapes import ACTIONS, BLENDSHAPES, mirror_permutation
from ..errors import UserError
from ..morphable.model import MM_PER_M, MorphableModel
from ..morphable.procrustes import Aligned, align, lifted, still_weights
from .estimator import EstimatorConfig, ExpressionEstimator, landmark_selection, pose_terms

__all__ = ["Footage", "Scene", "TrainingConfig", "descend", "read_footage", "scene_of", "train_estimator"]

LOG = logging.getLogger(__name__)
BANK = 6
"""Neutral frames kept of each actor."""
PAIR_MM = 6.0
"""Farthest that the typical landmark may lie from its partner's mirror image."""
DRIFT_RIDGE = 5e-5
SOFT_MM2 = 0.01
"""Keeps the gradient of the root finite."""
LEAK = 0.05
"""Share of what an estimate lies outside [0, 1] that counts in training, where psi will be clipped."""
PLACES = 250
"""Vertices of the face over which the loss is taken."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Arguments:
        steps, batch, learning_rate, weight_decay: of AdamW with a one-cycle rate.
        per_action: weight of the mean absolute error of psi, summed over the actions, beside the error in mm.
        still: share of examples without a known neutral.
        sparse: whether an action that more likely rests than not is set to rest. Without, a weak sign of it is kept:
            68 landmarks hardly show a blink.
    """

    steps: int = 3000
    batch: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    per_action: float = 0.05
    still: float = 0.05
    sparse: bool = True


@dataclass(frozen=True)
class Scene:
    """What of the head model the training needs, in mm.

    Arguments:
        template: (L, 3) landmarks of the mean head. weights: of `alignment.align`.
        mirror: landmark that is each landmark's mirror image.
        fields: (52, PLACES, 3) what each action does at places drawn evenly over the face's surface.
        change: (52, 52) of `nominal.basis_change`.
    """

    template: Float[np.ndarray, "l 3"]
    weights: Float[np.ndarray, " l"]
    mirror: Int[np.ndarray, " l"]
    fields: Float[np.ndarray, "52 p 3"]
    change: Float[np.ndarray, "52 52"]


@dataclass(frozen=True)
class Footage:
    """Expressive frames of all actors, each aligned to its own neutral, and a bank of neutral frames.

    Arguments:
        points: (n, L, 3) mm. scores: (n, 51). angles: (n, 3). psi: (n, 52) truth on the nominal basis.
        actor: (n,) index into the bank. condition: (n,) index into `filming.CONDITIONS`.
        rest: (a, BANK, L, 3), rest_scores: (a, BANK, 51) and rest_angles: (a, BANK, 3), the neutral frames.
    """

    points: Float[Tensor, "n l 3"]
    scores: Float[Tensor, "n 51"]
    angles: Float[Tensor, "n 3"]
    psi: Float[Tensor, "n 52"]
    actor: Int[Tensor, " n"]
    condition: Int[Tensor, " n"]
    rest: Float[Tensor, "a k l 3"]
    rest_scores: Float[Tensor, "a k 51"]
    rest_angles: Float[Tensor, "a k 3"]

    def only(self, rows: Bool[Tensor, " n"]) -> "Footage":
        """The chosen frames; the bank stays whole."""
        columns = ("points", "scores", "angles", "psi", "actor", "condition")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def scene_of(head: MorphableModel, layout: str = "478") -> Scene:
    """The training's view of a head model with landmarks."""
    chosen = landmark_selection(layout)
    marks = head.landmark_model()
    template = marks.template[chosen].astype(float) * MM_PER_M
    weights = still_weights(marks.expression.astype(float) * MM_PER_M)[chosen]
    away = cdist(template * [-1, 1, 1], template)
    mirror = linear_sum_assignment(away)[1]
    if np.median(away[np.arange(len(mirror)), mirror]) > PAIR_MM:
        raise UserError("the head model's landmarks are not symmetrical: check its embedding")
    return Scene(template, weights / weights.sum(), mirror, _fields(head), basis_change(head))


def _fields(head: MorphableModel) -> Float[np.ndarray, "52 p 3"]:
    surface = head.areas() * head.region("face")
    places = np.random.default_rng(0).choice(len(surface), PLACES, replace=False, p=surface / surface.sum())
    return head.expression[:, places].astype(float) * MM_PER_M


def read_footage(paths: Sequence[Path], scene: Scene, layout: str = "478") -> Footage:
    """Frames of actors filmed by `filming.film_actors`, but of those of whom two neutral frames or more were seen."""
    actors = [actor for path in paths if (actor := _read_actor(path, scene, layout)) is not None]
    if not actors:
        raise UserError("no actors to train on: film some with dfe_lib.actors.filming.film_actors first")
    counts = torch.tensor([len(actor["psi"]) for actor in actors])
    own = [name for name in actors[0] if not name.startswith("rest")]
    columns = {name: torch.cat([actor[name] for actor in actors]) for name in own}
    banks = {name: torch.stack([actor[name] for actor in actors]) for name in ("rest", "rest_scores", "rest_angles")}
    return Footage(**columns, **banks, actor=torch.repeat_interleave(torch.arange(len(actors)), counts))


def _read_actor(path: Path, scene: Scene, layout: str) -> dict[str, Tensor] | None:
    table, chosen = load_file(path), landmark_selection(layout)
    seen = torch.from_numpy(table["detected"])
    weights, template = (torch.from_numpy(x).float() for x in (scene.weights, scene.template))
    pixels = torch.from_numpy(table["landmarks"])[:, chosen]

    def place(goal: Tensor) -> Aligned:
        return align(lifted(pixels[..., :2], goal, weights) if layout == "68" else pixels, goal, weights)

    first = place(template[None])
    neutral = seen & first.valid & (torch.from_numpy(table["psi"]).sum(1) == 0)
    if int(neutral.sum()) < 2:
        return None
    found = place(first.points[neutral].mean(0)[None])
    rows = seen & found.valid & ~(torch.from_numpy(table["psi"]).sum(1) == 0)
    psi = nominal_psi(scene.change, table["response"].astype(float), table["psi"].astype(float))
    bank = torch.from_numpy(np.resize(np.flatnonzero(neutral.numpy()), BANK))
    scores = torch.from_numpy(table["scores"]) * (layout == "478")
    return {
        "points": found.points[rows], "scores": scores[rows], "angles": found.angles[rows],
        "psi": torch.from_numpy(psi).float()[rows],
        "condition": torch.from_numpy(table["condition"])[rows].long(),
        "rest": found.points[bank], "rest_scores": scores[bank],
        "rest_angles": found.angles[bank],
    }  # fmt: skip


def train_estimator(
    footage: Footage, scene: Scene, config: EstimatorConfig, training: TrainingConfig, seed: int = 0
) -> ExpressionEstimator:
    """An estimator fitted to the footage; the same seed on the same machine gives the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ExpressionEstimator(config)
        _fit_buffers(model, footage, scene)
        descend(model, _Batches(footage, model, training), scene, training)
    return model.eval().requires_grad_(False)


def descend(
    model: nn.Module, batches: Callable[[], tuple[tuple[Tensor, ...], Tensor]], scene: Scene, training: TrainingConfig
) -> None:
    """Trains a model that gives psi before clipping and the logarithm of sigma.

    Arguments:
        batches: draws the model's inputs and the true psi (n, 52).
    """
    optimiser = torch.optim.AdamW(model.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.learning_rate, total_steps=training.steps, pct_start=0.1
    )
    fields = torch.from_numpy(scene.fields).float()
    for step in range(training.steps):
        inputs, truth = batches()
        psi, log_sigma = model(*inputs)
        loss = _loss(psi, log_sigma, truth, fields, training)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
        if step % 500 == 0:
            LOG.info("step %d of %d, loss %.3f", step, training.steps, loss.item())


def _loss(
    psi: Float[Tensor, "n 52"], log_sigma: Float[Tensor, "n 52"], truth: Float[Tensor, "n 52"],
    fields: Float[Tensor, "52 p 3"], training: TrainingConfig,
) -> Float[Tensor, ""]:  # fmt: skip
    """Error in mm over the face, error of psi, and, at a small weight, the likelihood of the error under sigma.

    The distance is the mean over places of the length of the error there, as in the benchmark, or the root of the mean
    square over the places.
    """
    inside = psi.clamp(0, 1)
    error = (inside + LEAK * (psi - inside) if training.sparse else psi) - truth
    squares = (error @ fields.flatten(1)).unflatten(1, (-1, 3)).square().sum(2)
    squares = squares if training.sparse else squares.mean(1)
    distance = (squares + SOFT_MM2).sqrt().mean()
    likelihood = (error.detach().square() / (2 * torch.exp(2 * log_sigma)) + log_sigma).mean()
    return distance + training.per_action * error.abs().sum(1).mean() + 0.02 * likelihood


def _fit_buffers(model: ExpressionEstimator, footage: Footage, scene: Scene) -> None:
    """Template, mean neutral, principal components, and what each action does to the detected landmarks."""
    actors = torch.unique(footage.actor)
    rest = footage.rest.mean(1)
    shift = footage.points - rest[footage.actor]
    mirrored = shift[:, torch.from_numpy(scene.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    even = _components((shift + mirrored) / 2, model.config.n_even)
    odd = _components((shift - mirrored) / 2, model.config.n_odd)
    model.basis.copy_(torch.cat([even[0], odd[0]]))
    model.spread.copy_(torch.cat([even[1], odd[1]]))
    model.template.copy_(torch.from_numpy(scene.template))
    model.weights.copy_(torch.from_numpy(scene.weights))
    model.drift.copy_(_pose_drift(footage))
    model.neutral.copy_(rest[actors].mean(0))
    model.neutral_scores.copy_(footage.rest_scores.mean(1)[actors].mean(0))
    ridge = footage.psi.T @ footage.psi + len(actors) * 0.05 * torch.eye(len(ACTIONS))
    model.response.copy_(torch.linalg.solve(ridge, footage.psi.T @ shift.flatten(1)))


def _pose_drift(footage: Footage) -> Float[Tensor, "8 51"]:
    """What pose does to the scores of neutral faces, alike for a mirrored face (ridge regression within actors)."""
    terms = pose_terms(footage.rest_angles.flatten(0, 1)).unflatten(0, footage.rest_angles.shape[:2])
    x = (terms - terms.mean(1, keepdim=True)).flatten(0, 1)
    y = (footage.rest_scores - footage.rest_scores.mean(1, keepdim=True)).flatten(0, 1)
    drift = torch.linalg.solve(x.T @ x + DRIFT_RIDGE * len(x) * torch.eye(x.shape[1]), x.T @ y)
    odd = torch.tensor([-1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
    return (drift + odd[:, None] * drift[:, mirror_permutation(BLENDSHAPES)]) / 2


def _components(shift: Float[Tensor, "n l 3"], n: int) -> tuple[Float[Tensor, "c d"], Float[Tensor, " c"]]:
    """Principal axes about 0, and the spread along each."""
    flat = shift.flatten(1).double()
    values, vectors = torch.linalg.eigh(flat.T @ flat / len(flat))
    top = torch.arange(len(values) - 1, len(values) - 1 - n, -1)
    return vectors[:, top].T.float(), values[top].clamp_min(1e-6).sqrt().float()


class _Batches:
    """Random batches; each example is calibrated on another choice of its actor's neutral frames, or on none."""

    def __init__(self, footage: Footage, model: ExpressionEstimator, training: TrainingConfig) -> None:
        self._footage, self._training = footage, training
        self._points, self._rests = model.components(footage.points), model.components(footage.rest)
        self._neutral, self._neutral_scores = model.components(model.neutral), model.neutral_scores

    def __call__(self) -> tuple[tuple[Tensor, ...], Float[Tensor, "n 52"]]:
        """Inputs of the model's forward, and the truth."""
        footage = self._footage
        rows = torch.randint(len(footage.psi), (self._training.batch,))
        rest, rest_scores, known = self._rest(footage.actor[rows])
        shift = self._points[rows] - rest
        return (shift, footage.scores[rows], rest_scores, footage.angles[rows], known), footage.psi[rows]

    def _rest(self, actor: Int[Tensor, " n"]) -> tuple[Tensor, Tensor, Tensor]:
        """The mean of some of the actor's neutral frames, or for some examples the population's mean."""
        n = len(actor)
        taken = (torch.rand(n, BANK) < 0.1 + 0.9 * torch.rand(n, 1)).float()
        taken[:, 0] += (taken.sum(1) == 0).float()
        share = taken / taken.sum(1, keepdim=True)
        known = (torch.rand(n, 1) > self._training.still).float()
        rest = torch.einsum("nk,nkc->nc", share, self._rests[actor])
        scores = torch.einsum("nk,nks->ns", share, self._footage.rest_scores[actor])
        return torch.where(known > 0, rest, self._neutral), torch.where(known > 0, scores, self._neutral_scores), known
