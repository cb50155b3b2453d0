"""Training of an RVQ-VAE in the mesh metric: a classical start, then gradient descent."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from lightning_fabric import Fabric
from torch import Tensor

from ..blendshapes import ACTIONS, REGIONS, mirror_permutation
from ..errors import UserError
from ..morphable.anny import anny_head
from ..morphable.metric import balanced_weights
from .config import TrainConfig
from .initialisation import filled, start_classically
from .losses import coefficient_fields
from .optimisation import Descent, History, Row, TrainingLoss
from .rvqvae import RvqVae
from .shaping import Shaping
from .streaming import ParquetFrames, shuffled_batches

__all__ = ["mirrored", "split_subjects", "train"]

SAMPLE = 65_536
"""Frames of a streamed corpus that are held in memory; a smaller corpus is held whole."""


def train(
    model: RvqVae,
    train_psi: Float[np.ndarray, "n _"] | ParquetFrames,
    heldout_psi: Float[np.ndarray, "h _"],
    metric: Float[np.ndarray, "_ _"],
    config: TrainConfig | None = None,
    progress: Callable[[int, Row], None] | None = None,
    fields: Float[np.ndarray, "v c _"] | None = None,
    checkpoint: str | Path | None = None,
    fabric: Fabric | None = None,
    regions: Mapping[str, Float[np.ndarray, "_ _"]] | None = None,
    align_to: RvqVae | None = None,
    say: Callable[[str], object] | None = None,
) -> pd.DataFrame:
    """Trains `model` in place, and returns its history (step, loss, errors in mm, usage and perplexity held out).

    The model starts as the best classical quantiser found
    (:func:`~dfe_lib.quantisation.initialisation.start_classically`) and is then trained end to end. One seed gives one
    model, bit for bit, on one machine; the caller's random state and threads stay as they were.

    Arguments:
        model: The model; its weights are replaced.
        train_psi: Expressions (N, E) of the training subjects, or tables to stream them from.
        heldout_psi: Expressions of the held-out subjects, for the history and early stopping; may have no rows.
        metric: Mesh metric (E, E) in mm2, averaged over vertices.
        config: Settings; default :class:`TrainConfig`.
        progress: Called with the step and the row of the history, whenever there is a new row.
        fields: Displacements (V, C, E) in mm for each unit of psi, over which the sparsity loss is taken; without
            them each coefficient counts as a place of its own.
        checkpoint: File that the run is kept in at every row of the history. If it exists, the run goes on from there,
            to the very same model as if it had never stopped.
        fabric: A launched Fabric, for several devices or processes (:func:`.distributed.train_in_processes`).
        regions: Mesh metric (E, E) of each region of the face in mm2, for a model whose metric is `"balanced"`; those
            of the built-in head where the coefficients are ARKit's actions. Errors in the history are in mm as well.
        align_to: Another model of these coefficients, at whose displays the start begins: a display that stays gets
            the number that it has there. Whoever is tested must not be among the people whom that model has seen.
        say: Takes a sentence on how long it will take, before the first step, where that is more than a minute.
    """
    config = config or TrainConfig()
    with _reproducible(config.seed, config.threads):
        generator = torch.Generator().manual_seed(config.seed)
        psi, stream = _corpus(train_psi, generator)
        metric = _checked(model, psi.numpy(), heldout_psi, metric)
        sample = mirrored(psi, model.config.coefficients, both=True) if config.mirror else psi
        sample = filled(sample, config, generator)
        start = torch.Generator().manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        order = torch.Generator().manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        batches = shuffled_batches(sample, config.batch_size, order)
        if stream:
            batches = _mirrored_stream(stream, model, config, order)
        fabric = fabric or _one_device(config)
        learnt, parts = _learnt_in(model, psi.numpy(), metric, regions)
        places = coefficient_fields(learnt) if fields is None else torch.as_tensor(fields, dtype=torch.float32)
        checkpoint = Path(checkpoint) if checkpoint else None
        if not (checkpoint and checkpoint.exists()):
            _start(model, sample, learnt, config, start, fabric, Shaping(learnt, config, parts, align_to))
        loss = TrainingLoss(model, config, learnt, places, sample)
        history = History(model, psi.numpy(), heldout_psi, metric, progress, learnt if parts else None)
        descent = Descent(model, loss, config, fabric, generator, history, checkpoint, say)
        descent.run(batches, _fingerprint(model, sample, learnt, config, align_to))
        model.to("cpu").eval()
    return pd.DataFrame(history.rows)


def mirrored(psi: Float[Tensor, "n e"], coefficients: Sequence[str], both: bool = False) -> Float[Tensor, "_ e"]:
    """The same faces with left and right exchanged; `both` puts the originals before them.

    >>> mirrored(torch.tensor([[0.1, 0.2, 0.3]]), ("jawLeft", "jawOpen", "jawRight"))
    tensor([[0.3000, 0.2000, 0.1000]])
    """
    try:
        swapped = psi[:, mirror_permutation(coefficients)]
    except ValueError:
        raise UserError("These coefficients have a left without a right, so mirror must be false.") from None
    return torch.cat([psi, swapped]) if both else swapped


def split_subjects(
    subject_ids: Sequence[str] | np.ndarray, heldout: float | Sequence[str] = 0.25, seed: int = 0
) -> Bool[np.ndarray, " n"]:
    """Which frames are held out; a subject's frames are never on both sides.

    Arguments:
        subject_ids: Subject of each frame.
        heldout: Names of the subjects to hold out, or the share of the subjects, of which at least one is held out
            and at least one stays.
        seed: Seed of the choice; the order of the frames has no part in it.

    >>> split_subjects(["anna", "ben", "anna"], heldout=["ben"])
    array([False,  True, False])
    """
    frames = np.asarray(subject_ids, dtype=str)
    subjects = np.unique(frames)
    if isinstance(heldout, int | float):
        if not 0 < heldout < 1 or len(subjects) < 2:
            raise UserError(f"Holding out a share of {heldout} needs 0 < share < 1 and two subjects or more "
                            f"(here {len(subjects)}).")  # fmt: skip
        size = int(np.clip(round(heldout * len(subjects)), 1, len(subjects) - 1))
        chosen = np.random.default_rng(seed).permutation(subjects)[:size]
    else:
        chosen = np.asarray(list(heldout), dtype=str)
        unknown = sorted(set(chosen) - set(subjects))
        if unknown:
            raise UserError(f"There is no subject {unknown[0]!r} to hold out; the subjects are {', '.join(subjects)}.")
    held = np.isin(frames, chosen)
    if held.all():
        raise UserError("Every subject is held out and none is left to train on; name fewer in heldout.")
    return held


def _corpus(
    train_psi: np.ndarray | ParquetFrames, generator: torch.Generator
) -> tuple[Float[Tensor, "n e"], ParquetFrames | None]:
    """Frames in memory, and the stream of all of them where they are more than that."""
    if not isinstance(train_psi, ParquetFrames):
        return torch.as_tensor(np.ascontiguousarray(train_psi), dtype=torch.float32), None
    sample = train_psi.sample(SAMPLE, generator)
    return sample, train_psi if len(sample) == SAMPLE else None


def _mirrored_stream(
    stream: ParquetFrames, model: RvqVae, config: TrainConfig, generator: torch.Generator
) -> Iterator[Tensor]:
    """Batches of the stream; with `mirror`, half of each is the mirror image of the other half's neighbours."""
    for batch in stream.batches(config.batch_size, generator):
        half = len(batch) // 2 if config.mirror else len(batch)
        if half < len(batch):
            batch = torch.cat([batch[:half], mirrored(batch[half:], model.config.coefficients)])
        yield batch


