"""Training in several processes or on several GPUs of one machine, through Lightning Fabric."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from .errors import UserError
from .rvqvae import RvqVae
from .streaming import ParquetFrames
from .training import TrainConfig, train

__all__ = ["train_in_processes"]


def train_in_processes(
    model: RvqVae,
    train_psi: Float[np.ndarray, "n _"] | ParquetFrames,
    heldout_psi: Float[np.ndarray, "h _"],
    metric: Float[np.ndarray, "_ _"],
    config: TrainConfig,
    processes: int,
    checkpoint: str | Path | None = None,
) -> pd.DataFrame:
    """:func:`~dfe_lib.training.train` with every batch divided among processes; returns the same history.

    Gradients are averaged over the processes and counts of codes are added up, so the model is that of one process
    but for the rounding of sums. On a GPU machine each process has a GPU. It starts fresh Python processes: call it
    from a script under `if __name__ == "__main__":`, not from a notebook. For several machines, start the script with
    torchrun and hand a launched `Fabric(strategy="ddp")` to `train`.

    Arguments:
        processes: How many; it must divide the batch size.
        model, train_psi, heldout_psi, metric, config, checkpoint: As for `train`.
    """
    if processes < 1 or config.batch_size % processes:
        raise UserError(f"batch_size ({config.batch_size}) must be a multiple of the {processes} processes.")
    cuda = config.device != "cpu" and torch.cuda.is_available()
    precision = "bf16-mixed" if cuda and config.amp else "32-true"
    fabric = Fabric(accelerator="cuda" if cuda else "cpu", devices=processes, strategy="ddp_spawn", precision=precision)
    state, history = fabric.launch(_trained, model, train_psi, heldout_psi, metric, vars(config), checkpoint)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    model.eval()
    return history


def _trained(
    fabric: Fabric,
    model: RvqVae,
    train_psi: Float[np.ndarray, "n _"] | ParquetFrames,
    heldout_psi: Float[np.ndarray, "h _"],
    metric: Float[np.ndarray, "_ _"],
    settings: dict[str, object],
    checkpoint: str | Path | None,
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """What each process does; the first one's weights and history go back to the caller."""
    config = TrainConfig(**settings)  # Fabric copies what it hands over field by field, which a frozen one refuses
    history = train(model, train_psi, heldout_psi, metric, config, checkpoint=checkpoint, fabric=fabric)
    state: dict[str, Tensor] = model.state_dict()
    return {name: value.numpy() for name, value in state.items()}, history
