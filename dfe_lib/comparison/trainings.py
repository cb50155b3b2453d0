"""Many codes fitted side by side, in processes of their own."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from joblib import Parallel, delayed

from ..io.progress import bar
from .face_code import FaceCode
from .implicit_code import ImplicitCode
from .rvqvae_code import TrainedCode

__all__ = ["Training", "fit_all"]

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Training:
    """A code, and what it is fitted to.

    Arguments:
        code: not fitted yet.
        psi: frames.
        bits: of a frame.
    """

    code: FaceCode
    psi: Float[np.ndarray, "n e"]
    bits: int


def fit_all(
    trainings: Mapping[Key, Training], metric: Float[np.ndarray, "e e"], workers: int = 1, title: str = ""
) -> dict[Key, FaceCode]:
    """The fitted codes by name; the same for any number of processes.

    Those that are trained by gradient steps are in `workers` processes, which later calls use again; the others
    meanwhile here, since what faiss has learnt cannot be sent.

    Arguments:
        trainings: by name.
        metric: mesh metric in mm2.
        workers: processes; 1 does everything here.
        title: of the progress bar.
    """
    sent = {name: each for name, each in trainings.items() if isinstance(each.code, TrainedCode | ImplicitCode)}
    pool = Parallel(workers, max_nbytes=None, return_as="generator")
    done = pool(delayed(_fitted)(each, metric) for each in sent.values())
    others = {name: _fitted(each, metric) for name, each in trainings.items() if name not in sent}
    found = others | dict(zip(sent, bar(done, desc=title, total=len(sent)), strict=True))
    return {name: found[name] for name in trainings}


def _fitted(training: Training, metric: Float[np.ndarray, "e e"]) -> FaceCode:
    return training.code.fit(training.psi, metric, training.bits)
