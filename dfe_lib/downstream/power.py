"""How many people a representation needs: the evaluation repeated on smaller studies drawn from one cohort."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError
from .cross_validation import fixed_vectors
from .evaluation import Evaluation, evaluate
from .metrics import METRICS
from .tasks import Task

__all__ = ["ENOUGH", "people_needed", "power_table"]

ENOUGH = 0.8
"""Power that counts as enough, as usual (Cohen 1988)."""


def power_table(
    matrices: Mapping[str, Float[np.ndarray, "n _"]],
    labels: pd.DataFrame,
    tasks: Sequence[Task],
    sizes: Sequence[int],
    repeats: int = 20,
    n_draws: int = 200,
    n_shuffles: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Each task's main score in studies of several sizes, people drawn at random from the cohort.

    Returns one row a task, representation and size: task, representation, metric, n_subjects, mean, ci_low, ci_high
    (each the average over the repeats: what a study of that size would report), power (share of the repeats that
    score better than 95 % of all shuffles of that size), constant, repeats. Intervals are no test: people who train
    each other's models are not independent, and of pure noise more than 5 % of intervals leave chance out.

    Arguments:
        matrices: vectors (n, d) of everyone by representation, one row a person.
        labels: one row a person.
        tasks: what is predicted; the first metric must have a chance level.
        sizes: numbers of people; the whole cohort differs between repeats in its folds alone.
        repeats: studies of each size.
        n_draws: of each study's bootstrap.
        n_shuffles: of each study's labels.
        seed: the same people, folds and draws for all representations.

    Raises:
        UserError: more people are asked for than there are, or a person has several rows.
    """
    if labels["subject_id"].duplicated().any():
        raise UserError("the power of a study is about people: give one row a person.")
    if max(sizes) > len(labels):
        raise UserError(f"the cohort has {len(labels)} people: leave out sizes above that.")
    main = [replace(task, metrics=task.metrics[:1]) for task in tasks]
    parts = []
    for size in sizes:
        studies = [_study(matrices, labels, main, size, n_draws, n_shuffles, [seed, size, k]) for k in range(repeats)]
        nulls = {key: np.concatenate([study.nulls[key] for study in studies]) for key in studies[0].nulls}
        parts += [_with_power(study.table, nulls) for study in studies]
    keys = ["task", "representation", "metric", "n_subjects"]
    columns = ["mean", "ci_low", "ci_high", "power", "constant"]
    return pd.concat(parts).groupby(keys, sort=False)[columns].mean().reset_index().assign(repeats=repeats)


def people_needed(power: pd.DataFrame, enough: float = ENOUGH) -> pd.DataFrame:
    """The smallest size from which on the power is enough, NaN where no size is; one row a task and representation.

    Arguments:
        power: rows of :func:`power_table`, with or without further columns that separate them, such as `effect`.
        enough: power asked for.

    >>> rows = {"task": "stress", "representation": "token words", "metric": "auc"}
    >>> people_needed(pd.DataFrame([rows | {"n_subjects": 20, "power": 0.3}, rows | {"n_subjects": 50, "power": 0.9}]))
         task representation metric  people
    0  stress    token words    auc    50.0
    """
    keys = [name for name in ("data", "effect", "task", "representation", "metric") if name in power]
    groups = power.groupby(keys, sort=False)[["n_subjects", "power"]]
    return groups.apply(_needed, enough).rename("people").reset_index()


def _study(
    matrices: Mapping[str, np.ndarray],
    labels: pd.DataFrame,
    tasks: Sequence[Task],
    size: int,
    n_draws: int,
    n_shuffles: int,
    seed: list[int],
) -> Evaluation:
    """One study with so many people of the cohort."""
    rng = np.random.default_rng(seed)
    people = np.sort(rng.permutation(len(labels))[:size])
    vectors = {name: fixed_vectors(matrix[people]) for name, matrix in matrices.items()}
    own = int(rng.integers(2**31))
    return evaluate(vectors, labels.iloc[people], tasks, n_draws=n_draws, n_shuffles=n_shuffles, seed=own)


def _with_power(table: pd.DataFrame, nulls: Mapping[tuple[str, str, str], np.ndarray]) -> pd.DataFrame:
    """The rows of the true labels, each with whether its score beats the shuffles'."""
    rows = table[table["control"] == "none"]
    power = []
    for task, name, metric, score in rows[["task", "representation", "metric", "mean"]].itertuples(index=False):
        sign = 1 if METRICS[metric].rises else -1
        power.append(float(sign * score > np.percentile(sign * nulls[task, name, metric], 95)))
    return rows.assign(power=power)


def _needed(rows: pd.DataFrame, enough: float) -> float:
    rows = rows.sort_values("n_subjects", ascending=False)
    reached = rows["n_subjects"][(rows["power"] >= enough).cummin()]
    return float(reached.min()) if len(reached) else float("nan")
