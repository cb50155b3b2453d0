"""What corrects the linear code of psi: a small transformer over the coefficients, or a perceptron.

Frames come in blocks, (n, b, E): every product is one of b rows, so that a frame's latent depends on no other frame and
not on how many blocks there are.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..blocks import BlockLinear

__all__ = ["CoefficientReader", "ReaderTables", "perceptron"]


@dataclass(frozen=True)
class ReaderTables:
    """What the reader's weights come to: logits (Q, H, E) and values (H E, W), each as slope and offset in x."""

    logit_slope: Float[Tensor, "q h e"]
    logit_offset: Float[Tensor, "q h e"]
    value_slope: Float[Tensor, "he w"]
    value_offset: Float[Tensor, "he w"]


class CoefficientReader(nn.Module):
    r"""A transformer that reads psi as a sequence of coefficients, at a cost that hardly grows with its length.

    Coefficient i becomes the vector $t_i = x_i a_i + b_i$ (value and identity embedded); Q learned queries attend to
    the sequence, then to one another in `depth` blocks. Keys and values are linear in $t_i$, hence affine in $x_i$,
    so the attention over the sequence is computed from $x$ and tables without ever building the $t_i$:
    the logit of query q is $x_i \langle q, K a_i \rangle + \langle q, K b_i \rangle$, and likewise for the values.

    Arguments:
        n_coefficients: E. width, depth, heads, queries: W, blocks, H and Q.

    Source: Jaegle et al., "Perceiver", 2021 (queries that read a long sequence).
    """

    def __init__(self, n_coefficients: int, width: int, depth: int, heads: int, queries: int):
        super().__init__()
        self.heads = heads
        shape = (n_coefficients, width)
        self.value = nn.Parameter(torch.randn(shape) * 0.5)
        self.identity = nn.Parameter(torch.randn(shape) * 0.5)
        self.query = nn.Parameter(torch.randn(queries, width))
        self.keys_values = nn.Linear(width, 2 * width, bias=False)
        self.blocks = nn.ModuleList(Block(width, heads, queries) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    @property
    def embedded(self) -> list[Tensor]:
        """The weights that :meth:`tables` is made of."""
        return [self.value, self.identity, self.query, self.keys_values.weight]

    def tables(self) -> ReaderTables:
        """What :meth:`forward` needs of the embeddings, the queries, and their keys and values."""
        table = self.keys_values(torch.stack([self.value, self.identity]))
        keys, values = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in table.chunk(2, dim=2))
        query = self.query.unflatten(1, (self.heads, -1)).transpose(0, 1)
        slope, offset = (query @ keys.mT * query.shape[2] ** -0.5).transpose(1, 2)
        value_slope, value_offset = (torch.block_diag(*part) for part in values)
        return ReaderTables(slope, offset, value_slope, value_offset)

    def forward(self, x: Float[Tensor, "n b e"], tables: ReaderTables) -> Float[Tensor, "n b qw"]:
        x = x[:, :, None, None]
        attention = torch.addcmul(tables.logit_offset, x, tables.logit_slope).softmax(-1)
        weights, values = attention.flatten(3).flatten(1, 2), (attention * x).flatten(3).flatten(1, 2)
        read = torch.bmm(weights, tables.value_offset.expand(len(x), -1, -1))
        read = torch.baddbmm(read, values, tables.value_slope.expand(len(x), -1, -1))
        summary = (self.query + read.unflatten(1, (-1, len(self.query)))).flatten(1, 2)
        for block in self.blocks:
            summary = block(summary)
        return self.norm(summary).unflatten(1, (-1, len(self.query))).flatten(2)


class Block(nn.Module):
    """One pre-norm transformer block over the Q summaries of each frame, rows b Q + q of (n, b Q, W)."""

    def __init__(self, width: int, heads: int, queries: int):
        super().__init__()
        self.heads, self.queries = heads, queries
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.in_projection = BlockLinear(width, 3 * width)
        self.out_projection = BlockLinear(width, width)
        self.mlp = nn.Sequential(BlockLinear(width, 2 * width), nn.GELU(), BlockLinear(2 * width, width))

    def forward(self, x: Float[Tensor, "n bq w"]) -> Float[Tensor, "n bq w"]:
        projected = self.in_projection(self.norms[0](x)).unflatten(2, (3, self.heads, -1))
        query, key, value = projected.unflatten(1, (-1, self.queries)).unbind(3)
        # few queries: sums of products take less time than products of many small matrices
        logits = (query[:, :, :, None] * key[:, :, None]).sum(-1, keepdim=True)
        attention = (logits * query.shape[-1] ** -0.5).softmax(3)
        read = (attention * value[:, :, None]).sum(3)
        x = x + self.out_projection(read.flatten(3).flatten(1, 2))
        return x + self.mlp(self.norms[1](x))


def perceptron(n_coefficients: int, hidden: int, out: int) -> nn.Sequential:
    """Two layers over blocks (n, b, E) of frames."""
    return nn.Sequential(BlockLinear(n_coefficients, hidden), nn.GELU(), BlockLinear(hidden, out), nn.GELU())
