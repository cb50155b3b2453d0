"""How a codebook is trained: steps, rates, weights of the losses."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..errors import UserError
from ..io.parameters import Parameter, check_parameters

__all__ = ["TrainConfig"]

WEIGHTS = ("reconstruction", "commitment", "sparsity", "orthogonality", "usage", "weight_decay")
"""Weights of single terms, fields of `TrainConfig`."""
START_WEIGHTS = ("start_sparsity", "start_rarity", "start_locality", "start_overlap")
"""Those of the classical start."""


@dataclass(frozen=True)
class TrainConfig:
    """How an :class:`~dfe_lib.quantisation.rvqvae.RvqVae` is trained.

    Arguments:
        steps: Gradient steps after the classical start; 0 leaves it as it is.
        batch_size: Frames a step.
        learning_rate: Peak of the schedule, which warms up over a tenth of the steps and falls to 0 as a cosine.
        weight_decay: Pull of the weights towards 0, per step and unit of learning rate.
        commitment: Weight of the latent's distance from its codes.
        start_rounds: Rounds of the classical start (assign codes, then solve for the codebook).
        start_frames: Frames it uses at most.
        mirror: Also train on the mirrored faces.
        jitter: A corpus of fewer than `start_frames` frames is filled up with copies, each coefficient of which is
            multiplied by its own factor between 1 - jitter and 1 + jitter; 0 adds nothing.
        evaluate_every: Steps between two rows of the history (and two checkpoints).
        seed: Seed of everything random.
        device: `"cpu"`, `"cuda"` or `"auto"` (a GPU where there is one).
        threads: CPU threads, pinned because sums round by their number.
        start_sparsity: What each round of the start takes from every coefficient of a code, in mm (rms) that it moves
            the face; 0 takes nothing.
        start_rarity: Codes used less often than this share of the mean are moved in the start; 0 moves unused ones.
        start_locality: Where codes have strengths and the regions of the face are known, weight of a display's movement
            outside the region that it moves most; 0 asks for nothing.
        start_overlap: Where codes have strengths, largest cosine between two displays in the start; 1 asks for nothing.
        reconstruction: Weight of the error in the mesh metric.
        sparsity: Weight of the templates' movement of the face, per mm at a place.
        orthogonality: Weight of the squared cosines between templates.
        usage: Weight of the lack of entropy in the use of the codes.
        patience: Rows of the history without a better error after which training stops; 0 trains all steps.
            The model is the best of all rows, even the start; where nothing is held out, by the training frames, and
            the last where other terms than the errors have weights.
        amp: Mixed precision (bfloat16) on a GPU; nothing on a CPU.
        compile: Compile the step with `torch.compile`; pays on a GPU, or over thousands of steps.
    """

    steps: int = 300
    batch_size: int = 512
    learning_rate: float = 5e-5
    weight_decay: float = 1e-2
    commitment: float = 0.25
    start_rounds: int = 20
    start_frames: int = 24_576
    mirror: bool = False
    jitter: float = 0.5
    evaluate_every: int = 100
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    start_sparsity: float = 1e-3
    start_rarity: float = 0.2
    start_locality: float = 0.0
    start_overlap: float = 0.75
    reconstruction: float = 1.0
    sparsity: float = 0.0
    orthogonality: float = 0.0
    usage: float = 0.0
    patience: int = 0
    amp: bool = True
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("batch_size", "start_frames", "evaluate_every", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name in ("steps", "start_rounds", "learning_rate", "patience", *START_WEIGHTS, *WEIGHTS):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name} must be a number of at least 0, not {getattr(self, name)}.")
        if not 0 <= self.jitter <= 1:
            raise UserError(f"jitter must be 0 to 1, not {self.jitter}.")
        if self.device not in ("cpu", "cuda", "auto"):
            raise UserError(f"device must be 'cpu', 'cuda' or 'auto', not {self.device!r}.")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("device is 'cuda', but torch sees no GPU here; use 'cpu' or 'auto'.")

    def with_losses(self, losses: Mapping[str, Any]) -> "TrainConfig":
        """The same with other weights of single terms; raises UserError for other names and for no numbers.

        >>> TrainConfig().with_losses({"sparsity": 0.1}).sparsity
        0.1
        """
        declared = {name: Parameter(getattr(self, name), frozenset({float})) for name in (*START_WEIGHTS, *WEIGHTS)}
        check_parameters(losses, declared, "losses")
        weights: dict[str, Any] = {name: float(value) for name, value in losses.items()}
        return replace(self, **weights)
