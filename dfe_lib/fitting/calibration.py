"""How sure the estimator is: sigma held against the errors on rendered actors, and what makes it right."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..actors.benchmark_set import RenderedSet, rendered_set
from ..blendshapes import ACTIONS
from ..io.tables import write_text
from ..morphable.procrustes import LAYOUT_68
from .estimator import CALIBRATION, FRONTAL, PRETRAINED, Estimate, ExpressionEstimator

__all__ = ["MOVING_PSI", "calibrate", "fit_calibration", "fit_cover", "fit_temperatures"]

MOVING_PSI = 0.05
"""An action that is estimated above this moves. Most actions of a frame rest, and their error is next to nothing."""
MIN_ROWS = 30
"""An action that moves in fewer frames gets the temperature of all actions."""
UNCOVERED = 0.98
"""Share of the actors' frames that is not to be called covered: nothing covers them."""
FOLDS = 5
SHARES = {"within_1_sigma": 1, "within_2_sigma": 2}


def fit_temperatures(
    error: Float[np.ndarray, "n 52"], sigma: Float[np.ndarray, "n 52"], moves: Bool[np.ndarray, "n 52"]
) -> Float[np.ndarray, "52"]:
    r"""What each action's sigma is to be multiplied by, over the frames in which it moves.

    With q the quantiles of $|e| / \sigma$, $T = \sqrt{q_{.683}\, q_{.954} / 2}$: errors have heavier tails than a
    Gaussian, so that no factor puts both .683 of them within one sigma and .954 within two, and this one is between.
    Where nothing moves, sigma stays as it is.

    >>> error = np.random.default_rng(0).normal(0, 0.2, (4000, 52))
    >>> fit_temperatures(error, np.full_like(error, 0.1), error < 9).round(1)[:3].tolist()
    [2.0, 2.0, 2.0]
    """
    ratio = np.abs(error) / sigma
    each = [ratio[moves[:, k], k] for k in range(ratio.shape[1])]
    whole = _temperature(ratio[moves]) if moves.any() else 1.0
    return np.array([_temperature(one) if len(one) >= MIN_ROWS else whole for one in each])


def _temperature(ratio: Float[np.ndarray, " n"]) -> float:
    one, two = np.quantile(ratio, [0.6827, 0.9545])
    return float(np.sqrt(one * two / 2))


def calibrate(folder: Path = PRETRAINED, actors: RenderedSet | None = None) -> None:
    """Fits temperatures, and the limit of what counts as covered, of every model of a folder on the rendered actors.

    They are stored beside its weights.

    Arguments:
        folder: with a folder each layout. actors: the benchmark's when None.
    """
    shown = actors or rendered_set()
    for layout in sorted(path.parent.name for path in folder.glob("*/config.json")):
        model = ExpressionEstimator.from_pretrained(folder / layout)
        found = {}
        for name in ("landmarks", "features")[: 1 + (model.features is not None)]:
            error, sigma, moves, _ = _errors(shown, model, name == "features")
            found[name] = fit_temperatures(error, sigma, moves).round(4).tolist()
        if model.features is not None:
            found["cover"] = fit_cover(shown, model)
        write_text(folder / layout / CALIBRATION, json.dumps(found) + "\n")


def fit_cover(actors: RenderedSet, model: ExpressionEstimator) -> list[float]:
    """How much the features of an uncovered face leave unexplained at most, and by how much its square grows with each
    square radian of a turn beyond FRONTAL.
    """
    parts = []
    for actor in np.unique(actors.actor):
        own = actors.only(actors.actor == actor)
        found = _estimated(own, model, features=True)
        clear = found.valid & ~own.neutral & (own.condition != "rendered_low_quality") & np.isfinite(found.unexplained)
        turned = np.maximum(np.square(found.angles[:, :2]).sum(1) - FRONTAL, 0)
        parts.append(np.stack([np.square(found.unexplained), turned])[:, clear])
    left, turned = np.concatenate(parts, 1)
    slope, straight = map(float, np.polyfit(turned, left, 1))
    growth = max(slope / straight, 0.0)
    limit = np.sqrt(np.quantile(left / (1 + growth * turned), UNCOVERED))
    return [round(float(limit), 4), round(float(growth), 4)]


