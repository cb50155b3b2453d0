"""Residual vector quantisation: a vector as the sum of a few codes, found by beam search."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

__all__ = ["ResidualQuantiser"]

Tables = tuple[Tensor, Tensor, Tensor]


class ResidualQuantiser(nn.Module):
    r"""Writes a vector as a sum of M codes, $z \approx \sum_m c_{k_m}$, each out of K.

    With one shared codebook the sum does not depend on the order of its codes, so the order is made canonical: each
    stage holds the one of the remaining codes that leaves the smallest residual.

    A code is a display at one of L strengths, $c_{k L + l} = s_{k l} d_k$ with $0 \le s_{k l} \le 1$ rising in l to 1.
    Where there is more than one level, code 0 is the zero vector (nothing moves), and of the codes of one display a sum
    holds at most one beside it.

    Arguments:
        dim: Length D of the vectors.
        codebook_size: Number K of codes in a codebook.
        n_stages: Number M of codes that are added up.
        shared: Whether all stages draw from one codebook; otherwise each has its own.
        beam: Partial sums that the search keeps at each stage; 1 takes the nearest code stage by stage.
        levels: Number L of strengths; K must divide by it.

    Attributes:
        codebook: The displays $d$ (books, K / L, D), each at its full strength; with one level, the codes.
        strength: The shares $s$ (books, K / L, L) of it.

    References:
        Babenko and Lempitsky, "Additive quantization for extreme vector compression", CVPR 2014 (beam search, eq. 4);
        Zeghidour et al., "SoundStream", 2021 (residual quantisation inside an autoencoder, algorithm 1).

    >>> quantiser = ResidualQuantiser(dim=2, codebook_size=2, n_stages=2)
    >>> quantiser.codebook.data = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    >>> quantiser.search(torch.tensor([[1.1, 2.9]]))
    tensor([[1, 0]])
    """

    marks: Tensor
    strength: Tensor

    def __init__(
        self, dim: int, codebook_size: int, n_stages: int, shared: bool = True, beam: int = 5, levels: int = 1
    ) -> None:
        super().__init__()
        self.n_stages, self.shared, self.beam, self.levels = n_stages, shared, beam, levels
        books, displays = 1 if shared else n_stages, codebook_size // levels
        self.codebook = nn.Parameter(torch.zeros(books, displays, dim))
        even = torch.arange(1, levels + 1) / levels
        self.register_buffer("strength", even.repeat(books, displays, 1), persistent=levels > 1)
        if levels > 1:
            self.strength[:, 0, 0] = 0
        # sums of marks stay below 2^53: ONNX Runtime adds up integers in float64
        marks = torch.randint(2**48, (codebook_size,), generator=torch.Generator().manual_seed(0), device="cpu")
        self.register_buffer("marks", marks, persistent=False)

    @property
    def codes(self) -> Float[Tensor, "n k d"]:
        """The code vectors of each codebook: its displays at each of their strengths."""
        if self.levels == 1:
            return self.codebook
        return (self.strength[..., None] * self.codebook[:, :, None]).flatten(1, 2)

    @property
    def codebooks(self) -> Float[Tensor, "m k d"]:
        """The codes of each stage; those of a shared codebook are a view of the same memory M times."""
        return self.codes.expand(self.n_stages, -1, -1)

    def lookup(self, codes: Int[Tensor, "b m"]) -> Float[Tensor, "b m d"]:
        """The code vectors that a row of indices stands for; fewer columns than stages are the first stages."""
        books = self.codebooks
        return torch.stack([books[stage][column] for stage, column in enumerate(codes.unbind(1))], dim=1)

    @torch.no_grad()
    def tables(self, dtype: torch.dtype) -> Tables:
        """What a search needs of the codes: themselves (n, K, D), half their squares (n, K), all products of two."""
        books = self.codes.to(dtype)
        pairs = torch.einsum("mkd,nld->mnkl", books, books)
        if self.shared and self.levels > 1:
            pairs = pairs.masked_fill(self._same_display(), torch.inf)
        return books, 0.5 * books.square().sum(2), pairs

    def costs(self, z: Float[Tensor, "n b d"], tables: Tables) -> Float[Tensor, "n b m k"]:
        r"""Half of $\|z - c\|^2 - \|z\|^2$ for every code alone, of blocks of b vectors."""
        books, half, _ = tables
        flat = books.flatten(0, 1).T.expand(len(z), -1, -1)
        return torch.baddbmm(half.flatten(), z, flat, alpha=-1).unflatten(2, half.shape)

    @torch.no_grad()
    def search(self, z: Float[Tensor, "b d"]) -> Int[Tensor, "b m"]:
        r"""Codes whose sum is near `z`, by beam search on $\|z - s - c\|^2 - \|z - s\|^2 = \|c\|^2 - 2 z c + 2 s c$.

        Arguments:
            z: Vectors (B, D).
        """
        tables = self.tables(z.dtype)
        return self.best(self.costs(z[None], tables)[0], tables)

    def best(self, solo: Float[Tensor, "b n k"], tables: Tables) -> Int[Tensor, "b m"]:
        """Codes (B, M) by their costs alone; each row is searched by itself, so that it rounds as it would alone."""
        pairs = tables[2]
        size = solo.shape[2]
        cost, flat = _smallest(solo[:, 0], self._width(0, size))
        codes = flat[..., None]
        for stage in range(1, self.n_stages):
            book = 0 if self.shared else stage
            total = self._overlap(pairs[:, book], codes).add_(solo[:, book, None]).add_(cost[..., None])
            if self.shared and stage < self.n_stages - 1:
                _drop_repeats(total, codes, self.marks)
            cost, flat = _smallest(total.flatten(1), self._width(stage, total.shape[1] * size))
            parents = codes.gather(1, (flat // size)[..., None].expand(-1, -1, stage))
            codes = torch.cat([parents, (flat % size)[..., None]], dim=2)
        return self._ordered(codes[:, 0], solo[:, 0], pairs[0, 0]) if self.shared else codes[:, 0]

    def _width(self, stage: int, candidates: int) -> int:
        """Partial sums that are kept after a stage."""
        return 1 if stage == self.n_stages - 1 else min(self.beam, candidates)

    def _same_display(self) -> Bool[Tensor, "k k"]:
        """Pairs of codes that no sum may hold both of: one display twice; but nothing goes with everything."""
        display = torch.arange(self.marks.shape[0], device=self.marks.device) // self.levels
        same = display[:, None] == display
        same[0], same[:, 0] = False, False
        return same

    def _overlap(self, pairs: Tensor, codes: Tensor) -> Tensor:
        """Inner product of each partial sum with every code of a stage, out of the table of all pairs of codes."""
        rows = codes if self.shared else codes + torch.arange(codes.shape[2]).to(codes) * pairs.shape[1]
        summed = nn.functional.embedding_bag(rows.flatten(0, 1), pairs.flatten(0, 1), mode="sum")
        return summed.unflatten(0, codes.shape[:2])

    @staticmethod
    def _ordered(codes: Tensor, solo: Tensor, pairs: Tensor) -> Tensor:
        """The same codes, each next one the best of those that remain."""
        codes = codes.sort(dim=1).values
        taken = torch.eye(codes.shape[1], dtype=torch.bool, device=codes.device)  # what is taken is never taken again
        pairs = pairs[codes[:, :, None], codes[:, None]].masked_fill(taken, torch.inf)
        cost = solo.gather(1, codes)
        order = []
        for _ in range(codes.shape[1]):
            order.append(cost.argmin(1, keepdim=True))
            row = order[-1][..., None].expand(-1, -1, cost.shape[1])
            cost = cost + pairs.gather(1, row)[:, 0]
        return codes.gather(1, torch.cat(order, dim=1))


def _drop_repeats(total: Float[Tensor, "b n k"], codes: Int[Tensor, "b n s"], marks: Int[Tensor, " k"]) -> None:
    """Makes an extension infinitely far, in place, if it is the same set of codes as one of an earlier partial sum.

    Sets are compared by the sum of their codes' marks. Extending p by c repeats an earlier q extended by d where p
    without d is q without c.
    """
    beam, size = codes.shape[1:]
    penalty = total.new_full((beam, beam), torch.inf).tril(-1)[:, :, None]
    if size > 1:  # of single codes, each is another one without the one it has
        own = marks[codes]
        less = (own.sum(2, keepdim=True) - own).flatten(1)
        same = (less[:, :, None] == less[:, None]).unflatten(1, (beam, size)).any(2).unflatten(2, (beam, size))
        penalty = torch.where(same, penalty, 0.0)
    added = codes[:, None].expand(-1, beam, -1, -1)
    total.scatter_add_(2, added.flatten(2), penalty.expand_as(added).flatten(2))


def _smallest(cost: Float[Tensor, "b n"], width: int) -> tuple[Float[Tensor, "b w"], Int[Tensor, "b w"]]:
    """The `width` smallest of each row and their places: among the blocks that hold the smallest minima."""
    if cost.shape[1] % 8 or cost.shape[1] < 32 * width:
        value, place = cost.topk(width, largest=False)
        return value, place
    blocks = cost.unflatten(1, (8, -1))
    _, near = _smallest(blocks.amin(1), width)
    value, place = blocks.gather(2, near[:, None].expand(-1, 8, -1)).flatten(1).topk(width, largest=False)
    return value, near.gather(1, place % width) + place // width * blocks.shape[2]
