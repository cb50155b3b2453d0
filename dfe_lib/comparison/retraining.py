"""The same method trained again, from other seeds and on a corpus with a little noise: what of a figure is chance."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError
from ..io.tables import REAL
from ..quantisation.corpus import Frames
from .face_code import FaceCode
from .reconstruction import FIRST_FOLD, compare
from .recovery import match_templates, recovery_table
from .rvqvae_code import TrainedCode
from .trainings import Training, fit_all

__all__ = [
    "AGAIN",
    "NOISE",
    "Reseeded",
    "compared_again",
    "reconstruction_over_seeds",
    "recovery_over_seeds",
    "spread",
    "trained_again",
    "training_table",
]

NOISE = 2e-4
"""Largest change of a coefficient in the noisy corpus: about what two machines make of one clip."""
AGAIN = 0.9
"""Cosine in the mesh metric from which a template has come again."""
FIRST, NOISY = "seed 0", "noise"
"""Names of the first training and of the one on the noisy corpus."""

Trainings = dict[str, dict[str, FaceCode]]
"""Trainings of each method by their names, `seed 0` first."""


@runtime_checkable
class Reseeded(FaceCode, Protocol):
    """A code whose training depends on a seed."""

    def reseeded(self, further: int) -> FaceCode:
        """The same method, not fitted yet, that many seeds further."""


def trained_again(
    codes: Mapping[str, FaceCode], names: Iterable[str], psi: Float[np.ndarray, "n e"],
    metric: Float[np.ndarray, "e e"], n_seeds: int, workers: int = 1,
) -> Trainings:  # fmt: skip
    """The trainings of some methods: the one there is, others from `n_seeds` - 1 further seeds, and one with noise.

    Arguments:
        codes: fitted methods by name.
        names: of those that are trained again; a name that is none of the codes is left out.
        psi: frames that they were fitted to.
        metric: mesh metric in mm2.
        n_seeds: 1 trains nothing again, the noisy corpus neither.
        workers: processes that train.
    """
    noise = np.random.default_rng(0).uniform(-NOISE, NOISE, psi.shape)
    corpora = {f"seed {seed}": (seed, psi) for seed in range(1, n_seeds)}
    if corpora:
        corpora[NOISY] = (0, (psi + noise).astype(psi.dtype))
    again: Trainings = {name: {FIRST: codes[name]} for name in names if name in codes}
    trainings = {
        (name, training): Training(_reseeded(codes[name], seed), frames, round(codes[name].bits))
        for name in again
        for training, (seed, frames) in corpora.items()
    }
    for (name, training), code in fit_all(trainings, metric, workers, "trained again").items():
        again[name][training] = code
    return again


def compared_again(
    again: Trainings, heldout: Mapping[str, Frames], metric: Float[np.ndarray, "e e"], folds: bool = False
) -> pd.DataFrame:
    """The table of reconstruction of every training, whose name is in the column `training`.

    Arguments:
        again: of :func:`trained_again`. heldout: frames by kind of data. metric: mesh metric in mm2.
        folds: whether real people are left out of folds as well: those here are then called `real, first fold`.
    """
    names = dict.fromkeys(training for trainings in again.values() for training in trainings)
    codes = {name: {method: trainings[name] for method, trainings in again.items()} for name in names}
    parts = [compare(codes[name], heldout, {"face": metric}, hold_mm=0.0)[0].assign(training=name) for name in names]
    table = pd.concat(parts or [pd.DataFrame()], ignore_index=True)
    return table.assign(data=table.data.replace(REAL, FIRST_FOLD)) if folds and len(table) else table


def training_table(again: Trainings, compared: pd.DataFrame, metric: Float[np.ndarray, "e e"]) -> pd.DataFrame:
    """A row a method, training and kind of data: held-out error, and the share of the first training's templates that
    come again (matched one to one, cosine of 0.9 or more).

    Of ours there is a row for `all` data as well, the frames that its history follows, with the error of its classical
    start.

    Arguments:
        compared: of :func:`compared_again`.
    """
    rows = []
    for method, trainings in again.items():
        first = np.asarray(trainings[FIRST].templates(), float)
        for training, code in trainings.items():
            same = match_templates(np.asarray(code.templates(), float), first, metric)[1] >= AGAIN
            label = {"method": method, "training": training, "templates_again": same.mean()}
            here = compared[(compared.method == method) & (compared.training == training)]
            rows += [label | row for row in here[["data", "error_mm"]].to_dict("records")]
            if isinstance(code, TrainedCode):
                watched = code.history.heldout_mm
                rows.append(label | {"data": "all", "error_mm": watched.iloc[-1], "start_mm": watched.iloc[0]})
    columns = ["method", "training", "data", "start_mm", "error_mm", "templates_again"]
    return pd.DataFrame(rows, columns=columns)


def reconstruction_over_seeds(table: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """The table of reconstruction with means over seeds, `error_mm_sd` and `n_seeds`, see :func:`spread`.

    Arguments:
        table: of :func:`~.reconstruction.compare`. compared: of :func:`compared_again`.
    """
    seeds = compared[~compared.training.isin([FIRST, NOISY])].drop(columns="training")
    return spread([table, seeds], ["method", "data"], ["error_mm"])


def recovery_over_seeds(
    table: pd.DataFrame, again: Trainings, planted: Float[np.ndarray, "p e"], metric: Float[np.ndarray, "e e"]
) -> pd.DataFrame:
    """The table of recovery with means over seeds, `cosine_sd`, `found_share_sd` and `n_seeds`, see :func:`spread`."""
    names = [str(place) for place in range(len(planted))]
    others = [recovery_table(codes, names, planted, metric)[0] for codes in _seeds(again)]
    return spread([table, *others], ["method"], ["cosine", "found_share"])


def spread(tables: Sequence[pd.DataFrame], keys: list[str], columns: list[str]) -> pd.DataFrame:
    """One table of several trainings' tables: means, with their standard deviations and how many there are.

    Arguments:
        tables: the first has all the rows, those of further seeds the rows of methods that were trained again.
        keys: columns that tell the rows of a table apart.
        columns: those that become a mean; `<column>_sd` is put behind each (NaN for one training), `n_seeds` behind
            all. The others are of the first table.

    >>> one = pd.DataFrame({"method": ["a", "b"], "error_mm": [1.0, 5.0]})
    >>> two = pd.DataFrame({"method": ["a"], "error_mm": [2.0]})
    >>> spread([one, two], ["method"], ["error_mm"])["error_mm"].tolist()
    [1.5, 5.0]
    """
    table = tables[0].copy()
    groups, rows = pd.concat(tables).groupby(keys), pd.MultiIndex.from_frame(table[keys])
    rows = rows if len(keys) > 1 else rows.get_level_values(0)
    for column in columns:
        table[column] = groups[column].mean().loc[rows].to_numpy()
        table.insert(list(table).index(column) + 1, f"{column}_sd", groups[column].std().loc[rows].to_numpy())
    return table.assign(n_seeds=groups.size().loc[rows].to_numpy())


def _seeds(again: Trainings) -> list[dict[str, FaceCode]]:
    """The methods of each further seed, by name."""
    names = dict.fromkeys(training for trainings in again.values() for training in trainings)
    return [
        {method: trainings[name] for method, trainings in again.items()} for name in names if name not in (FIRST, NOISY)
    ]


def _reseeded(code: FaceCode, further: int) -> FaceCode:
    if not isinstance(code, Reseeded):
        raise UserError("only methods that are trained from a seed can be trained again: leave the others out.")
    return code.reseeded(further)
