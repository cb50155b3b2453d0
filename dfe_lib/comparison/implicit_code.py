"""Implicit neural codebooks as a code of a face: what fixed templates cost in precision."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..blendshapes import ACTIONS, mirror_permutation
from ..io.progress import bar
from ..io.threads import one_thread
from ..quantisation.implicit import ImplicitQuantiser, fit_implicit
from .baselines import ResidualCode

__all__ = ["ImplicitCode"]

JITTER = 0.5
"""Every other frame of a batch has each coefficient multiplied by its own factor, of 1 - 0.5 to 1 + 0.5."""


@dataclass
class ImplicitCode:
    """A residual quantiser whose code vectors depend on the codes before: same bits, same symbols, no fixed templates.

    It starts at faiss' residual quantiser of the same frames; gradient steps on frames with mirrored and jittered
    copies do the rest.

    Arguments:
        codebook_size: codes K of each stage.
        steps, batch_size, learning_rate: of the training.
        seed: of the batches and of the start.
        beam, shortlist: of the search, see :meth:`~dfe_lib.quantisation.implicit.ImplicitQuantiser.encode`.
    """

    codebook_size: int = 256
    steps: int = 1000
    batch_size: int = 256
    learning_rate: float = 2e-3
    seed: int = 0
    beam: int = 24
    shortlist: int = 8
    shared = False
    bits = 0.0

    def reseeded(self, further: int) -> "ImplicitCode":
        """The same, not fitted yet, that many seeds further."""
        return replace(self, seed=self.seed + further)

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "ImplicitCode":
        start = ResidualCode(self.codebook_size, seed=self.seed).fit(psi, metric, bits)
        self.bits, self.axes = start.bits, start.axes
        self.scale = math.sqrt(np.square(self.axes(psi)).mean())
        self.quantiser = ImplicitQuantiser(torch.as_tensor(start.books / np.float32(self.scale)), seed=self.seed)
        with one_thread():  # sums round by their number
            fit_implicit(self.quantiser, self._batches(psi), self.steps, self.learning_rate)
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        return self.quantiser.encode(self._coordinates(psi), self.beam, self.shortlist).numpy()

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.axes.back(self.quantiser.decode(torch.as_tensor(codes)).double().numpy() * self.scale)

    def templates(self) -> Float[np.ndarray, "t e"]:
        """What the codes of each stage do by their plain codebooks alone, which the networks change in company."""
        books = [self.quantiser.first, *(stage.book for stage in self.quantiser.later)]
        first, *others = [book.detach().double().numpy() * self.scale @ self.axes.synthesis.T for book in books]
        return np.concatenate([first + self.axes.mean, *others])

    def _batches(self, psi: Float[np.ndarray, "n e"]) -> Iterator[Float[Tensor, "b d"]]:
        """Frames drawn at random, half of them jittered, half of them mirrored where psi is of facial actions."""
        rng, low, high = np.random.default_rng(self.seed), psi.min(0), psi.max(0)
        mirror = mirror_permutation(ACTIONS) if psi.shape[1] == len(ACTIONS) else slice(None)
        for _ in bar(range(self.steps), desc="implicit codebooks"):
            batch = psi[rng.integers(len(psi), size=self.batch_size)]
            factor = rng.uniform(1 - JITTER, 1 + JITTER, batch[::2].shape)
            batch[::2] = np.clip(batch[::2] * factor, low, high)
            half = len(batch) // 2
            batch[:half] = batch[:half, mirror]
            yield self._coordinates(batch)

    def _coordinates(self, psi: Float[np.ndarray, "n e"]) -> Float[Tensor, "n d"]:
        return torch.as_tensor(self.axes(psi) / np.float32(self.scale))
