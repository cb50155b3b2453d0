"""Every real person left out once: codes that have not seen a person, and their errors over people."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..io.tables import REAL, write_csv
from ..morphable.metric import mesh_energy, mesh_length
from ..quantisation.config import TrainConfig
from ..quantisation.corpus import Frames
from ..quantisation.metrics import error_mm
from ..quantisation.rvqvae import RvqVae
from .baselines import ResidualCode
from .face_code import FaceCode
from .implicit_code import ImplicitCode
from .rvqvae_code import TrainedCode
from .trainings import Training, fit_all

__all__ = ["Fold", "fit_folds", "left_out_people", "left_out_table", "read_folds", "write_folds"]

FOLDS = "folds"
"""Folder of the folds' models beside the model itself, and column of their table of people."""
RIVAL = "faiss_rq"
"""Ratios of errors are to this one's."""
PRECISE = "implicit"
"""The method that gives up fixed templates."""
DRAWS = 2000


@dataclass(frozen=True)
class Fold:
    """Real people, and by method the codes that were fitted without them.

    Arguments:
        frames: of the people left out.
        codes: fitted to the frames of the others, and of simulated people.
    """

    frames: Frames
    codes: Mapping[str, FaceCode]


def fit_folds(
    ours: TrainedCode, codes: Mapping[str, FaceCode], corpus: Frames, count: int, at_most: int, real_weight: float,
    steps: int, metric: Float[np.ndarray, "e e"], workers: int = 1,
) -> list[Fold]:  # fmt: skip
    """Real people in folds by ours, and by faiss' residual quantiser and implicit codebooks where the codes have them.

    All are fitted to the same frames.

    People held out of the codes' own training are the first fold; the others need trainings of their own.

    Arguments:
        ours: the code that every fold trains anew. codes: by name, fitted to the corpus; `ours` is one of them.
        corpus: frames of all people.
        count: folds at most; 0 for none.
        at_most, real_weight: see `Frames.training`.
        steps: gradient steps of ours in a fold.
        metric: mesh metric in mm2.
        workers: processes that train.
    """
    first = corpus[corpus.heldout & (corpus.data == REAL)]
    compared = {name: codes[name] for name in (ours.name, RIVAL, PRECISE) if name in codes}
    folds = [Fold(first, compared)] if count and len(first) else []
    others = corpus.folds(count - len(folds))
    brief = replace(ours.training, steps=steps, patience=0)
    trainings = {
        (number, name): Training(code, psi, ours.config.bits)
        for number, psi in enumerate(fold.training(at_most, real_weight) for fold in others)
        for name, code in _untrained(ours, brief).items()
        if name in compared
    }
    fitted = fit_all(trainings, metric, workers, "folds")
    for number, fold in enumerate(others):
        codes_of = {name: fitted[number, name] for name in compared}
        folds.append(Fold(corpus[fold.heldout & ~corpus.heldout], codes_of))
    return folds


def _untrained(ours: TrainedCode, training: TrainConfig) -> dict[str, FaceCode]:
    """The methods of a fold."""
    size = ours.codebook_size
    return {ours.name: TrainedCode(ours.config, training), RIVAL: ResidualCode(size), PRECISE: ImplicitCode(size)}


def write_folds(folder: Path, folds: Sequence[Fold], ours: str) -> None:
    """Writes ours of each fold beside the model, and `folds.csv`: which of them has not seen whom.

    Arguments:
        folder: of the model itself, which is fold 0 where it has not seen the people of the first fold.
        ours: name of our code.
    """
    shutil.rmtree(folder / FOLDS, ignore_errors=True)
    rows = []
    for number, fold in enumerate(folds):
        code = fold.codes[ours]
        assert isinstance(code, TrainedCode)
        code.model.save_pretrained(folder / FOLDS / str(number))
        rows += [{"subject_id": person, "fold": number} for person in fold.frames.people]
    write_csv(folder / f"{FOLDS}.csv", pd.DataFrame(rows, columns=["subject_id", "fold"]))


def read_folds(folder: Path) -> list[tuple[list[str], RvqVae]]:
    """Of each fold the people left out, and our model that has not seen them; none where there are no folds."""
    path = folder / f"{FOLDS}.csv"
    people = pd.read_csv(path, dtype={"subject_id": str}) if path.exists() else pd.DataFrame({"fold": []})
    return [
        (list(rows.subject_id), RvqVae.from_pretrained(folder / FOLDS / str(number)))
        for number, rows in people.groupby("fold")
    ]


def left_out_people(folds: Sequence[Fold], metric: Float[np.ndarray, "e e"]) -> pd.DataFrame:
    """A row a method and real person: frames, error_mm, `moved_mm` (what a still face would err), share explained."""
    rows = []
    for fold in folds:
        for method, code in fold.codes.items():
            decoded = np.asarray(code.decode(code.encode(fold.frames.psi)), float)
            error, left = error_mm(fold.frames.psi, decoded, metric), mesh_energy(fold.frames.psi - decoded, metric)
            moved, whole = mesh_length(fold.frames.psi, metric), mesh_energy(fold.frames.psi, metric)
            for person in fold.frames.people:
                here = fold.frames.subject == person
                rows.append(
                    {"method": method, "bits": code.bits, "data": REAL, "subject_id": person, "frames": int(here.sum()),
                     "moved_mm": moved[here].mean(), "error_mm": error[here].mean(),
                     "explained": 1 - left[here].sum() / whole[here].sum()}
                )  # fmt: skip
    return pd.DataFrame(rows).sort_values(["method", "subject_id"], ignore_index=True)


def left_out_table(people: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """A row a method: the mean error over people, each counting alike, and its ratio to faiss' residual quantiser's.

    Intervals (95 %) are bootstrapped over people, the same draws for all methods; NaN where there is no rival.

    Arguments:
        people: of :func:`left_out_people`.
    """
    errors = people.pivot_table(index="subject_id", columns="method", values="error_mm")
    rng, count = np.random.default_rng(seed), len(errors)
    draws = rng.multinomial(count, np.full(count, 1 / count), DRAWS) / count
    rival = errors[RIVAL].to_numpy() if RIVAL in errors else np.full(count, np.nan)
    rows = []
    for method in errors:
        values = errors[method].to_numpy()
        rows.append(
            {"method": method, "data": REAL, "people": count, "error_mm": values.mean()}
            | _interval("error", draws @ values)
            | {"ratio": values.mean() / rival.mean()}
            | _interval("ratio", (draws @ values) / (draws @ rival))
        )
    return pd.DataFrame(rows)


def _interval(name: str, drawn: Float[np.ndarray, " d"]) -> dict[str, float]:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {f"{name}_low": float(low), f"{name}_high": float(high)}