def fit_calibration(
    actors: RenderedSet, estimator: ExpressionEstimator, small: ExpressionEstimator | None = None
) -> pd.DataFrame:
    """Share of the truths within one and two sigma, by part of the face: .683 and .954 where sigma is right.

    `sigma` says which: that of the networks, or `calibrated`, by temperatures that were fitted on the other actors
    (five folds). `moving` are the frames in which an action is estimated above MOVING_PSI, `all` those with a person's
    resting actions as well.

    Arguments:
        small: the estimator for 68 landmarks.
    """
    methods = {"ours": (estimator, True), "ours_landmarks": (estimator, False)}
    methods |= {"ours_68": (small, False)} if small is not None else {}
    rows = []
    for method, (model, features) in methods.items():
        error, sigma, moves, actor = _errors(actors, model, features)
        used = {"networks": sigma, "calibrated": _by_other_actors(error, sigma, moves, actor)}
        for name, width in used.items():
            ratio = np.abs(error) / width
            rows += [{"method": method, "sigma": name, **row} for row in _shares(ratio, moves)]
    return pd.DataFrame(rows)


def _by_other_actors(
    error: Float[np.ndarray, "n 52"], sigma: Float[np.ndarray, "n 52"], moves: Bool[np.ndarray, "n 52"],
    actor: Int[np.ndarray, " n"],
) -> Float[np.ndarray, "n 52"]:  # fmt: skip
    out = sigma.copy()
    for fold in range(FOLDS):
        own = actor % FOLDS == fold
        out[own] *= fit_temperatures(error[~own], sigma[~own], moves[~own])
    return out


def _shares(ratio: Float[np.ndarray, "n 52"], moves: Bool[np.ndarray, "n 52"]) -> list[dict[str, str | int | float]]:
    groups = np.array([re.split("[A-Z]", action)[0] for action in ACTIONS])
    rows = []
    for group in ("all", *dict.fromkeys(groups)):
        chosen = (groups == group) | (group == "all")
        for where, here in (("moving", moves), ("all", np.ones_like(moves))):
            values = ratio[:, chosen][here[:, chosen]]
            if not len(values):
                continue
            shares = {name: float((values < k).mean()) for name, k in SHARES.items()}
            rows.append({"actions": group, "frames": where, "n": len(values)} | shares)
    return rows


def _errors(
    actors: RenderedSet, model: ExpressionEstimator, features: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Error, the networks' own sigma, which actions move, and the actor, of all expressive frames."""
    parts = []
    for actor in np.unique(actors.actor):
        own = actors.only(actors.actor == actor)
        found = _estimated(own, model, features)
        here = found.valid & ~own.neutral
        sigma = found.sigma / model.temperatures[int(features)].numpy()
        moves = found.psi > MOVING_PSI
        parts.append(tuple(x[here] for x in (found.psi - own.psi, sigma, moves, own.actor)))
    error, sigma, moves, actor = (np.concatenate(column) for column in zip(*parts, strict=True))
    return error, sigma, moves, actor


def _estimated(own: RenderedSet, model: ExpressionEstimator, features: bool) -> Estimate:
    """Of one actor, by the neutral frames among them."""
    marks = own.landmarks if model.has_scores else own.landmarks[:, list(LAYOUT_68), :2]
    scores, known = own.scores if model.has_scores else None, own.features if features else None
    rest = own.neutral
    neutral = model.neutral_of_frames(
        marks[rest], None if scores is None else scores[rest], None if known is None else known[rest]
    )
    return model.estimate(marks, scores, neutral, known)
