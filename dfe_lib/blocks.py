"""Matrix products of a fixed number of rows: a row's result depends on no other, and a row alone costs little."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["BLOCK", "BlockLinear", "ReadLinear", "block_product", "by_column", "whole_blocks"]

BLOCK = 16
"""Rows of one product where rows come as a list; a product's digits depend on its size, so that all have the same."""


def whole_blocks(count: int, device: torch.device, size: int = BLOCK) -> Tensor:
    """Numbers of so many rows, and again from the first until the last block is full.

    >>> whole_blocks(13, torch.device("cpu"))[-4:].tolist()
    [12, 0, 1, 2]
    """
    return torch.arange(-(-count // size) * size, device=device) % count


def block_product(
    rows: Float[Tensor, "*n i"], matrix: Float[Tensor, "i o"], offset: Float[Tensor, " o"] | None = None
) -> Float[Tensor, "*n o"]:
    """rows @ matrix + offset: block by block where rows come in blocks (n, b, I), or as a list (N, I) of whole ones.

    A list of another length is one product, whose digits depend on its length.
    """
    start = matrix.new_zeros(1) if offset is None else offset
    if rows.ndim != 3 and (rows.ndim != 2 or len(rows) % BLOCK):
        return rows @ matrix + start
    blocks = rows if rows.ndim == 3 else rows.unflatten(0, (-1, BLOCK))
    found = torch.baddbmm(start, blocks, matrix.expand(len(blocks), -1, -1))
    return found if rows.ndim == 3 else found.flatten(0, 1)


def by_column(matrix: Float[Tensor, "o i"]) -> Float[Tensor, "o i"]:
    """The same numbers stored column by column, in which order products of a few rows with the transpose read them.

    Stored row by row, a matrix is turned around for every block, which costs as much as the product.

    >>> by_column(torch.ones(3, 7)).T.is_contiguous()
    True
    """
    return matrix.T.contiguous().T


class BlockLinear(nn.Linear):
    """A linear layer over blocks of rows (n, b, I); a trained one reads a list (N, I) of whole ones likewise."""

    def forward(self, rows: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        whole = rows.ndim == 3 or not self.training
        return block_product(rows, self.weight.T, self.bias) if whole else super().forward(rows)


class ReadLinear(BlockLinear):
    """A block layer that stores its weights :func:`by_column` while it is not trained."""

    def train(self, mode: bool = True) -> "ReadLinear":
        self.weight.data = self.weight.data.contiguous() if mode else by_column(self.weight.data)
        return super().train(mode)
