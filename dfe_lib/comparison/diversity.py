"""How many different faces a code can distinguish, and how much of the faces there are it reaches."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.spatial import cKDTree

from ..morphable.metric import metric_root
from ..quantisation.corpus import Frames
from .frame_codes import FrameCode

__all__ = ["diversity_table", "mean_pairwise_mm"]

NEIGHBOURS = 5
"""A face's neighbourhood reaches to its 5th nearest face, as in Naeem et al."""


def diversity_table(
    codes: Sequence[FrameCode], frames: Frames, metric: Float[np.ndarray, "e e"], data: str
) -> pd.DataFrame:
    """One row a finite code: how its codes are used on these frames, and what they reach.

    Columns: representation, level, bits, data, frames; `distinct_codes` among the frames; `code_entropy_bits` of whole
    codes (log2 of the number of frames is its ceiling); `template_distance_mm`, mean over all pairs of templates;
    `covered`, the share of frames in whose neighbourhood at least one decoded face lies (Naeem et al. 2020,
    "Reliable fidelity and diversity metrics").
    """
    root = metric_root(metric)
    real = frames.psi @ root
    count = min(NEIGHBOURS, len(frames) - 1) + 1
    reach = cKDTree(real).query(real, k=count)[0][:, -1]
    rows = []
    for code in codes:
        if code.symbols.shape[1]:
            used = np.unique(code.symbols, axis=0, return_counts=True)[1] / len(frames)
            nearest = cKDTree(np.unique(code.decoded @ root, axis=0)).query(real)[0]
            rows.append(
                {"representation": code.representation, "level": code.level, "bits": code.bits, "data": data,
                 "frames": len(frames), "distinct_codes": len(used),
                 "code_entropy_bits": float(-(used * np.log2(used)).sum()),
                 "template_distance_mm": mean_pairwise_mm(code.templates, metric),
                 "covered": float((nearest <= reach).mean())}
            )  # fmt: skip
    return pd.DataFrame(rows)


def mean_pairwise_mm(templates: Float[np.ndarray, "t e"], metric: Float[np.ndarray, "e e"]) -> float:
    """Mean distance of two templates, rms over the face in mm.

    >>> mean_pairwise_mm(np.array([[0.0], [1.0], [2.0]]), np.eye(1))
    1.3333333333333333
    """
    points = templates @ metric_root(metric)
    squared = np.square(points).sum(1)
    distance = np.sqrt(np.maximum(squared[:, None] + squared - 2 * points @ points.T, 0.0))
    return float(distance[np.triu_indices(len(points), 1)].mean())
