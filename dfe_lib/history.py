"""Rows of figures as training goes on: error on the training frames, and everything over the held-out split."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int

from .codebook import error_mm, perplexity, usage
from .rvqvae import RvqVae

__all__ = ["History", "Row"]

Row = dict[str, float | int]
SHOWN = 4096
"""Training frames whose error is followed."""


class History:
    """The rows (step, loss, train_mm; with held-out frames heldout_mm, usage, perplexity), newest last.

    Arguments:
        model: The model that is trained.
        train_psi: Expressions (N, E) of the training split; some thousand of them are used.
        heldout_psi: Expressions (H, E) of the held-out subjects; may have no rows.
        metric: Mesh metric (E, E) in mm2.
        progress: Called with the step and its row.
    """

    def __init__(
        self,
        model: RvqVae,
        train_psi: Float[np.ndarray, "n e"],
        heldout_psi: Float[np.ndarray, "h e"],
        metric: Float[np.ndarray, "e e"],
        progress: Callable[[int, Row], None] | None,
    ):
        self.model, self.metric, self.progress = model, metric, progress
        self.train_psi, self.heldout_psi = train_psi[:: -(-len(train_psi) // SHOWN)], heldout_psi
        self.rows: list[Row] = []

    def add(self, step: int, loss: float) -> Row:
        """Measures the model as it is now."""
        self.model.eval()
        row: Row = {"step": step, "loss": loss, "train_mm": self._error(self.train_psi)[0]}
        if len(self.heldout_psi):
            row["heldout_mm"], codes = self._error(self.heldout_psi)
            config = self.model.config
            row["usage"] = usage(codes, config.codebook_size, config.shared_codebook)
            row["perplexity"] = perplexity(codes, config.codebook_size, config.shared_codebook)
        self.rows.append(row)
        if self.progress:
            self.progress(step, row)
        return row

    def _error(self, psi: Float[np.ndarray, "n e"]) -> tuple[float, Int[np.ndarray, "n m"]]:
        codes = self.model.encode(torch.as_tensor(np.ascontiguousarray(psi)))
        return float(error_mm(psi, self.model.decode(codes).cpu().numpy(), self.metric).mean()), codes.cpu().numpy()
