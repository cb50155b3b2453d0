"""How well a codebook is used, and how far its faces are from the true ones: figures over a whole split."""

import math

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..errors import UserError
from ..morphable.metric import mesh_length

__all__ = ["bits_per_frame", "error_mm", "error_summary", "perplexity", "usage", "usage_of_counts", "usage_table"]


def error_mm(
    psi: Float[np.ndarray, "n e"], decoded: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"]
) -> Float[np.ndarray, " n"]:
    r"""Error of each frame, rms over the vertices in mm: $\sqrt{(\psi - \hat\psi)^T G (\psi - \hat\psi)}$.

    Arguments:
        psi: Expressions (N, E).
        decoded: The same, decoded (N, E).
        metric: Mesh metric G (E, E) in mm2, averaged over the vertices.

    >>> error_mm(np.array([[1.0, 0.0]]), np.zeros((1, 2)), 4 * np.eye(2))
    array([2.])
    """
    return mesh_length(np.asarray(psi, float) - np.asarray(decoded, float), metric)


def error_summary(error: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Mean, median and 90th percentile in mm of the frames' errors."""
    if not len(error):
        raise UserError("There is no frame to measure an error on; give a split with at least one valid frame.")
    return {
        "error_mm": float(np.mean(error)),
        "median_mm": float(np.median(error)),
        "p90_mm": float(np.percentile(error, 90)),
    }


def usage(codes: Int[np.ndarray, "..."], codebook_size: int, shared: bool = True) -> float:
    """Share of the K codes that occur at all in a whole split; its mean over stages with codebooks of their own.

    >>> usage(np.array([[0, 1], [1, 0]]), codebook_size=4)
    0.5
    >>> usage(np.array([[0, 1], [0, 1]]), codebook_size=4, shared=False)
    0.25
    """
    return float(np.mean([_used(book) for book in _books(_counts(codes, codebook_size), shared)]))


def perplexity(codes: Int[np.ndarray, "..."], codebook_size: int, shared: bool = True) -> float:
    r"""Number of equally frequent codes with the same entropy, $\exp(-\sum_k p_k \log p_k)$, between 1 and K.

    Its mean over stages with codebooks of their own.

    >>> perplexity(np.array([0, 1, 2, 3]), codebook_size=256)
    4.0
    """
    return float(np.mean([_perplexity(book) for book in _books(_counts(codes, codebook_size), shared)]))


def bits_per_frame(codebook_size: int, n_stages: int) -> float:
    """Bits that M tokens out of K take, without entropy coding: M log2 K."""
    return n_stages * math.log2(codebook_size)


def usage_table(codes: Int[np.ndarray, "n m"], codebook_size: int, shared: bool = True) -> pd.DataFrame:
    """Usage and perplexity over all codes of a split, then stage by stage; one row each.

    Arguments:
        codes: Tokens (N, M).
        codebook_size: Number K of codes.
        shared: One codebook for all stages; otherwise row `all` is the mean of the stages.
    """
    return usage_of_counts(_counts(codes, codebook_size), shared)


def usage_of_counts(counts: Int[np.ndarray, "m k"], shared: bool = True) -> pd.DataFrame:
    """The same of how often each of K codes occurs at each of M stages."""
    books = _books(counts, shared)
    return pd.DataFrame(
        {
            "stage": ["all", *map(str, range(len(counts)))],
            "usage": [float(np.mean([*map(_used, books)])), *map(_used, counts)],
            "perplexity": [float(np.mean([*map(_perplexity, books)])), *map(_perplexity, counts)],
        }
    )


def _books(counts: Int[np.ndarray, "m k"], shared: bool) -> Int[np.ndarray, "b k"]:
    """Counts by codebook."""
    return counts.sum(0, keepdims=True) if shared else counts


def _used(count: Int[np.ndarray, " k"]) -> float:
    return float(np.count_nonzero(count) / len(count))


def _perplexity(count: Int[np.ndarray, " k"]) -> float:
    share = count[count > 0] / count.sum()
    return float(np.round(np.exp(-np.sum(share * np.log(share))), 12))


def _counts(codes: Int[np.ndarray, "..."], codebook_size: int) -> Int[np.ndarray, "m k"]:
    """How often each code occurs, by column of (N, M) codes."""
    codes = np.asarray(codes)
    if not codes.size:
        raise UserError("There are no codes to count; give a split with at least one valid frame.")
    if codes.min() < 0 or codes.max() >= codebook_size:
        raise UserError(f"Codes must be 0 to {codebook_size - 1}; these belong to another codebook.")
    columns = codes.T if codes.ndim == 2 else codes.reshape(1, -1)
    return np.stack([np.bincount(column, minlength=codebook_size) for column in columns])
