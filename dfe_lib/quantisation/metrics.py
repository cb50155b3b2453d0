"""How well a codebook is used, and how far its faces are from the true ones: figures over a whole split."""

import math

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..errors import UserError
from ..morphable.metric import mesh_length

__all__ = ["bits_per_frame", "error_mm", "error_summary", "perplexity", "usage", "usage_table"]


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
    if not shared:
        return float(np.mean([usage(stage, codebook_size) for stage in codes.T]))
    return float(np.count_nonzero(_counts(codes, codebook_size)) / codebook_size)


def perplexity(codes: Int[np.ndarray, "..."], codebook_size: int, shared: bool = True) -> float:
    r"""Number of equally frequent codes with the same entropy, $\exp(-\sum_k p_k \log p_k)$, between 1 and K.

    Its mean over stages with codebooks of their own.

    >>> perplexity(np.array([0, 1, 2, 3]), codebook_size=256)
    4.0
    """
    if not shared:
        return float(np.mean([perplexity(stage, codebook_size) for stage in codes.T]))
    share = _counts(codes, codebook_size)
    share = share[share > 0] / share.sum()
    return float(np.round(np.exp(-np.sum(share * np.log(share))), 12))


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
    stages = {str(stage): column for stage, column in enumerate(codes.T)}
    return pd.DataFrame(
        {
            "stage": ["all", *stages],
            "usage": [usage(codes, codebook_size, shared), *(usage(c, codebook_size) for c in stages.values())],
            "perplexity": [
                perplexity(codes, codebook_size, shared),
                *(perplexity(c, codebook_size) for c in stages.values()),
            ],
        }
    )


def _counts(codes: Int[np.ndarray, "..."], codebook_size: int) -> Int[np.ndarray, " k"]:
    codes = np.asarray(codes).ravel()
    if not codes.size:
        raise UserError("There are no codes to count; give a split with at least one valid frame.")
    if codes.min() < 0 or codes.max() >= codebook_size:
        raise UserError(f"Codes must be 0 to {codebook_size - 1}; these belong to another codebook.")
    return np.bincount(codes, minlength=codebook_size)
