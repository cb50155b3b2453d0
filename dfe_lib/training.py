"""Training of an RVQ-VAE in the mesh metric: a classical start, then gradient descent."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .codebook import error_mm, perplexity, usage
from .errors import UserError
from .names import mirror_permutation
from .progress import bar
from .quantiser import fit_codebook, revive_codes
from .rvqvae import RvqVae

__all__ = ["TrainConfig", "mesh_loss", "mirrored", "split_subjects", "start_classically", "train"]

REVIVE_EVERY = 50
"""Steps over which a code must occur, or be moved."""

CODEBOOK_RATE = 10.0
"""Learning rate of the codes relative to the networks: they live in millimetres, the weights around one."""


@dataclass(frozen=True)
class TrainConfig:
    """How an :class:`~dfe_lib.rvqvae.RvqVae` is trained.

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
        evaluate_every: Steps between two rows of the history.
        seed: Seed of everything random.
        device: `"cpu"`, `"cuda"` or `"auto"` (a GPU where there is one).
        threads: CPU threads, pinned because sums round by their number.
    """

    steps: int = 300
    batch_size: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    commitment: float = 0.25
    start_rounds: int = 20
    start_frames: int = 8192
    mirror: bool = False
    jitter: float = 0.5
    evaluate_every: int = 100
    seed: int = 0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self):
        for name in ("batch_size", "start_frames", "evaluate_every", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name in ("steps", "start_rounds", "learning_rate", "weight_decay", "commitment"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must not be negative, but is {getattr(self, name)}.")
        if not 0 <= self.jitter <= 1:
            raise UserError(f"jitter must be 0 to 1, not {self.jitter}.")
        if self.device not in ("cpu", "cuda", "auto"):
            raise UserError(f"device must be 'cpu', 'cuda' or 'auto', not {self.device!r}.")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("device is 'cuda', but torch sees no GPU here; use 'cpu' or 'auto'.")


def train(
    model: RvqVae,
    train_psi: Float[np.ndarray, "n _"],
    heldout_psi: Float[np.ndarray, "h _"],
    metric: Float[np.ndarray, "_ _"],
    config: TrainConfig | None = None,
    progress: Callable[[int, dict[str, float | int]], None] | None = None,
) -> pd.DataFrame:
    """Trains `model` in place, and returns its history (step, loss, errors in mm, usage and perplexity held out).

    The model starts as the best classical quantiser found (:func:`start_classically`) and is then trained end to end.
    One seed gives one model, bit for bit, on one machine; the caller's random state and threads stay as they were.

    Arguments:
        model: The model; its weights are replaced.
        train_psi: Expressions (N, E) of the training subjects.
        heldout_psi: Expressions of the held-out subjects, for the history only; may have no rows.
        metric: Mesh metric (E, E) in mm2, averaged over vertices.
        config: Settings; default :class:`TrainConfig`.
        progress: Called with the step and the row of the history, whenever there is a new row.
    """
    config = config or TrainConfig()
    metric = _checked(model, train_psi, heldout_psi, metric)
    psi = torch.as_tensor(np.ascontiguousarray(train_psi), dtype=torch.float32)
    device = "cuda" if config.device == "auto" and torch.cuda.is_available() else config.device.replace("auto", "cpu")
    with _reproducible(config.seed, config.threads):
        generator = torch.Generator().manual_seed(config.seed)
        corpus = mirrored(psi, model.config.coefficients, both=True) if config.mirror else psi
        corpus = _filled(corpus, config, generator)
        start_classically(model, corpus, metric, config, generator)
        history = _History(model, psi.numpy(), heldout_psi, metric, progress)
        _descend(model.to(device), corpus, metric, config, generator, history)
        model.to("cpu").eval()
    return pd.DataFrame(history.rows)


def mesh_loss(difference: Float[Tensor, "b e"], root: Float[Tensor, "e r"]) -> Float[Tensor, ""]:
    r"""Mean over frames of $\|E \delta\|^2 = \delta^T G \delta$ with $G = R R^T$, in mm2 (mean over the vertices).

    Arguments:
        difference: $\delta = \psi - \hat\psi$ (B, E).
        root: R (E, r), any square root of the metric.

    >>> mesh_loss(torch.tensor([[1.0, 2.0]]), torch.eye(2))
    tensor(5.)
    """
    return (difference @ root).square().sum(1).mean()


def mirrored(psi: Float[Tensor, "n e"], coefficients: Sequence[str], both: bool = False) -> Float[Tensor, "_ e"]:
    """The same faces with left and right exchanged; `both` puts the originals before them.

    >>> mirrored(torch.tensor([[0.1, 0.2, 0.3]]), ("jawLeft", "jawOpen", "jawRight"))
    tensor([[0.3000, 0.2000, 0.1000]])
    """
    try:
        swapped = psi[:, mirror_permutation(coefficients)]
    except ValueError:
        raise UserError("These coefficients have a left without a right, so mirror must be false.") from None
    return torch.cat([psi, swapped]) if both else swapped


def split_subjects(
    subject_ids: Sequence[str] | np.ndarray, heldout: float | Sequence[str] = 0.25, seed: int = 0
) -> Bool[np.ndarray, " n"]:
    """Which frames are held out; a subject's frames are never on both sides.

    Arguments:
        subject_ids: Subject of each frame.
        heldout: Names of the subjects to hold out, or the share of the subjects, of which at least one is held out
            and at least one stays.
        seed: Seed of the choice; the order of the frames has no part in it.

    >>> split_subjects(["anna", "ben", "anna"], heldout=["ben"])
    array([False,  True, False])
    """
    frames = np.asarray(subject_ids, dtype=str)
    subjects = np.unique(frames)
    if isinstance(heldout, int | float):
        if not 0 < heldout < 1 or len(subjects) < 2:
            raise UserError(f"Holding out a share of {heldout} needs 0 < share < 1 and two subjects or more "
                            f"(here {len(subjects)}).")  # fmt: skip
        size = int(np.clip(round(heldout * len(subjects)), 1, len(subjects) - 1))
        chosen = np.random.default_rng(seed).permutation(subjects)[:size]
    else:
        chosen = np.asarray(list(heldout), dtype=str)
        unknown = sorted(set(chosen) - set(subjects))
        if unknown:
            raise UserError(f"There is no subject {unknown[0]!r} to hold out; the subjects are {', '.join(subjects)}.")
    held = np.isin(frames, chosen)
    if held.all():
        raise UserError("Every subject is held out and none is left to train on; name fewer in heldout.")
    return held


def start_classically(
    model: RvqVae, psi: Float[Tensor, "n e"], metric: Float[np.ndarray, "e e"], config: TrainConfig,
    generator: torch.Generator,
) -> None:  # fmt: skip
    """Sets the model to a linear code in the mesh metric with the best codebook found there.

    The latent becomes the principal axes of psi in the metric (all of them where latent_dim allows), so that its
    squared distances are mm2; the codebook is started by residual k-means and improved by turns of assigning codes
    and solving the least squares for all codes at once.
    """
    root = torch.as_tensor(metric_root(metric), dtype=torch.float64)
    data = psi.double()
    mean = data.mean(0)
    axes = torch.linalg.eigh(root.T @ torch.cov(data.T, correction=0).reshape(len(mean), -1) @ root)[1].flip(1)
    dim = min(model.config.latent_dim, len(mean))
    with torch.no_grad():
        model.mean.copy_(mean)
        deviation = data.std(0, correction=0)
        model.varies.copy_(deviation > 1e-6)
        model.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))
        model.analysis.zero_()[:dim] = (root @ axes)[:, :dim].T.float()
        model.synthesis.zero_()[:, :dim] = (torch.linalg.inv(root).T @ axes)[:, :dim].float()
        chosen = psi[torch.randperm(len(psi), generator=generator)[: config.start_frames]]
        latent = (chosen - model.mean) @ model.analysis.T
        fit_codebook(model.quantiser, latent, config.start_rounds, generator)


def metric_root(metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, "e e"]:
    """Symmetric R with R R^T = G; directions that hardly move the mesh keep a millionth of the mean."""
    values, vectors = np.linalg.eigh(np.asarray(metric, float))
    return vectors * np.sqrt(np.maximum(values, 1e-6 * values.mean())) @ vectors.T


def _filled(psi: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """The corpus, filled up to `start_frames` with frames whose coefficients are weaker or stronger than seen.

    Without them a codebook of hundreds of codes learns the frames of a small corpus by heart.
    """
    missing = config.start_frames - len(psi)
    if missing <= 0 or not config.jitter:
        return psi
    copies = psi[torch.randint(len(psi), (missing,), generator=generator)]
    factor = 1 + config.jitter * (2 * torch.rand(copies.shape, generator=generator) - 1)
    return torch.cat([psi, (copies * factor).clamp(psi.amin(0), psi.amax(0))])


def _descend(
    model: RvqVae, psi: Tensor, metric: np.ndarray, config: TrainConfig, generator: torch.Generator, history: "_History"
) -> None:
    device = model.mean.device
    root = torch.as_tensor(metric_root(metric), dtype=torch.float32, device=device)
    spread = mesh_loss(psi.to(device) - model.mean, root).clamp(min=1e-12)
    optimiser = torch.optim.AdamW(_groups(model, config), betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, config.steps))
    batches = _batches(psi, config.batch_size, generator)
    seen: list[Tensor] = []
    history.add(0, float("nan"))
    for step in bar(range(1, config.steps + 1), desc="training"):
        batch = next(batches).to(device)
        output = model.train()(batch)
        off = output.latent - output.quantised.detach()
        loss = (mesh_loss(batch - output.psi, root) + config.commitment * off.square().sum(1).mean()) / spread
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        seen.append(output.codes)
        if step % REVIVE_EVERY == 0:
            if step <= 0.8 * config.steps:
                revive_codes(model.quantiser, torch.cat(seen), off.detach(), generator)
            seen = []
        if step % config.evaluate_every == 0 or step == config.steps:
            history.add(step, loss.item())


def _rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine to 0."""
    warm = max(1, steps // 10)
    return min((step + 1) / warm, 0.5 + 0.5 * np.cos(np.pi * min(1.0, max(0, step - warm) / max(1, steps - warm))))


def _groups(model: RvqVae, config: TrainConfig) -> list[dict]:
    """Decay for the weight matrices of the networks; none for biases, the linear code and the codebook."""
    groups = {"networks": [], "rest": [], "codebook": []}
    for name, value in model.named_parameters():
        network = name.endswith("weight") and value.ndim == 2
        groups["codebook" if name == "quantiser.codebook" else "networks" if network else "rest"].append(value)
    return [
        {
            "params": groups[key],
            "lr": config.learning_rate * (CODEBOOK_RATE if key == "codebook" else 1.0),
            "weight_decay": config.weight_decay if key == "networks" else 0.0,
        }
        for key in groups
    ]


class _History:
    """Rows of figures as training goes on: error on the training frames, and everything over the held-out split."""

    def __init__(
        self, model: RvqVae, train_psi: np.ndarray, heldout_psi: np.ndarray, metric: np.ndarray,
        progress: Callable[[int, dict[str, float | int]], None] | None,
    ):  # fmt: skip
        self.model, self.metric, self.progress = model, metric, progress
        self.train_psi, self.heldout_psi = train_psi[:: -(-len(train_psi) // 4096)], heldout_psi
        self.rows: list[dict[str, float | int]] = []

    def add(self, step: int, loss: float) -> None:
        self.model.eval()
        row = {"step": step, "loss": loss, "train_mm": self._error(self.train_psi)[0]}
        if len(self.heldout_psi):
            row["heldout_mm"], codes = self._error(self.heldout_psi)
            row["usage"] = usage(codes, self.model.config.codebook_size)
            row["perplexity"] = perplexity(codes, self.model.config.codebook_size)
        self.rows.append(row)
        if self.progress:
            self.progress(step, row)

    def _error(self, psi: np.ndarray) -> tuple[float, np.ndarray]:
        codes = self.model.encode(torch.as_tensor(np.ascontiguousarray(psi)))
        return float(error_mm(psi, self.model.decode(codes).cpu().numpy(), self.metric).mean()), codes.cpu().numpy()


def _batches(psi: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Shuffled frames without end, in batches of one size."""
    order = torch.empty(0, dtype=torch.long)
    while True:
        while len(order) < size:
            order = torch.cat([order, torch.randperm(len(psi), generator=generator)])
        yield psi[order[:size]]
        order = order[size:]


def _checked(model: RvqVae, train_psi: np.ndarray, heldout_psi: np.ndarray, metric: np.ndarray) -> np.ndarray:
    n_coefficients = len(model.config.coefficients)
    for name, psi in (("train_psi", train_psi), ("heldout_psi", heldout_psi)):
        if psi.ndim != 2 or psi.shape[1] != n_coefficients:
            raise UserError(f"{name} must have {n_coefficients} columns, one for each coefficient, not {psi.shape}.")
        if not np.isfinite(psi).all():
            raise UserError(f"{name} has values that are not finite; leave out the frames that are not valid.")
    if len(train_psi) < 2:
        raise UserError(f"Training needs at least two frames, not {len(train_psi)}.")
    metric = np.asarray(metric, float)
    if metric.shape != (n_coefficients, n_coefficients) or not np.allclose(metric, metric.T):
        raise UserError(f"metric must be a symmetric {n_coefficients} x {n_coefficients} matrix in mm2.")
    return metric


@contextmanager
def _reproducible(seed: int, threads: int) -> Iterator[None]:
    """Fixed seed, threads and deterministic kernels inside; outside all is as before."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
