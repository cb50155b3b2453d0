"""Residual quantisation whose codebooks depend on what was decoded before: implicit neural codebooks."""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["ImplicitQuantiser", "fit_implicit"]

SOFTENING = 1e-3
"""Added to a squared error before its root is taken, in units of the mean square of a coordinate."""
EARLY = 0.1
"""Weight of the error after each stage but the last: it keeps the sums of fewer stages useful."""
CHUNK = 128
"""Vectors of one pass: what the search makes of more leaves the processor's cache."""


class ImplicitStage(nn.Module):
    r"""The code vectors of one stage, $f(c_k, \hat z) = y + \sum_l g_l$, $y = c_k + W [c_k; \hat z] + b$, each $g_l$ a
    small network of what stands before it. Networks start at zero, so that a stage starts as its plain codebook.

    Arguments:
        book: Plain codes (K, D). width, depth: of the networks.
    """

    def __init__(self, book: Float[Tensor, "k d"], width: int, depth: int) -> None:
        super().__init__()
        dim = book.shape[1]
        self.book = nn.Parameter(book.clone())
        self.own, self.before = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim)
        self.up = nn.ModuleList(nn.Linear(dim, width) for _ in range(depth))
        self.down = nn.ModuleList(nn.Linear(width, dim) for _ in range(depth))
        for layer in (self.own, self.before, *self.down):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(self, so_far: Float[Tensor, "*b d"], codes: Int[Tensor, "*b a"]) -> Float[Tensor, "*b a d"]:
        """Vectors of some codes, each after its own sum."""
        code = self.book[codes]
        vector = code + self.own(code) + self.before(so_far)[..., None, :]
        for up, down in zip(self.up, self.down, strict=True):
            vector = vector + down(torch.relu(up(vector)))
        return vector


class ImplicitQuantiser(nn.Module):
    """Writes a vector as a sum of M vectors, each made out of a code and the sum before it.

    Codes have no meaning of their own, as templates have: the same one adds something else in other company. It is what
    fixed templates cost that this quantiser shows.

    Arguments:
        books: Plain codebooks (M, K, D) at which it starts, such as those of a residual quantiser.
        width, depth: of the networks of each stage but the first, which is its codebook.
        seed: of their weights; the caller's random state stays as it was.

    Source: Huijben et al., "Residual quantization with implicit neural codebooks", ICML 2024; the shortlist is that of
    Vallaeys et al., "Qinco2", ICLR 2025.

    >>> quantiser = ImplicitQuantiser(torch.randn(2, 8, 3))
    >>> quantiser.encode(torch.randn(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(self, books: Float[Tensor, "m k d"], width: int = 128, depth: int = 2, seed: int = 0) -> None:
        super().__init__()
        self.first = nn.Parameter(books[0].clone())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._later = nn.ModuleList(ImplicitStage(book, width, depth) for book in books[1:])

    @property
    def later(self) -> list[ImplicitStage]:
        """The stages but the first."""
        return [stage for stage in self._later if isinstance(stage, ImplicitStage)]

    @torch.no_grad()
    def encode(self, z: Float[Tensor, "b d"], beam: int = 5, shortlist: int = 16) -> Int[Tensor, "b m"]:
        """Codes by beam search; at each stage the network reads the codes alone whose plain vectors are nearest.

        Arguments:
            beam: partial sums that are kept. shortlist: codes that are read after each.
        """
        return torch.cat([self._encoded(part, beam, shortlist) for part in z.split(CHUNK)])

    def _encoded(self, z: Tensor, beam: int, shortlist: int) -> Tensor:
        distance = self.first.square().sum(1) - 2 * z @ self.first.T
        codes = distance.topk(min(beam, len(self.first)), largest=False).indices[..., None]
        so_far = self.first[codes[..., 0]]
        for stage in self.later:
            left = z[:, None] - so_far
            near = stage.book.square().sum(1) - 2 * left @ stage.book.T
            near = near.topk(min(shortlist, near.shape[2]), largest=False).indices
            vectors = stage(so_far, near)
            cost = (left[:, :, None] - vectors).square().sum(3).flatten(1)
            best = cost.topk(min(beam, cost.shape[1]), largest=False).indices[..., None]
            parent = best // near.shape[2]
            so_far = _taken(so_far, parent) + _taken(vectors.flatten(1, 2), best)
            codes = torch.cat([_taken(codes, parent), _taken(near.flatten(1)[..., None], best)], 2)
        return codes[:, 0]

    def sums(self, codes: Int[Tensor, "b m"]) -> list[Float[Tensor, "b d"]]:
        """The sum after each stage."""
        sums = [self.first[codes[:, 0]]]
        for stage, column in zip(self.later, codes.T[1:], strict=True):
            sums.append(sums[-1] + stage(sums[-1], column[:, None])[:, 0])
        return sums

    @torch.no_grad()
    def decode(self, codes: Int[Tensor, "b m"]) -> Float[Tensor, "b d"]:
        """Vectors of codes."""
        return torch.cat([self.sums(part)[-1] for part in codes.split(CHUNK)])


def fit_implicit(
    quantiser: ImplicitQuantiser, batches: Iterable[Float[Tensor, "b d"]], steps: int, learning_rate: float,
    beam: int = 2, shortlist: int = 8,
) -> None:  # fmt: skip
    """Gradient steps, in place: codes are found as the quantiser is, then the length of what they leave is made small.

    Arguments:
        batches: one a step, whose coordinates have a mean square of about 1. steps: how many there are.
        learning_rate: peak of a schedule that warms up over a tenth of the steps and falls to 0 as a cosine.
        beam, shortlist: of the search while training; a thorough one makes codes that a quick one does not find.
    """
    optimiser = torch.optim.AdamW(quantiser.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps + 20, pct_start=0.1)
    for batch in batches:
        sums = quantiser.sums(quantiser.encode(batch, beam, shortlist))
        errors = [((batch - each).square().sum(1) + SOFTENING).sqrt().mean() for each in sums]
        loss = errors[-1] + EARLY * sum(errors[:-1])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(quantiser.parameters(), 1.0)
        optimiser.step()
        schedule.step()


def _taken(rows: Tensor, places: Int[Tensor, "b w 1"]) -> Tensor:
    """Rows (B, R, D) at some places of each."""
    return rows.gather(1, places.expand(-1, -1, rows.shape[2]))
