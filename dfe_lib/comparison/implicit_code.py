"""Implicit neural codebooks as a code of a face: what fixed templates cost in precision."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..blendshapes import ACTIONS, mirror_permutation
from ..io.progress import bar
from ..io.tables import atomic_path
from ..quantisation.implicit import ImplicitQuantiser, fit_implicit
from .baselines import MeshAxes, ResidualCode, stages_of

__all__ = ["START", "ImplicitCode"]

START = Path(__file__).parent / "data" / "implicit_start.safetensors"
"""What :mod:`.implicit_build` learns from simulated people alone: no real person is in it."""
JITTER = 0.5
"""Every other frame of a batch has each coefficient multiplied by its own factor, of 1 - 0.5 to 1 + 0.5."""
AXES = ("mean", "analysis", "synthesis")


@dataclass
class ImplicitCode:
    """A residual quantiser whose code vectors depend on the codes before: same bits, same symbols, no fixed templates.

    Training starts at a file of :meth:`save` where that has its shape, otherwise at faiss' residual quantiser.

    Arguments:
        codebook_size: codes K of each stage.
        steps: gradient steps.
        seed: of the batches.
        beam, shortlist: of the search, see :meth:`~dfe_lib.quantisation.implicit.ImplicitQuantiser.encode`.
        start: the file, or None.
        batch_size, learning_rate, device: of the steps.
    """

    codebook_size: int = 256
    steps: int = 300
    seed: int = 0
    beam: int = 8
    shortlist: int = 24
    start: Path | None = START
    batch_size: int = 1024
    learning_rate: float = 3e-4
    device: str = "cpu"
    shared = False
    bits = 0.0

    def reseeded(self, further: int) -> "ImplicitCode":
        """The same, not fitted yet, that many seeds further."""
        return replace(self, seed=self.seed + further)

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "ImplicitCode":
        stages = stages_of(bits, self.codebook_size)
        if not self._started(stages, psi.shape[1]):
            plain = ResidualCode(self.codebook_size).fit(psi, metric, bits)
            self.axes = plain.axes
            self.scale = math.sqrt(np.square(plain.axes(psi)).mean())
            self.quantiser = ImplicitQuantiser(torch.as_tensor(plain.books / self.scale))
        self.bits = float(bits)
        self.quantiser.to(self.device)
        fit_implicit(self.quantiser, self._batches(psi), self.steps, self.learning_rate)
        self.quantiser.cpu().eval()
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        return self.quantiser.encode(self._coordinates(psi), self.beam, self.shortlist).numpy()

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.axes.back(self.quantiser.decode(torch.as_tensor(codes)).double().numpy() * self.scale)

    def templates(self) -> Float[np.ndarray, "t e"]:
        """What the codes of each stage do alone, without those before: the plain codebooks that the networks change."""
        first, *others = [self.quantiser.first, *(stage.book for stage in self.quantiser.stages)]
        change = [book.detach().double().numpy() * self.scale @ self.axes.synthesis.T for book in (first, *others)]
        return np.concatenate([change[0] + self.axes.mean, *change[1:]])

    def save(self, path: Path) -> None:
        """Writes axes, scale and weights, from which another one starts; no frame is in them."""
        state = {name: value.half().contiguous() for name, value in self.quantiser.state_dict().items()}
        state |= {name: torch.as_tensor(np.ascontiguousarray(getattr(self.axes, name))) for name in AXES}
        with atomic_path(path) as partial:
            save_file(state | {"scale": torch.tensor(self.scale, dtype=torch.float64)}, partial)

    def _started(self, stages: int, coefficients: int) -> bool:
        """Takes over the start, if there is one of this shape."""
        if self.start is None or not self.start.exists():
            return False
        state = load_file(self.start)
        axes = MeshAxes(*(state.pop(name).numpy() for name in AXES))
        scale, first = state.pop("scale").item(), state["first"]
        books = torch.stack([first, *(value for name, value in state.items() if name.endswith("book"))]).float()
        if books.shape != (stages, self.codebook_size, coefficients):
            return False
        self.axes, self.scale, self.quantiser = axes, scale, ImplicitQuantiser(books)
        self.quantiser.load_state_dict({name: value.float() for name, value in state.items()})
        return True

    def _batches(self, psi: Float[np.ndarray, "n e"]) -> Iterator[Float[Tensor, "b d"]]:
        """Frames drawn at random, half of them mirrored where that is known, half of them jittered."""
        rng = np.random.default_rng(self.seed)
        mirror = mirror_permutation(ACTIONS) if psi.shape[1] == len(ACTIONS) else None
        for _ in bar(range(self.steps), desc="implicit codebooks"):
            batch = psi[rng.integers(len(psi), size=self.batch_size)]
            factor = rng.uniform(1 - JITTER, 1 + JITTER, batch[::2].shape)
            batch[::2] = np.clip(batch[::2] * factor, psi.min(0), psi.max(0))
            if mirror is not None:
                batch[: len(batch) // 2] = batch[: len(batch) // 2, mirror]
            yield self._coordinates(batch).to(self.device)

    def _coordinates(self, psi: Float[np.ndarray, "n e"]) -> Float[Tensor, "n d"]:
        return torch.as_tensor(self.axes(psi) / np.float32(self.scale))