def _start(
    model: RvqVae, psi: Tensor, metric: np.ndarray, config: TrainConfig, generator: torch.Generator, fabric: Fabric,
    shaping: Shaping,
) -> None:  # fmt: skip
    """The first rank makes the start, and all begin there."""
    if fabric.global_rank == 0:
        start_classically(model, psi, metric, config, generator, shaping)
    if fabric.world_size > 1:
        model.load_state_dict({name: fabric.broadcast(value) for name, value in model.state_dict().items()})


def _learnt_in(
    model: RvqVae, psi: np.ndarray, metric: np.ndarray, regions: Mapping[str, np.ndarray] | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The metric that the model is learnt in, and its parts by region, if it has any; the model notes their weights."""
    if model.config.metric == "mm":
        return metric, {}
    if regions is None:
        if model.config.coefficients != ACTIONS:
            raise UserError("A balanced metric needs the regions of the face: give their metrics, or use metric 'mm'.")
        head = anny_head()
        regions = {region: head.gram(region) for region in REGIONS}
    weights = balanced_weights(regions, psi, metric)
    model.config = replace(model.config, region_weights=tuple(weights.items()))
    parts = {region: weights[region] * gram for region, gram in regions.items()}
    return np.sum(list(parts.values()), axis=0), parts


def _one_device(config: TrainConfig) -> Fabric:
    cuda = config.device != "cpu" and torch.cuda.is_available()
    return Fabric(
        accelerator="cuda" if cuda else "cpu", devices=1, precision="bf16-mixed" if cuda and config.amp else "32-true"
    )


def _fingerprint(model: RvqVae, psi: Tensor, metric: np.ndarray, config: TrainConfig, align_to: RvqVae | None) -> str:
    """What a checkpoint must agree in to go on: settings, metric, frames, and the model at which training started."""
    settings = json.dumps([asdict(model.config), asdict(config)]).encode()
    known = b"" if align_to is None else b"".join(x.numpy(force=True).tobytes() for x in align_to.state_dict().values())
    return hashlib.sha256(settings + metric.tobytes() + psi.numpy().tobytes() + known).hexdigest()


def _checked(model: RvqVae, train_psi: np.ndarray, heldout_psi: np.ndarray, metric: np.ndarray) -> np.ndarray:
    n_coefficients = len(model.config.coefficients)
    for name, psi in (("train_psi", train_psi), ("heldout_psi", heldout_psi)):
        if psi.ndim != 2 or psi.shape[1] != n_coefficients:
            raise UserError(f"{name} must have {n_coefficients} columns, one for each coefficient, not {psi.shape}.")
        if not np.isfinite(psi).all():
            raise UserError(f"{name} has values that are not finite; leave out the frames that are not valid.")
    if len(train_psi) < 2:
        raise UserError(f"Training needs at least two frames, not {len(train_psi)}.")
    metric = np.asarray(metric, float)
    if metric.shape != (n_coefficients, n_coefficients) or not np.allclose(metric, metric.T):
        raise UserError(f"metric must be a symmetric {n_coefficients} x {n_coefficients} matrix in mm2.")
    return metric


@contextmanager
def _reproducible(seed: int, threads: int) -> Iterator[None]:
    """Fixed seed, threads and deterministic kernels inside; outside all is as before."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
