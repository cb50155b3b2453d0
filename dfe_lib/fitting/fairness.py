"""Does the fit serve everybody alike? Errors and faces found by skin tone, age, sex and face shape of rendered actors.

Actors are drawn so that these depend on nothing else: skin tone is no ancestry here, and light, pose, lens and
picture quality are the same for all groups but for chance. What differs is then the instrument, and chance, of which
the intervals speak. Actors are not people: a difference that is missing here may well be there in people.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..actors.benchmark_people import benchmark_people
from ..actors.benchmark_set import RenderedSet, rendered_set
from ..morphable.model import MM_PER_M, MorphableModel
from .benchmark import actor_psi
from .estimator import pretrained_estimator

__all__ = ["TRAITS", "actor_fairness", "errors_mm", "fairness_table"]

FOREHEAD, CHIN, CHEEKBONES = 10, 152, (234, 454)
"""Landmarks between which a face's height and width are measured."""
TRAITS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "skin tone": (("light", 41, np.inf), ("between", 10, 41), ("dark", -np.inf, 10)),
    "age": (("young", 0, 0.7), ("middle", 0.7, 0.82), ("old", 0.82, np.inf)),
    "sex": (("more male", -np.inf, 0.5), ("more female", 0.5, np.inf)),
    "face shape": (("wide", 0.93, np.inf), ("middle", 0.85, 0.93), ("long", -np.inf, 0.85)),
}
"""Groups of each trait, from and below which value, of about equal size but for skin tone, whose limits are those of
Chardon (1991); the first is the one that the others are compared with. Age is Anny's: 2/3 a young adult, 1 very old."""
VALUES = {"skin tone": "skin_tone", "age": "age", "sex": "sex", "face shape": "width_by_height"}
FOUND = "faces found"
DRAWS = 2000
INTERVAL = (2.5, 97.5)


Code = Callable[[Float[np.ndarray, "n 52"]], Float[np.ndarray, "n 52"]]
"""From psi to the psi that a code gives back."""


def actor_fairness(head: MorphableModel, codes: Mapping[str, Code], seed: int = 0) -> pd.DataFrame:
    """The error of psi, and of what each code of it gives back, against the truth: see :func:`fairness_table`.

    Arguments:
        head: Anny's. codes: by the name of the measure. seed: of the bootstrap.
    """
    actors, estimator = rendered_set(), pretrained_estimator()
    psi = np.zeros_like(actors.psi)
    for actor in np.unique(actors.actor):
        rows = actors.actor == actor
        psi[rows] = actor_psi(actors, rows, estimator)
    read = {"psi": psi} | {name: code(psi.astype(np.float32)) for name, code in codes.items()}
    errors = {name: errors_mm(values, actors.psi, head) for name, values in read.items()}
    return fairness_table(actors, errors, seed).assign(data="simulated")


def errors_mm(
    psi: Float[np.ndarray, "n 52"], truth: Float[np.ndarray, "n 52"], head: MorphableModel
) -> Float[np.ndarray, " n"]:
    """Mean error over the face of each frame, as in `benchmark.fit_accuracy`."""
    inside = head.region("face")
    weight = head.areas()[inside] / head.areas()[inside].sum()
    basis = head.expression[:, inside] * np.float32(MM_PER_M)
    blocks = [np.tensordot(part.astype(np.float32), basis, 1) for part in np.array_split(psi - truth, 16)]
    return np.concatenate([np.linalg.norm(moved, axis=2) @ weight for moved in blocks])


def fairness_table(actors: RenderedSet, errors: Mapping[str, Float[np.ndarray, " n"]], seed: int = 0) -> pd.DataFrame:
    """One row a measure, trait and group: measure, trait, group, actors, mean, ci_low, ci_high, and difference,
    difference_low, difference_high to the trait's first group (95 % intervals, bootstrap over actors).

    Arguments:
        actors: the benchmark's, whose people `actors.benchmark_people` describes.
        errors: in mm, frame by frame, by the name of the measure; the share of faces found is a measure as well.
        seed: of the bootstrap.
    """
    people = _measured(actors, errors)
    rows = []
    for measure in (*errors, FOUND):
        for trait, groups in TRAITS.items():
            values, place = people[measure].to_numpy(), people[VALUES[trait]].to_numpy()
            parts = {name: values[(place >= low) & (place < high)] for name, low, high in groups}
            rows += _rows(measure, trait, {name: part for name, part in parts.items() if len(part)}, seed)
    return pd.DataFrame(rows)


def _measured(actors: RenderedSet, errors: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row an actor: who it is, and its mean of every measure over expressive frames."""
    people = benchmark_people().set_index("actor")
    shown = pd.DataFrame({"actor": actors.actor, **errors})[~actors.neutral].groupby("actor")
    height = np.linalg.norm(actors.rest[:, FOREHEAD] - actors.rest[:, CHIN], axis=1)
    width = np.linalg.norm(actors.rest[:, CHEEKBONES[0]] - actors.rest[:, CHEEKBONES[1]], axis=1)
    found = shown.size().reindex(people.index, fill_value=0) / people["filmed"]
    shape = pd.Series(width / height)
    return people.join(shown.mean()).assign(**{FOUND: found, "width_by_height": shape.reindex(people.index)})


def _rows(measure: str, trait: str, parts: Mapping[str, np.ndarray], seed: int) -> list[dict[str, str | int | float]]:
    rng = np.random.default_rng(seed)
    draws = {name: rng.choice(part, (DRAWS, len(part))).mean(1) for name, part in parts.items()}
    first = next(iter(parts))
    rows: list[dict[str, str | int | float]] = []
    for name, part in parts.items():
        low, high = np.percentile(draws[name], INTERVAL)
        row = {"measure": measure, "trait": trait, "group": name, "actors": len(part), "mean": part.mean(),
               "ci_low": low, "ci_high": high}  # fmt: skip
        if name != first:
            low, high = np.percentile(draws[name] - draws[first], INTERVAL)
            row |= {"difference": part.mean() - parts[first].mean(), "difference_low": low, "difference_high": high}
        rows.append(row)
    return rows
