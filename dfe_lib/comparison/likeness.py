"""How far simulated people are from real ones: statistics of psi, person by person, side by side."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..blendshapes import REGIONS
from ..cohort.error_model import observed
from ..io.tables import REAL, SIMULATED
from ..morphable.metric import mesh_length, metric_root
from ..morphable.space import ExpressionSpace
from ..quantisation.corpus import Frames, joined

__all__ = ["OBSERVED", "compared_kinds", "likeness_actions", "likeness_table", "seen_as_filmed"]

OBSERVED = "simulated, as filmed"
"""Simulated people as the estimator would give them: what a real person's psi is to be compared with."""
STEP_S = 0.1
"""Speeds are over steps of this length, the cohort's, whatever the rate of a clip."""
STILL_MM = 0.5
"""A face nearer (rms) to what the person mostly shows is at rest."""
ACTIVE = 0.1
"""An action further from what the person mostly shows is in use."""
COMPONENTS = (1, 3, 10)
PEOPLE = 12
"""Simulated people who are compared: more would only take time."""


def compared_kinds(corpus: Frames, people: int = PEOPLE, seed: int = 0) -> dict[str, Frames]:
    """Real people, some of the simulated ones, and these as filmed; none where one kind is missing.

    Arguments:
        people: simulated ones. seed: of the estimator's errors.
    """
    real, simulated = (corpus[corpus.data == data] for data in (REAL, SIMULATED))
    if not len(real) or not len(simulated):
        return {}
    some = simulated.of(simulated.people[:people])
    return {REAL: real, SIMULATED: some, OBSERVED: seen_as_filmed(some, seed)}


def seen_as_filmed(frames: Frames, seed: int = 0) -> Frames:
    """The frames of simulated people with the estimator's errors of the cohort's error model."""
    shown = []
    for number, person in enumerate(frames.people):
        own = frames.of([person])
        shown.append(replace(own, psi=observed(own.psi.astype(float), own.time_s, seed + number)))
    return joined(shown)


def likeness_table(kinds: Mapping[str, Frames], space: ExpressionSpace) -> pd.DataFrame:
    """A row a statistic: its mean over the people of each kind of data, and the least and most of a real person.

    Spread is rms movement in mm about the person's mean, by region; `rest_share` the share of frames within 0.5 mm of
    what the person mostly shows (the median); `speed` the mean movement in a second, mm; `first_n` the share of the
    variance in so many principal components (mm2); `correlation` the mean size of the correlations of actions in use.

    Arguments:
        kinds: frames by kind of data; `real` is one of them.
        space: of psi, on a head.
    """
    assert space.head is not None
    grams = {region: space.head.gram(region) for region in REGIONS if region in space.head.regions}
    people = {data: pd.DataFrame([_statistics(frames.of([who]), space.metric, grams) for who in frames.people])
              for data, frames in kinds.items()}  # fmt: skip
    table = pd.DataFrame({data: rows.mean() for data, rows in people.items()})
    table[f"{REAL}_least"], table[f"{REAL}_most"] = people[REAL].min(), people[REAL].max()
    return table.rename_axis("statistic").reset_index()


def likeness_actions(kinds: Mapping[str, Frames], space: ExpressionSpace) -> pd.DataFrame:
    """A row a coefficient: share of frames in use, standard deviation and speed (a second), means over people."""
    columns = {}
    for data, frames in kinds.items():
        each = [_actions(frames.of([who])) for who in frames.people]
        for name, values in zip(("active", "spread", "speed"), np.mean(each, axis=0), strict=True):
            columns[f"{name}_{data}"] = values
    return pd.DataFrame({"action": list(space.names)} | columns)


def _statistics(
    frames: Frames, metric: Float[np.ndarray, "e e"], grams: Mapping[str, Float[np.ndarray, "e e"]]
) -> dict[str, float]:
    psi = frames.psi.astype(float)
    about, moved = psi - psi.mean(0), mesh_length(psi - np.median(psi, axis=0), metric)
    steps, seconds = _steps(frames)
    variance = np.linalg.eigvalsh(np.cov((psi @ metric_root(metric)).T))[::-1]
    used = np.flatnonzero(np.quantile(psi, 0.99, axis=0) - np.quantile(psi, 0.01, axis=0) > ACTIVE)
    together = np.abs(np.corrcoef(psi[:, used].T))[np.triu_indices(len(used), 1)]
    return (
        {"spread_mm": float(np.sqrt(np.square(mesh_length(about, metric)).mean()))}
        | {f"spread_mm, {name}": float(np.sqrt(np.square(mesh_length(about, g)).mean())) for name, g in grams.items()}
        | {"rest_share": float((moved < STILL_MM).mean())}
        | {"speed_mm_per_s": float((mesh_length(steps, metric) / seconds).mean())}
        | {f"first_{n}": float(variance[:n].sum() / variance.sum()) for n in COMPONENTS}
        | {"correlation": float(together.mean()), "actions_used": float(len(used))}
    )


def _actions(frames: Frames) -> Float[np.ndarray, "3 e"]:
    psi = frames.psi.astype(float)
    steps, seconds = _steps(frames)
    active = (np.abs(psi - np.median(psi, axis=0)) > ACTIVE).mean(0)
    return np.stack([active, psi.std(0), (np.abs(steps) / seconds[:, None]).mean(0)])


def _steps(frames: Frames) -> tuple[Float[np.ndarray, "n e"], Float[np.ndarray, " n"]]:
    """Changes of psi over about `STEP_S` within a clip, and how long they took."""
    tick = np.floor(frames.time_s / STEP_S + 1e-6)
    new = np.append(True, (np.diff(tick) != 0) | (frames.clip[1:] != frames.clip[:-1]))
    kept = frames[new]
    seconds = np.diff(kept.time_s)
    one = (kept.clip[1:] == kept.clip[:-1]) & (seconds > 0) & (seconds < 2 * STEP_S)
    return np.diff(kept.psi.astype(float), axis=0)[one], seconds[one]
