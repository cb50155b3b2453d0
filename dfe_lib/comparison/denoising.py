"""Is a face out of tokens nearer to the truth than the psi it came from? With and without a denoising encoder."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..quantisation.denoising import DenoisingEncoder, NoisyFrames
from ..quantisation.metrics import error_mm
from .face_code import FaceCode

__all__ = ["denoising_table"]

DRAWS = 1000


def denoising_table(
    code: FaceCode,
    encoders: Mapping[str, Sequence[DenoisingEncoder | None]],
    kinds: Mapping[str, Sequence[NoisyFrames]],
    metric: Float[np.ndarray, "e e"],
) -> pd.DataFrame:
    r"""Error of tokens over that of the estimate they came from, $|\hat\psi - \psi| / |\psi_e - \psi|$, in mm.

    Columns: data, encoder, seeds, people, frames, psi_mm, denoised_mm, decoded_mm, ratio (of decoded_mm to psi_mm),
    ratio_low, ratio_high (95 % over people and seeds), seed_sd. Below 1 the tokens are nearer to the truth.

    Arguments:
        encoders: seeds of each encoder by its name; None encodes the estimate as it is.
        kinds: people by the kind of their data. metric: mm2.
    """
    rows = []
    for data, people in kinds.items():
        frames = sum(len(each.truth) for each in people)
        for name, seeds in encoders.items():
            errors = np.array([[_errors(code, encoder, each, metric) for each in people] for encoder in seeds])
            rows.append({"data": data, "encoder": name, "seeds": len(seeds), "people": len(people), "frames": frames}
                        | _summary(errors))  # fmt: skip
    return pd.DataFrame(rows)


def _errors(
    code: FaceCode, encoder: DenoisingEncoder | None, frames: NoisyFrames, metric: Float[np.ndarray, "e e"]
) -> tuple[float, float, float]:
    """Mean error of a person's estimates, of what is encoded, and of its tokens."""
    read = frames.estimated if encoder is None else np.clip(encoder.denoised(frames), 0, 1)
    decoded = code.decode(code.encode(read.astype(np.float32)))
    shown = (frames.estimated, read, decoded)
    return tuple(float(error_mm(frames.truth, psi, metric).mean()) for psi in shown)  # type: ignore[return-value]


def _summary(errors: Float[np.ndarray, "s p 3"]) -> dict[str, float]:
    """Of seeds and people: means, and the ratio with what drawing people and seeds again makes of it."""
    rng, mean = np.random.default_rng(0), errors.mean((0, 1))
    seeds, people = (rng.integers(count, size=(DRAWS, count)) for count in errors.shape[:2])
    drawn = np.array([_ratio(errors[own][:, others]) for own, others in zip(seeds, people, strict=True)])
    low, high = np.percentile(drawn, [2.5, 97.5])
    spread = float(np.std([_ratio(one[None]) for one in errors], ddof=1)) if len(errors) > 1 else np.nan
    return {"psi_mm": float(mean[0]), "denoised_mm": float(mean[1]), "decoded_mm": float(mean[2]),
            "ratio": _ratio(errors), "ratio_low": float(low), "ratio_high": float(high), "seed_sd": spread}  # fmt: skip


def _ratio(errors: Float[np.ndarray, "s p 3"]) -> float:
    return float(errors[..., 2].mean() / errors[..., 0].mean())
