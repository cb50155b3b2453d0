"""Finite scalar quantisation: a learned code whose latent axes are each rounded to a few levels."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ

from ..io.progress import bar
from ..morphable.metric import metric_root
from ..quantisation.losses import mesh_loss
from .baselines import MeshAxes

__all__ = ["FiniteScalar", "levels_of"]

CHUNK = 4096


def levels_of(bits: int, width: int) -> list[int]:
    """Levels of each latent axis: `width` bits an axis, the last one takes what is left.

    >>> levels_of(32, 3)
    [8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4]
    """
    return [2**width] * (bits // width) + [2 ** (bits % width)] * bool(bits % width)


class FiniteScalar(nn.Module):
    r"""psi -> linear code + network -> each axis rounded to levels -> linear code + network -> psi.

    It starts at the largest principal axes of the mesh metric, the networks at zero, as the RVQ-VAE does.

    Arguments:
        width: bits of an axis.
        steps: gradient steps.
        seed: of weights and batches.

    Source: Mentzer et al., "Finite scalar quantization: VQ-VAE made simple", 2024.
    """

    bits, codebook_size, shared = 0.0, 0, False

    def __init__(self, width: int = 2, steps: int = 400, seed: int = 0):
        super().__init__()
        self.width, self.steps, self.seed = width, steps, seed

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "FiniteScalar":
        self.bits = float(bits)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._start(psi, metric, levels_of(bits, self.width))
            self._descend(torch.as_tensor(psi, dtype=torch.float32), metric)
        return self

    @torch.no_grad()
    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        parts = torch.as_tensor(psi, dtype=torch.float32).split(CHUNK)
        rounded = torch.cat([self.rounding.quantize(self._latent(part)) for part in parts])
        return ((rounded + 1) / 2 * (self.levels - 1)).round().long().numpy()

    @torch.no_grad()
    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        rounded = torch.as_tensor(codes) / (self.levels - 1) * 2 - 1
        return torch.cat([self._decoded(part) for part in rounded.split(CHUNK)]).numpy()

    def templates(self) -> Float[np.ndarray, "t e"]:
        """What each axis does between its lowest and its highest level, the others in the middle."""
        middle = np.tile((self.levels.numpy() - 1) // 2, (2 * len(self.levels), 1))
        low, high = np.split(middle, 2)
        np.fill_diagonal(low, 0)
        np.fill_diagonal(high, self.levels.numpy() - 1)
        change = self.decode(high) - self.decode(low)
        return np.concatenate([change, -change])

    def _start(self, psi: np.ndarray, metric: np.ndarray, levels: list[int]) -> None:
        axes, dim = MeshAxes.of(psi, metric), min(len(levels), psi.shape[1])
        levels = levels[:dim]
        spread = axes(psi).std(0)[:dim] + 1e-6
        self.levels = torch.tensor(levels)
        self.rounding = FSQ(levels, preserve_symmetry=True, return_indices=False)
        self.mean = torch.as_tensor(axes.mean, dtype=torch.float32)
        self.analysis = nn.Parameter(torch.as_tensor(axes.analysis[:dim] / spread[:, None], dtype=torch.float32))
        self.synthesis = nn.Parameter(torch.as_tensor(axes.synthesis[:, :dim] * spread * 1.5, dtype=torch.float32))
        self.encoder, self.decoder = _network(psi.shape[1], dim), _network(dim, psi.shape[1])

    def _descend(self, psi: Tensor, metric: np.ndarray) -> None:
        root = torch.as_tensor(metric_root(metric), dtype=torch.float32)
        spread = mesh_loss(psi - self.mean, root).clamp(min=1e-12)
        optimiser = torch.optim.AdamW(self.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, self.steps))
        for _ in bar(range(self.steps), desc="finite scalar"):
            batch = psi[torch.randint(len(psi), (512,))]
            loss = mesh_loss(batch - self._decoded(self.rounding.quantize(self._latent(batch))), root) / spread
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()

    def _latent(self, psi: Tensor) -> Tensor:
        centred = psi - self.mean
        return centred @ self.analysis.T + self.encoder(centred)

    def _decoded(self, rounded: Tensor) -> Tensor:
        return self.mean + rounded @ self.synthesis.T + self.decoder(rounded)


def _network(inputs: int, outputs: int, width: int = 256) -> nn.Sequential:
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), last)
