"""The start of training: a linear code in a metric, with the best codebook that least squares finds."""

from math import ceil

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..morphable.metric import metric_root
from .config import TrainConfig
from .dictionary import fit_codebook, residual_kmeans
from .rvqvae import RvqVae
from .shaping import Shaping, known_displays, plain_displays

__all__ = ["filled", "start_classically"]


def start_classically(
    model: RvqVae, psi: Float[Tensor, "n e"], metric: Float[np.ndarray, "e e"], config: TrainConfig,
    generator: torch.Generator, shaping: Shaping | None = None,
) -> None:  # fmt: skip
    """Sets the model to a linear code in the mesh metric with the best codebook found there.

    The latent becomes the main axes of psi in the metric (all of them where latent_dim allows), so that its squared
    distances are mm2; the codebook is started by residual k-means, or where codes have strengths at displays of one
    coefficient or of a left and a right one, and improved by turns of assigning codes and solving the least squares for
    all codes at once. Where there is a codebook to be aligned to, half as many turns begin at its displays, and none is
    moved unless it does not occur at all: a start from nothing ends at another codebook, as good, wherever the corpus
    or the machine differs a little. The face that no token moves is psi = 0, the neutral one, and not the mean face, so
    that a code need not undo what others do; a coefficient that never varies keeps its value.

    Arguments:
        model: Its linear maps and codebook are replaced.
        psi: Expressions (N, E); `start_frames` of them, drawn at random, are used for the codebook.
        metric: Metric (E, E) in mm2.
        config: `start_frames`, `start_rounds` and `start_rarity` are used.
        generator: Source of the random choices.
        shaping: What makes the displays sparse and sets them apart, the order in which they are numbered, and the
            model that they are aligned to.
    """
    root = torch.as_tensor(metric_root(metric), dtype=torch.float64)
    data = psi.double()
    deviation = data.std(0, correction=0)
    varies = deviation > 1e-6
    still = torch.where(varies, 0.0, data.mean(0))
    moved = (data - still) @ root
    axes = torch.linalg.eigh(moved.T @ moved)[1].flip(1)
    dim = min(model.config.latent_dim, len(still))
    with torch.no_grad():
        model.mean.copy_(still)
        model.varies.copy_(varies)
        model.scale.copy_(torch.where(varies, deviation, 1.0))
        model.analysis.zero_()[:dim] = (root @ axes)[:, :dim].T.float()
        model.synthesis.zero_()[:, :dim] = (torch.linalg.inv(root).T @ axes)[:, :dim].float()
        chosen = psi[torch.randperm(len(psi), generator=generator)[: config.start_frames]]
        latent = (chosen - model.mean) @ model.analysis.T
        known = shaping.align_to if shaping else None
        _begin(model, chosen, latent, metric, known, generator)
        shape, order = (shaping.of(model), shaping.order(model)) if shaping else (None, None)
        rounds, rarity = config.start_rounds, config.start_rarity
        if known:
            rounds, rarity = ceil(rounds / 2), 0.0
        fit_codebook(model.quantiser, latent, rounds, rarity, shape, order)


def _begin(
    model: RvqVae, psi: Float[Tensor, "n e"], latent: Float[Tensor, "n d"], metric: Float[np.ndarray, "e e"],
    known: RvqVae | None, generator: torch.Generator,
) -> None:  # fmt: skip
    """The codebook at which the turns begin: that of a known model, displays of one coefficient, or k-means."""
    quantiser = model.quantiser
    book = quantiser.codebook
    if known:
        displays, strengths = known_displays(known, model.config)
        book.data = displays @ model.analysis.T
        quantiser.strength.copy_(strengths)
    elif model.config.levels > 1:
        book.data = plain_displays(psi - model.mean, metric, model.config, book.shape[1]) @ model.analysis.T
    else:
        book.data = residual_kmeans(quantiser, latent, generator)


def filled(psi: Float[Tensor, "n e"], config: TrainConfig, generator: torch.Generator) -> Float[Tensor, "_ e"]:
    """The corpus, filled up to `start_frames` with frames whose coefficients are weaker or stronger than seen.

    Without them a codebook of hundreds of codes overfits the frames of a small corpus.
    """
    missing = config.start_frames - len(psi)
    if missing <= 0 or not config.jitter:
        return psi
    copies = psi[torch.randint(len(psi), (missing,), generator=generator)]
    factor = 1 + config.jitter * (2 * torch.rand(copies.shape, generator=generator) - 1)
    return torch.cat([psi, (copies * factor).clamp(psi.amin(0), psi.amax(0))])
