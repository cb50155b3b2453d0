"""Training in several processes or on several GPUs of one machine, through Lightning Fabric."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from lightning_fabric import Fabric

from ..errors import UserError
from ..io.scratch import scratch
from ..io.tables import read_parquet
from .config import TrainConfig
from .rvqvae import RvqVae
from .streaming import ParquetFrames
from .training import train

__all__ = ["train_in_processes"]

HISTORY = "history.parquet"


def train_in_processes(
    model: RvqVae,
    train_psi: Float[np.ndarray, "n _"] | ParquetFrames,
    heldout_psi: Float[np.ndarray, "h _"],
    metric: Float[np.ndarray, "_ _"],
    config: TrainConfig,
    processes: int,
    checkpoint: str | Path | None = None,
    align_to: RvqVae | None = None,
) -> pd.DataFrame:
    """:func:`~dfe_lib.quantisation.training.train` with every batch divided among processes; returns the same history.

    Gradients are averaged over the processes and counts of codes are added up, so the model is that of one process
    but for the rounding of sums. On a GPU machine each process has a GPU. It starts fresh Python processes: call it
    from a notebook, or from a script under `if __name__ == "__main__":`. For several machines, start the script with
    torchrun and hand a launched `Fabric(strategy="ddp")` to `train`.

    Arguments:
        processes: How many; it must divide the batch size.
        model, train_psi, heldout_psi, metric, config, checkpoint, align_to: As for `train`.
    """
    if processes < 1 or config.batch_size % processes:
        raise UserError(f"batch_size ({config.batch_size}) must be a multiple of the {processes} processes.")
    with scratch() as folder:
        given = (folder, model, train_psi, heldout_psi, metric, vars(config), checkpoint, align_to)
        # Fabric starts no processes from a notebook; a process of its own may
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(_launched, processes, *given).result()
        trained = RvqVae.from_pretrained(folder)
        model.load_state_dict(trained.state_dict())
        model.config = trained.config
        history = read_parquet(folder / HISTORY).to_pandas()
    model.eval()
    return history


def _launched(processes: int, *given: Any) -> None:
    settings = TrainConfig(**given[5])
    cuda = settings.device != "cpu" and torch.cuda.is_available()
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=processes,
        strategy="ddp_spawn",
        precision="bf16-mixed" if cuda and settings.amp else "32-true",
    )
    fabric.launch(cast(Any, _trained), *given)


def _trained(
    fabric: Fabric,
    folder: Path,
    model: RvqVae,
    train_psi: Float[np.ndarray, "n _"] | ParquetFrames,
    heldout_psi: Float[np.ndarray, "h _"],
    metric: Float[np.ndarray, "_ _"],
    settings: dict[str, Any],
    checkpoint: str | Path | None,
    align_to: RvqVae | None,
) -> None:
    """What each process does; the first one's model and history go through a folder: Fabric's pipe holds 64 kB."""
    config = TrainConfig(**settings)  # Fabric copies what it hands over field by field, which a frozen one refuses
    history = train(
        model, train_psi, heldout_psi, metric, config, checkpoint=checkpoint, fabric=fabric, align_to=align_to
    )
    if fabric.global_rank == 0:
        model.save_pretrained(folder)
        history.to_parquet(folder / HISTORY)
