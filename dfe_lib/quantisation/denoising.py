"""A denoising encoder: estimated expressions of some frames in a row to the tokens of the true one.

It is no part of the shipped model, since it was measured not to help: see `results/sweep/tables/denoising.csv`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..errors import UserError
from ..io.progress import bar
from ..io.threads import one_thread
from ..morphable.metric import metric_root
from .losses import mesh_loss

__all__ = ["DenoisingEncoder", "NoisyFrames", "fit_denoising"]

CHUNK = 4096


@dataclass(frozen=True)
class NoisyFrames:
    """One person's frames in order: what an estimator said of them, how sure it was, and the truth.

    Arguments:
        estimated: (n, E) psi. sigma: (n, E) its standard deviation. truth: (n, E).
        film: whether the frames follow one another; each stands alone where not.
    """

    estimated: Float[np.ndarray, "n e"]
    sigma: Float[np.ndarray, "n e"]
    truth: Float[np.ndarray, "n e"]
    film: bool = True


class DenoisingEncoder(nn.Module):
    r"""$\hat\psi_t = \psi_t + T(\psi_{t-C..t}, \log\sigma_{t-C..t})$ with a transformer T over the frames.

    T ends in a layer of zeros, so that training starts at the estimate itself. No frame after t is read, so that live
    video can be encoded; before the first frame, that one is repeated.

    Arguments:
        n_coefficients: E. context: C, frames before. seed: of its weights; the caller's random state stays as it was.

    >>> still = NoisyFrames(np.zeros((5, 2)), np.ones((5, 2)), np.zeros((5, 2)))
    >>> DenoisingEncoder(2, context=3).denoised(still).shape
    (5, 2)
    """

    def __init__(
        self, n_coefficients: int, context: int, width: int = 96, depth: int = 2, heads: int = 4, seed: int = 0
    ):
        super().__init__()
        if context < 0:
            raise UserError(f"context must be 0 frames or more, not {context}.")
        self.context = context
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.frame = nn.Linear(2 * n_coefficients, width)
            self.place = nn.Parameter(0.02 * torch.randn(context + 1, width))
            block = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            self.blocks = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), enable_nested_tensor=False)
            self.correction = nn.Linear(width, n_coefficients)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, frames: Float[Tensor, "b c e2"]) -> Float[Tensor, "b e"]:
        """psi of the last of C + 1 frames, each psi and log sigma side by side."""
        read = self.blocks(self.frame(frames) + self.place)[:, -1]
        return frames[:, -1].chunk(2, 1)[0] + self.correction(read)

    @torch.no_grad()
    def denoised(self, frames: NoisyFrames) -> Float[np.ndarray, "n e"]:
        """psi of each frame, out of it and those before it."""
        rows, before = _read([frames]), _before([frames], self.context)
        with one_thread():
            parts = [self(rows[places]) for places in before.split(CHUNK)]
        return torch.cat(parts).numpy()


def fit_denoising(
    people: Sequence[NoisyFrames],
    metric: Float[np.ndarray, "e e"],
    context: int,
    steps: int = 1500,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> DenoisingEncoder:
    """Trains a denoising encoder: least squares in the mesh metric (E, E), mm2, against the truth.

    Arguments:
        people: with the errors of an estimator, such as an error model's or those of filmed actors.
        context: frames before. steps, batch_size, learning_rate, seed: of the training.

    Raises UserError for a negative context.
    """
    model = DenoisingEncoder(people[0].truth.shape[1], context, seed=seed)
    rows, before = _read(people), _before(people, context)
    truth = torch.as_tensor(np.concatenate([each.truth for each in people]), dtype=torch.float32)
    root = torch.as_tensor(metric_root(metric), dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    order = torch.Generator().manual_seed(seed)
    with one_thread():  # sums round by their number
        for _ in bar(range(steps), desc="denoising encoder"):
            drawn = torch.randint(len(rows), (batch_size,), generator=order)
            optimizer.zero_grad()
            mesh_loss(model(rows[before[drawn]]) - truth[drawn], root).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def _read(people: Sequence[NoisyFrames]) -> Float[Tensor, "n e2"]:
    """psi and log sigma of all frames side by side."""
    rows = [np.hstack([each.estimated, np.log(np.maximum(each.sigma, 1e-4))]) for each in people]
    return torch.as_tensor(np.concatenate(rows), dtype=torch.float32)


def _before(people: Sequence[NoisyFrames], context: int) -> Int[Tensor, "n c"]:
    """Rows of each frame and of those before it, oldest first; where there is none, the nearest stands for it."""
    rows, start = [], 0
    for each in people:
        frame = torch.arange(start, start + len(each.truth))[:, None]
        earliest = start if each.film else frame
        rows.append((frame + torch.arange(-context, 1)).clamp(min=torch.as_tensor(earliest)))
        start += len(each.truth)
    return torch.cat(rows)
