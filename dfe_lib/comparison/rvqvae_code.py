"""The RVQ-VAE and its relatives as codes that can be compared with the baselines."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
from jaxtyping import Float, Int

from ..quantisation.config import TrainConfig
from ..quantisation.distributed import train_in_processes
from ..quantisation.metrics import bits_per_frame
from ..quantisation.rvqvae import RvqVae, RvqVaeConfig
from ..quantisation.streaming import ParquetFrames
from ..quantisation.training import train
from .baselines import stages_of

__all__ = ["LargeCode", "TrainedCode", "VqCode", "speed_table"]


class TrainedCode:
    """An :class:`~dfe_lib.quantisation.rvqvae.RvqVae`, trained by :func:`~dfe_lib.quantisation.training.train`.

    Arguments:
        config: shape of the model; its number of stages is set by the bits.
        training: how it is trained.
        heldout: frames whose error the history follows.
        align_to: model at whose displays training starts, and whose numbers they keep.
        stream: tables that the training reads its frames from, in place of the frames that `fit` is given.
        devices: processes, or GPUs, that share each batch.
        checkpoint: file that the training is kept in, and goes on from.
        say: takes a sentence on how long a long training will take; those that are made from this one say nothing.

    >>> code = TrainedCode(RvqVaeConfig(("jawOpen", "jawLeft"), codebook_size=4), TrainConfig(steps=1))
    >>> code.fit(np.random.default_rng(0).random((64, 2), np.float32), np.eye(2), 4).model.config.n_stages
    2
    """

    def __init__(
        self,
        config: RvqVaeConfig,
        training: TrainConfig,
        heldout: Float[np.ndarray, "h e"] | None = None,
        align_to: RvqVae | None = None,
        stream: ParquetFrames | None = None,
        devices: int = 1,
        checkpoint: Path | None = None,
        say: Callable[[str], object] | None = None,
    ):
        self.config, self.training, self.heldout, self.align_to = config, training, heldout, align_to
        self.stream, self.devices, self.checkpoint, self.say = stream, devices, checkpoint, say

    @classmethod
    def of(cls, model: RvqVae) -> "TrainedCode":
        """A model that is trained already."""
        code = cls(model.config, TrainConfig())
        code.model = model
        return code

    def searched(self, beam: int) -> "TrainedCode":
        """The same trained model with another number of partial sums in its code search."""
        model = RvqVae(replace(self.model.config, beam=beam))
        model.load_state_dict(self.model.state_dict())
        return TrainedCode.of(model.eval())

    @property
    def name(self) -> str:
        """Of the method in tables: by its decoder, or `dfe_separate`."""
        return f"dfe_{self.config.decoder}" if self.config.shared_codebook else "dfe_separate"

    def retrained(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"]) -> "TrainedCode":
        """The same shape and training on other frames."""
        return TrainedCode(self.config, self.training, self.heldout, self.align_to).fit(psi, metric, self.config.bits)

    def reseeded(self, further: int) -> "TrainedCode":
        """The same shape and training, not fitted yet, that many seeds further; another seed starts from nothing."""
        training = replace(self.training, seed=self.training.seed + further)
        return type(self)(self.config, training, self.heldout, None if further else self.align_to)

    @property
    def codebook_size(self) -> int:
        return self.config.codebook_size

    @property
    def shared(self) -> bool:
        return self.config.shared_codebook

    @property
    def bits(self) -> float:
        return bits_per_frame(self.config.codebook_size, self.config.n_stages)

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "TrainedCode":
        self.config = replace(self.config, n_stages=stages_of(bits, self.codebook_size))
        heldout = psi[:0] if self.heldout is None else self.heldout
        self.model = RvqVae(self.config, seed=self.training.seed)
        self.frames, began = len(psi) * (2 if self.training.mirror else 1), time.perf_counter()
        self.seconds: list[float] = []
        given = (self.model, psi if self.stream is None else self.stream, heldout, metric, self.training)
        kept: dict[str, Any] = {"checkpoint": self.checkpoint, "align_to": self.align_to}
        if self.devices > 1:
            self.history: pd.DataFrame = train_in_processes(*given, self.devices, **kept)
            self.seconds.append(time.perf_counter() - began)
        else:
            self.history = train(
                *given, lambda step, row: self.seconds.append(time.perf_counter() - began), say=self.say, **kept
            )
        # of the rows of an earlier run, or of other processes, nobody took the time
        self.seconds = [float("nan")] * (len(self.history) - len(self.seconds)) + self.seconds
        self.config = self.model.config
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        return self.model.encode(torch.as_tensor(np.ascontiguousarray(psi, np.float32))).numpy()

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.model.decode(torch.as_tensor(codes)).numpy()

    def templates(self) -> Float[np.ndarray, "t e"]:
        """Its displays at their top level: the lower ones are the same movements."""
        return self.model.display_templates()


class LargeCode(TrainedCode):
    """The RVQ-VAE with a codebook so large that its stages may not use up the bits: as many as they pay for."""

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "TrainedCode":
        each = round(np.log2(self.codebook_size))
        return super().fit(psi, metric, max(bits // each, 1) * each)


LARGEST_VQ_BITS = 10
"""Bits of a plain VQ-VAE: every gradient step goes through the whole codebook, so time sets the limit."""


class VqCode(TrainedCode):
    """A plain VQ-VAE: one code a frame, of 10 bits at most."""

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "TrainedCode":
        bits = min(bits, LARGEST_VQ_BITS)
        self.config = replace(self.config, codebook_size=2**bits, n_stages=1)
        return super().fit(psi, metric, bits)


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
