"""How well a codebook is used, and how far its faces are from the true ones: figures over a whole split."""

import math

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from .errors import UserError

__all__ = ["bits_per_frame", "codebook_report", "error_mm", "error_summary", "perplexity", "usage", "usage_table"]


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
    difference = np.asarray(psi, float) - np.asarray(decoded, float)
    return np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", difference, metric, difference, optimize=True), 0.0))


def error_summary(error: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Mean, median and 90th percentile in mm of the frames' errors."""
    if not len(error):
        raise UserError("There is no frame to measure an error on; give a split with at least one valid frame.")
    return {
        "error_mm": float(np.mean(error)),
        "median_mm": float(np.median(error)),
        "p90_mm": float(np.percentile(error, 90)),
    }


def usage(codes: Int[np.ndarray, "..."], codebook_size: int) -> float:
    """Share of the K codes that occur at all in a whole split.

    >>> usage(np.array([[0, 1], [1, 0]]), codebook_size=4)
    0.5
    """
    return float(np.count_nonzero(_counts(codes, codebook_size)) / codebook_size)


def perplexity(codes: Int[np.ndarray, "..."], codebook_size: int) -> float:
    r"""Number of equally frequent codes with the same entropy, $\exp(-\sum_k p_k \log p_k)$, between 1 and K.

    >>> perplexity(np.array([0, 1, 2, 3]), codebook_size=256)
    4.0
    """
    share = _counts(codes, codebook_size)
    share = share[share > 0] / share.sum()
    return float(np.round(np.exp(-np.sum(share * np.log(share))), 12))


def bits_per_frame(codebook_size: int, n_stages: int) -> float:
    """Bits that M tokens out of K take, without entropy coding: M log2 K."""
    return n_stages * math.log2(codebook_size)


def usage_table(codes: Int[np.ndarray, "n m"], codebook_size: int) -> pd.DataFrame:
    """Usage and perplexity over all codes of a split, then stage by stage; one row each."""
    parts = {"all": codes, **{str(stage): codes[:, stage] for stage in range(codes.shape[1])}}
    return pd.DataFrame(
        {
            "stage": list(parts),
            "usage": [usage(part, codebook_size) for part in parts.values()],
            "perplexity": [perplexity(part, codebook_size) for part in parts.values()],
        }
    )


def codebook_report(
    psi: Float[np.ndarray, "n e"],
    decoded: Float[np.ndarray, "n e"],
    codes: Int[np.ndarray, "n m"],
    metric: Float[np.ndarray, "e e"],
    codebook_size: int,
) -> dict[str, float | int]:
    """One row of results over a whole split: frames, bits a frame, error in mm, usage and perplexity.

    Arguments:
        psi: Expressions (N, E) of the split.
        decoded: The same decoded from `codes`.
        codes: Tokens (N, M).
        metric: Mesh metric (E, E) in mm2.
        codebook_size: Number K of codes.
    """
    return {
        "frames": len(codes),
        "bits": bits_per_frame(codebook_size, codes.shape[1]),
        **error_summary(error_mm(psi, decoded, metric)),
        "usage": usage(codes, codebook_size),
        "perplexity": perplexity(codes, codebook_size),
    }


def _counts(codes: Int[np.ndarray, "..."], codebook_size: int) -> Int[np.ndarray, " k"]:
    codes = np.asarray(codes).ravel()
    if not codes.size:
        raise UserError("There are no codes to count; give a split with at least one valid frame.")
    if codes.min() < 0 or codes.max() >= codebook_size:
        raise UserError(f"Codes must be 0 to {codebook_size - 1}; these belong to another codebook.")
    return np.bincount(codes, minlength=codebook_size)
