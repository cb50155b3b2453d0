"""How long training and encoding take, and when the error is as good as final."""

import time

import numpy as np
import pandas as pd
import psutil
from jaxtyping import Float

from .trained_codes import TrainedCode

__all__ = ["speed_table"]

NEAR = 1.02
"""An error within 2 % of the final one counts as final."""
WARM_UP = 2048
"""Frames encoded before the clock starts: the first pass starts threads."""


def speed_table(codes: dict[str, TrainedCode], psi: Float[np.ndarray, "n e"]) -> pd.DataFrame:
    """A row a model: frames trained on, seconds to the start, in all and to within 2 % of the final error; speeds.

    Arguments:
        codes: models that were trained here, with their histories; mirrored frames count as frames.
        psi: frames to time the encoding with.
    """
    rows = []
    for method, code in codes.items():
        error = code.history["heldout_mm"].to_numpy()
        near = int(np.argmax(error <= NEAR * error[-1]))
        start, total = code.seconds[0], code.seconds[-1]
        code.encode(psi[:WARM_UP])
        began = time.perf_counter()
        code.encode(psi)
        rows.append(
            {"method": method, "frames": code.frames, "steps": code.training.steps, "threads": code.training.threads,
             "start_s": start, "total_s": total, "near_final_s": code.seconds[near],
             "train_frames_per_s": code.training.steps * code.training.batch_size / max(total - start, 1e-9),
             "encode_frames_per_s": len(psi) / (time.perf_counter() - began),
             "memory_mb": psutil.Process().memory_info().rss / 2**20}
        )  # fmt: skip
    return pd.DataFrame(rows)
