"""Gradient steps of an RVQ-VAE, on one device or many, with checkpoints and early stopping."""

import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..errors import UserError
from ..io.progress import bar, duration
from ..morphable.metric import metric_root
from .checkpoint import load_checkpoint, save_checkpoint
from .config import TrainConfig
from .dictionary import code_counts, revive_codes
from .losses import mesh_loss, orthogonality_loss, sparsity_loss, usage_loss
from .metrics import error_mm, perplexity, usage
from .rvqvae import RvqVae

__all__ = ["Descent", "History", "Row", "TrainingLoss"]


Row = dict[str, float | int]
SHOWN = 4096
"""Training frames whose error is followed."""
REVIVE_EVERY = 50
"""Steps over which a code must occur, or be moved."""
FEW_STEPS = 100
"""A training of fewer is not worth the two that tell how long it takes."""
LONG_S = 60.0
"""A shorter training goes without a word."""
CODEBOOK_RATE = 10.0
"""Learning rate of the codes relative to the networks: they live in millimetres, the weights around one."""


class History:
    """The rows (step, loss, train_mm; with held-out frames heldout_mm, usage, perplexity), newest last.

    A model that is learnt in another metric than millimetres is also measured in that one.

    Arguments:
        model: The model that is trained.
        train_psi: Expressions (N, E) of the training split; some thousand of them are used.
        heldout_psi: Expressions (H, E) of the held-out subjects; may have no rows.
        metric: Mesh metric (E, E) in mm2.
        progress: Called with the step and its row.
        balanced: The metric that the model is learnt in, if it is another one.
    """

    def __init__(
        self,
        model: RvqVae,
        train_psi: Float[np.ndarray, "n e"],
        heldout_psi: Float[np.ndarray, "h e"],
        metric: Float[np.ndarray, "e e"],
        progress: Callable[[int, Row], None] | None,
        balanced: Float[np.ndarray, "e e"] | None = None,
    ):
        self.model, self.metric, self.progress, self.balanced = model, metric, progress, balanced
        self.train_psi, self.heldout_psi = train_psi[:: -(-len(train_psi) // SHOWN)], heldout_psi
        self.rows: list[Row] = []

    def add(self, step: int, loss: float) -> Row:
        """Measures the model as it is now."""
        self.model.eval()
        faces = self._coded(self.train_psi)[1:]
        row: Row = {"step": step, "loss": loss, "train_mm": self._error(*faces)}
        if self.balanced is not None and not len(self.heldout_psi):
            row["train_balanced"] = float(error_mm(*faces, self.balanced).mean())
        if len(self.heldout_psi):
            codes, psi, decoded = self._coded(self.heldout_psi)
            row["heldout_mm"] = self._error(psi, decoded)
            if self.balanced is not None:
                row["heldout_balanced"] = float(error_mm(psi, decoded, self.balanced).mean())
            config = self.model.config
            row["usage"] = usage(codes, config.codebook_size, config.shared_codebook)
            row["perplexity"] = perplexity(codes, config.codebook_size, config.shared_codebook)
        self.rows.append(row)
        if self.progress:
            self.progress(step, row)
        return row

    @property
    def judged_by(self) -> str:
        """Column of the error that a training is judged by: held out, in the metric it is learnt in; where nobody is
        held out, that of the training frames."""
        split = "heldout" if len(self.heldout_psi) else "train"
        return f"{split}_{'mm' if self.balanced is None else 'balanced'}"

    def _coded(self, psi: Float[np.ndarray, "n e"]) -> tuple[Int[np.ndarray, "n m"], np.ndarray, np.ndarray]:
        """Codes, psi, and psi decoded."""
        codes = self.model.encode(torch.as_tensor(np.ascontiguousarray(psi)))
        return codes.cpu().numpy(), psi, self.model.decode(codes).cpu().numpy()

    def _error(self, psi: Float[np.ndarray, "n e"], decoded: Float[np.ndarray, "n e"]) -> float:
        return float(error_mm(psi, decoded, self.metric).mean())


class TrainingLoss(nn.Module):
    r"""The weighted sum of the losses on a batch; a term whose weight is 0 is not computed.

    $w_r L_{mesh} + w_c \|z - \hat z\|^2$, both over the corpus's mean square motion, plus $w_s$ sparsity,
    $w_o$ orthogonality and $w_u$ usage.

    Arguments:
        model: The model.
        config: Weights of the terms.
        metric: Mesh metric (E, E) in mm2.
        fields: Displacements of the face that count for sparsity (:func:`~dfe_lib.quantisation.losses.sparsity_loss`).
        psi: Frames (N, E) of the corpus, for its mean square motion.
    """

    root: Tensor
    fields: Tensor

    def __init__(
        self,
        model: RvqVae,
        config: TrainConfig,
        metric: Float[np.ndarray, "e e"],
        fields: Float[Tensor, "v c e"],
        psi: Float[Tensor, "n e"],
    ):
        super().__init__()
        self.model, self.config = model, config
        self.register_buffer("root", torch.as_tensor(metric_root(metric), dtype=torch.float32), persistent=False)
        self.register_buffer("fields", fields, persistent=False)
        self.spread = mesh_loss(psi - model.mean.cpu(), self.root).clamp(min=1e-12).item()

    def forward(self, psi: Float[Tensor, "b e"]) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, what the codes leave over of the latent (B, D), and the codes (B, M)."""
        output, config = self.model(psi), self.config
        off = output.latent - output.quantised.detach()
        loss = config.reconstruction * mesh_loss(psi - output.psi, self.root) / self.spread
        if config.commitment:
            loss = loss + config.commitment * off.square().sum(1).mean() / self.spread
        if config.sparsity or config.orthogonality:
            templates = self.model.template_changes()
            if config.sparsity:
                loss = loss + config.sparsity * sparsity_loss(templates, self.fields)
            if config.orthogonality:
                loss = loss + config.orthogonality * orthogonality_loss(templates, self.root)
        if config.usage:
            loss = loss + config.usage * usage_loss(output.latent, self.model.quantiser.codes.flatten(0, 1))
        return loss, off.detach(), output.codes


class Descent:
    """AdamW on the losses; codes that no rank has used for a while are moved.

    Arguments:
        model: Trained in place, on the fabric's device.
        loss: What is made small.
        config: Settings.
        fabric: Devices, processes and precision; every rank must get the same batches, of which it takes its share.
        generator: Source of the random choices, in the same state on every rank.
        history: Of the first rank.
        checkpoint: File that the run is kept in, and goes on from.
        say: Takes a sentence on how long it will take, before the first step, where that is more than a minute.
    """

    def __init__(
        self,
        model: RvqVae,
        loss: TrainingLoss,
        config: TrainConfig,
        fabric: Fabric,
        generator: torch.Generator,
        history: History,
        checkpoint: Path | None,
        say: Callable[[str], object] | None = None,
    ):
        self.model, self.config, self.fabric, self.generator, self.say = model, config, fabric, generator, say
        self.history, self.checkpoint = history, checkpoint
        model.to(fabric.device)
        self.optimiser = torch.optim.AdamW(_groups(model, config), betas=(0.9, 0.98))
        if config.compile:
            loss.compile()
        self.loss, self.stepper = fabric.setup(loss, self.optimiser)
        self.counts = torch.zeros(model.quantiser.strength.numel(), dtype=torch.long)
        self.best: dict[str, Tensor] = {}
        self.step = self.stale = 0

    def run(self, batches: Iterator[Float[Tensor, "b e"]], fingerprint: str) -> None:
        """All steps, or those that an interrupted run still lacks; the best model of all rows stays, even the start."""
        if self.checkpoint and self.checkpoint.exists():
            self._resume(self.checkpoint, fingerprint)
        else:
            self._measure(float("nan"))
        batches = islice(batches, self.step, None)
        if self.say and self.config.steps - self.step >= FEW_STEPS:
            first = next(batches)
            batches = chain([first], batches)
            self._announce(first[self.fabric.global_rank :: self.fabric.world_size], self.say)
        for step in bar(range(self.step + 1, self.config.steps + 1), desc="training"):
            if self._stopped:
                break
            self.step, batch = step, next(batches)
            value, off = self._descend(batch[self.fabric.global_rank :: self.fabric.world_size])
            if self.step % REVIVE_EVERY == 0:
                self._revive(off)
            if self.step % self.config.evaluate_every == 0 or self.step == self.config.steps:
                self._measure(value)
                self._keep(fingerprint)
        if self.best:
            self.model.load_state_dict(self.best)

    def _announce(self, batch: Tensor, say: Callable[[str], object]) -> None:
        """Says how long the steps will take, by two that change nothing: the first warms up, the second is timed."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            for _ in range(2):
                began = time.perf_counter()
                self.loss.train()
                value, _, _ = self.loss(batch.to(self.fabric.device))
                self.fabric.backward(value)
                self.stepper.zero_grad()
                value.item()
        step_s, left = time.perf_counter() - began, self.config.steps - self.step
        if step_s * left >= LONG_S:
            say(f"training takes about {duration(step_s * left)}: {left} steps of {step_s:.2g} s on this machine")

    @property
    def _stopped(self) -> bool:
        return bool(self.config.patience) and self.stale >= self.config.patience

    def _descend(self, batch: Tensor) -> tuple[float, Tensor]:
        for group, peak in zip(self.optimiser.param_groups, _peaks(self.config), strict=True):
            group["lr"] = peak * _rate(self.step - 1, self.config.steps)
        self.loss.train()
        value, off, codes = self.loss(batch.to(self.fabric.device))
        self.stepper.zero_grad()
        self.fabric.backward(value)
        self.fabric.clip_gradients(self.loss, self.stepper, max_norm=1.0)
        self.stepper.step()
        self.counts += code_counts(self.model.quantiser, codes)
        return value.item(), off

    def _revive(self, off: Tensor) -> None:
        """Every rank moves the same codes to the same places: counts are added up, residuals put in their order."""
        if self.step <= 0.8 * self.config.steps:
            ranks = self.fabric.world_size
            counts, residual = self.counts.to(self.fabric.device), off
            if ranks > 1:
                counts = torch.as_tensor(self.fabric.all_reduce(counts, reduce_op="sum"))
                residual = torch.as_tensor(self.fabric.all_gather(off)).transpose(0, 1).flatten(0, 1)
            revive_codes(self.model.quantiser, counts.cpu(), residual)
        self.counts.zero_()

    @property
    def _trades_error(self) -> bool:
        """Is the error of the training frames all there is to judge by, and given up on purpose for other terms?"""
        other_terms = (self.config.sparsity, self.config.orthogonality, self.config.usage)
        return not len(self.history.heldout_psi) and any(other_terms)

    def _measure(self, loss: float) -> None:
        row: Row = self.history.add(self.step, loss) if self.fabric.global_rank == 0 else {}
        row = self.fabric.broadcast(row)
        if self._trades_error:
            return
        judged_by = self.history.judged_by
        if self.fabric.broadcast(all(row[judged_by] <= other[judged_by] for other in self.history.rows)):
            self.stale, self.best = 0, {name: value.clone() for name, value in self.model.state_dict().items()}
        else:
            self.stale += 1

    def _keep(self, fingerprint: str) -> None:
        if self.checkpoint and self.fabric.global_rank == 0:
            facts = {"step": self.step, "stale": self.stale, "rows": self.history.rows, "fingerprint": fingerprint}
            tensors = {f"best.{name}": value for name, value in self.best.items()} | {"counts": self.counts}
            save_checkpoint(self.checkpoint, self.model, self.optimiser, self.generator, tensors, facts)
        self.fabric.barrier()

    def _resume(self, path: Path, fingerprint: str) -> None:
        tensors, facts = load_checkpoint(path, self.model, self.optimiser, self.generator)
        if facts["fingerprint"] != fingerprint:
            raise UserError(f"{path} is of a run with other settings or frames; delete it to train anew.")
        self.step, self.stale, self.history.rows = facts["step"], facts["stale"], facts["rows"]
        own = {name.removeprefix("best."): value for name, value in tensors.items() if name != "counts"}
        self.best = {name: value.to(self.fabric.device) for name, value in own.items()}
        if self.fabric.global_rank == 0:  # the sum over the ranks was kept with the first
            self.counts = tensors["counts"]


def _rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine to 0."""
    warm = max(1, steps // 10)
    return min((step + 1) / warm, 0.5 + 0.5 * np.cos(np.pi * min(1.0, max(0, step - warm) / max(1, steps - warm))))


def _groups(model: RvqVae, config: TrainConfig) -> list[dict]:
    """Decay for the weight matrices of the networks; none for biases, the linear code and the codebook."""
    groups: dict[str, list[nn.Parameter]] = {"networks": [], "rest": [], "codebook": []}
    for name, value in model.named_parameters():
        network = name.endswith("weight") and value.ndim == 2
        groups["codebook" if name == "quantiser.codebook" else "networks" if network else "rest"].append(value)
    decays = (config.weight_decay, 0.0, 0.0)
    return [
        {"params": group, "lr": peak, "weight_decay": decay}
        for group, peak, decay in zip(groups.values(), _peaks(config), decays, strict=True)
    ]


def _peaks(config: TrainConfig) -> tuple[float, float, float]:
    """Peak learning rates of the groups."""
    return config.learning_rate, config.learning_rate, config.learning_rate * CODEBOOK_RATE
