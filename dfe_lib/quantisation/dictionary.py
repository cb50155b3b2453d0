"""The codebook that explains vectors best: codes are assigned, then displays and strengths solved for, in turns.

Nothing here draws lots, and sums are taken in float64, so that a small change of the vectors changes the codebook a
little.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .quantiser import ResidualQuantiser

__all__ = ["Order", "Shape", "code_counts", "fit_codebook", "residual_kmeans", "revive_codes"]

SOFTNESS = 2.0
"""How far the least squares lean from the mean length of what is left over to its mean square."""
PULL = 1e-2
"""Pull of a solution to where it was, in vectors."""
STRENGTH_TURNS = 3
"""Turns of displays and strengths in one least squares."""
LEAST_STRENGTH = 0.05
"""Share of its top level that a display's weakest level moves at least."""
SEEN, TRIED = 4096, 512
"""Vectors among which the directions for codes that are moved are looked for, and those that are tried."""

Shape = Callable[[Tensor], Tensor]
"""What makes displays (books, K / L, D) sparser, or sets them apart."""
Order = Callable[[Tensor], Tensor]
"""The order in which displays (books, K / L, D) are numbered, (books, K / L)."""


@torch.no_grad()
def fit_codebook(
    quantiser: ResidualQuantiser, z: Float[Tensor, "n d"], rounds: int, rarity: float | int = 0.0,
    shape: Shape | None = None, order: Order | None = None,
) -> None:  # fmt: skip
    r"""`rounds` turns of code search and least squares for all codes of all stages together.

    The least squares weigh a vector by $1 / (e + c \bar e)$, with e the length of what its codes leave over and
    $\bar e$ its mean: they make the mean of the lengths small rather than that of their squares (iteratively
    reweighted least squares), but for the c of `SOFTNESS`, which keeps rare vectors from being given up.

    Arguments:
        quantiser: Its codebook is where the turns begin, and is replaced.
        z: Vectors (N, D) to fit.
        rounds: Turns.
        rarity: Displays that occur less often than this share of the mean are moved, in the first two thirds of the
            turns; displays that do not occur at all are moved in all but the last two.
        shape: Applied to the displays after each least squares. The last turn goes without, and solves again for codes
            that have no strengths; of those that have, for the strengths alone.
        order: Asked before the last turn.

    References:
        Babenko and Lempitsky, "Additive quantization for extreme vector compression", CVPR 2014 (codebook update).
    """
    for turn in range(rounds):
        last = turn == rounds - 1
        if last and order:
            _renumber(quantiser, order(quantiser.codebook.data))
        codes = torch.cat([quantiser.search(chunk) for chunk in z.split(512)])
        length = (z - quantiser.lookup(codes).sum(1)).double().norm(dim=1)
        weight = 1 / (length + SOFTNESS * length.mean() + 1e-6)
        _solve(quantiser, z, codes, weight / weight.mean(), displays=not last or quantiser.levels == 1 or not shape)
        if shape and not last:
            quantiser.codebook.data = shape(quantiser.codebook.data)
        if turn < rounds - 2:
            residual = z - quantiser.lookup(codes).sum(1)
            revive_codes(
                quantiser, code_counts(quantiser, codes), residual, rarity if 3 * turn < 2 * rounds else 0.0, z
            )


@torch.no_grad()
def revive_codes(
    quantiser: ResidualQuantiser,
    counts: Int[Tensor, " mk"],
    residual: Float[Tensor, "r d"],
    rarity: float | int = 0.0,
    vectors: Float[Tensor, "r d"] | None = None,
) -> None:
    """Moves displays that do not occur, or less often than the share `rarity` of the mean, to what is left over.

    They go where most is left over, one after the other, each to a weighted mean of what lies in its direction: means
    of many vectors, because a single one would be another one wherever the vectors change a little.

    Arguments:
        quantiser: Its codebook is changed.
        counts: How often each code occurred (:func:`code_counts`).
        residual: What the codes left over.
        rarity: 0 moves only what does not occur.
        vectors: What the residuals are left of; where given, it counts how large a share of its vector a residual is,
            so that small movements find a code as well.
    """
    counts = counts.unflatten(0, (-1, quantiser.levels)).sum(1)
    weight = residual.double().square().sum(1)
    if vectors is not None:
        weight = weight / (vectors.double().square().sum(1) + 1e-6)
    rare = (counts <= rarity * counts.double().mean()).nonzero()[: int((weight > 0).sum()), 0].to(residual.device)
    if len(rare):
        quantiser.codebook.data.flatten(0, 1)[rare] = _directions(residual, weight, len(rare)).to(quantiser.codebook)
        even = torch.arange(1, quantiser.levels + 1).to(quantiser.strength) / quantiser.levels
        quantiser.strength.flatten(0, 1)[rare] = even
        quantiser.strength[:, 0, 0] *= quantiser.levels == 1


def code_counts(quantiser: ResidualQuantiser, codes: Int[Tensor, "n m"]) -> Int[Tensor, " mk"]:
    """How often each code occurs, codebook after codebook, on the CPU."""
    return torch.bincount(_columns(quantiser, codes.cpu()).flatten(), minlength=quantiser.strength.numel())


def residual_kmeans(quantiser: ResidualQuantiser, z: Float[Tensor, "n d"], generator: torch.Generator) -> Tensor:
    """Codes by k-means on what the stages before have left; a shared codebook is divided among the stages."""
    book = torch.empty_like(quantiser.codebook.data)
    flat = book.flatten(0, 1)
    stages = quantiser.n_stages
    for low, high in pairwise(len(flat) * stage // stages for stage in range(stages + 1)):
        if low < high:
            flat[low:high] = _kmeans(z, high - low, generator)
            z = z - flat[low:high][_nearest(z, flat[low:high])]
    return book


def _directions(residual: Float[Tensor, "r d"], weight: Float[Tensor, " r"], count: int) -> Float[Tensor, "c d"]:
    """Vectors in whose directions most of what is left over lies, each where those before it leave most."""
    step = -(-len(residual) // SEEN)
    vectors, weight = residual[::step].double(), weight[::step].clone()
    unit = torch.nn.functional.normalize(vectors, dim=1)
    near = (unit[:: -(-len(unit) // TRIED)] @ unit.T).clamp(min=0).square_()
    sharp = near.square()
    found = []
    for _ in range(count):
        best = (sharp @ weight).argmax()
        share = weight * sharp[best]
        found.append(share @ vectors / share.sum().clamp(min=1e-12))
        weight *= (1 - near[best]).square()
    return torch.stack(found)


def _kmeans(data: Tensor, size: int, generator: torch.Generator, rounds: int = 8) -> Tensor:
    start = torch.cat([torch.randperm(len(data), generator=generator) for _ in range(-(-size // len(data)))])[:size]
    means = data[start].clone()
    for _ in range(rounds):
        label = _nearest(data, means)
        counts = torch.bincount(label, minlength=size)[:, None]
        sums = torch.zeros(means.shape, dtype=torch.float64).index_add_(0, label, data.double())
        means = torch.where(counts > 0, sums / counts.clamp(min=1), means).to(data)
    return means


def _nearest(data: Tensor, means: Tensor) -> Tensor:
    return (0.5 * means.square().sum(1) - data @ means.T).argmin(1)


def _columns(quantiser: ResidualQuantiser, codes: Int[Tensor, "n m"]) -> Int[Tensor, "n m"]:
    """Row of each code in the flat table of all codebooks."""
    return codes if quantiser.shared else codes + torch.arange(codes.shape[1]) * len(quantiser.marks)


def _renumber(quantiser: ResidualQuantiser, order: Int[Tensor, "m n"]) -> None:
    """Displays in another order; the level at rest is the first one's again."""
    quantiser.codebook.data = quantiser.codebook.data.take_along_dim(order[..., None], 1)
    quantiser.strength.copy_(quantiser.strength.take_along_dim(order[..., None], 1))
    if quantiser.levels > 1:
        bare = quantiser.strength[..., 0] == 0
        quantiser.strength[..., 0] = torch.where(bare, quantiser.strength[..., 1] / 2, quantiser.strength[..., 0])
        quantiser.strength[:, 0, 0] = 0


def _solve(quantiser: ResidualQuantiser, z: Tensor, codes: Tensor, weight: Float[Tensor, " n"], displays: bool) -> None:
    """Displays and strengths with the least weighted error for these assignments, in turns of one and the other.

    What is not assigned stays where it was.
    """
    columns, size = _columns(quantiser, codes), quantiser.strength.numel()
    together = torch.zeros(size * size, dtype=torch.float64)
    right = torch.zeros(size, z.shape[1], dtype=torch.float64)
    weighted = weight[:, None] * z.double()
    for one in columns.unbind(1):
        right.index_add_(0, one, weighted)
        for other in columns.unbind(1):
            together += torch.bincount(one * size + other, weight, size * size)
    together = together.unflatten(0, (size, size))
    for _ in range(STRENGTH_TURNS if displays and quantiser.levels > 1 else 1):
        if displays:
            quantiser.codebook.data = _displays(quantiser, together, right)
        if quantiser.levels > 1:
            _set_strengths(quantiser, together, right)


def _displays(quantiser: ResidualQuantiser, together: Float[Tensor, "k k"], right: Float[Tensor, "k d"]) -> Tensor:
    """Least squares for the displays, the strengths given."""
    flat, levels = quantiser.codebook.data.flatten(0, 1).double(), quantiser.levels
    share = quantiser.strength.flatten(0, 1).double()
    together = (together.unflatten(1, (-1, levels)) * share).sum(2).unflatten(0, (-1, levels))
    normal = (together * share[..., None]).sum(1) + PULL * torch.eye(len(flat))
    right = (right.unflatten(0, (-1, levels)) * share[..., None]).sum(1) + PULL * flat
    return torch.linalg.solve(normal, right).to(quantiser.codebook).contiguous().reshape(quantiser.codebook.shape)


def _set_strengths(quantiser: ResidualQuantiser, together: Float[Tensor, "k k"], right: Float[Tensor, "k d"]) -> None:
    """Least squares for the strengths, the displays given; then levels in order, and the top one is 1."""
    flat, share = quantiser.codebook.data.flatten(0, 1).double(), quantiser.strength.double()
    vectors = flat.repeat_interleave(quantiser.levels, 0)
    pull = PULL * vectors.square().sum(1) + 1e-9
    normal = together * (vectors @ vectors.T) + torch.diag(pull)
    solved = torch.linalg.solve(normal, (right * vectors).sum(1) + pull * share.flatten()).reshape(share.shape)
    solved[:, 0, 0] = 0
    top = solved.amax(2, keepdim=True).clamp(min=1e-3)
    solved = solved.maximum(LEAST_STRENGTH * top).sort(2).values / top
    solved[:, 0, 0] = 0
    quantiser.strength.copy_(solved)
    quantiser.codebook.data *= top.to(quantiser.codebook)
