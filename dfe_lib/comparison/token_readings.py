"""Displays in units of FACS: which units each amounts to, and which displays FACS has no word for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from ..action_units import ACTION_UNITS, AU_SETS, FULL
from ..blendshapes import REGIONS
from ..facs import au_basis, au_intensities
from ..morphable.metric import mesh_cosine, mesh_energy, mesh_length, metric_root
from ..morphable.model import MorphableModel
from ..quantisation.config import TrainConfig
from ..quantisation.rvqvae import RvqVae
from ..quantisation.training import train
from .templates import strongest_actions

__all__ = ["BEYOND", "retrained_templates", "token_shares", "token_stability", "token_units"]

BEYOND = 0.5
"""A display is beyond FACS when the units that detectors report explain less than this share of it (our choice)."""
MOST_UNITS = 4
ROUNDS = 5
"""Of the classical start of a training that only shows which tokens come again."""
LEAST_GAIN = 0.02
"""A further unit must explain this share of the display."""
DETECTED = tuple(sorted({code for name, codes in AU_SETS.items() if name != "facs" for code in codes} | {"AU28"}))
"""Units that at least one of the usual detectors reports."""
CANDIDATES = tuple(
    code
    for code, unit in ACTION_UNITS.items()
    if unit.actions and unit.number in {ACTION_UNITS[listed].number for listed in FULL}
)
"""The units of full FACS, each side by itself and both together."""


def token_units(templates: Float[np.ndarray, "k e"], head: MorphableModel) -> pd.DataFrame:
    r"""What each display does, in units of FACS. A unit may also become weaker, since tokens correct one another.

    Columns: display; rms_mm over the face; region (where it moves the face most); `reading`, at most four units with
    their strengths, found one after the other (orthogonal matching pursuit, Pati et al. 1993); `units`, their codes;
    `r2`, the share of its displacement that they explain, $1 - \|E(t - \sum_a x_a w_a)\|^2 / \|E t\|^2$;
    `r2_detectors`, the share that all units of the usual detectors together explain, where the actions that it
    strengthens and those that it weakens are each read as a face by :func:`~dfe_lib.facs.au_intensities`;
    `beyond_facs`, whether that is less than `BEYOND`; `actions`, the strongest ARKit actions.

    Arguments:
        templates: change of psi that each display makes (K, E), ARKit's actions.
        head: the mesh.
    """
    metric = head.gram()
    root = metric_root(metric)
    moved = templates @ root
    dictionary = au_basis(CANDIDATES)[1] @ root
    found = [_reading(token, dictionary) for token in moved]
    detectors = _detected(templates, metric)
    regions = np.stack([mesh_length(templates, head.gram(region)) for region in REGIONS], axis=1)
    return pd.DataFrame(
        {
            "display": np.arange(len(templates)),
            "rms_mm": mesh_length(templates, metric),
            "region": np.array(REGIONS)[regions.argmax(1)],
            "reading": [", ".join(f"{CANDIDATES[i]} {x:+.2f}" for i, x in units) for units, _ in found],
            "units": [" ".join(CANDIDATES[i] for i, _ in units) for units, _ in found],
            "r2": [share for _, share in found],
            "r2_detectors": detectors,
            "beyond_facs": detectors < BEYOND,
            "actions": strongest_actions(templates, head.names, metric),
        }
    )


def token_stability(
    templates: Float[np.ndarray, "k e"], others: Sequence[Float[np.ndarray, "l e"]], metric: Float[np.ndarray, "e e"]
) -> Float[np.ndarray, " k"]:
    """Mesh cosine of each display with its partner in other trainings, mean over them: 1 for one that always comes.

    Displays are matched one to one (Kuhn 1955) so that the sum of the cosines is largest; one without a partner gets 0.

    >>> token_stability(np.eye(2), [np.eye(2)[::-1], 3 * np.eye(2)], np.eye(2))
    array([1., 1.])
    """
    matched = np.zeros((len(others), len(templates)))
    for row, other in zip(matched, others, strict=True):
        cosine = mesh_cosine(templates, other, metric)
        rows, columns = linear_sum_assignment(-cosine)
        row[rows] = cosine[rows, columns]
    return matched.mean(0)


def retrained_templates(
    model: RvqVae,
    psi: Float[np.ndarray, "n e"],
    metric: Float[np.ndarray, "e e"],
    count: int,
    frames: int,
    seed: int = 0,
) -> list[Float[np.ndarray, "k e"]]:
    """Displays of models of the same shape, each from its own seed and its own draw of the frames.

    They are started classically and not trained on: a few seconds each, and most of what a codebook becomes.

    Arguments:
        psi: training frames. count: of models. frames: drawn for each, with replacement.
    """
    found = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        again = RvqVae(model.config, seed=seed + number)
        settings = TrainConfig(steps=0, start_rounds=ROUNDS, start_frames=frames, seed=seed + number)
        drawn = psi[rng.integers(len(psi), size=frames)]
        train(again, drawn, drawn[:0], metric, settings)
        found.append(again.display_templates())
    return found


def token_shares(tokens: Int[np.ndarray, "n m"], count: int) -> Float[np.ndarray, " k"]:
    """Share of the frames in which each token, or display, occurs; -1 is none.

    >>> token_shares(np.array([[0, -1], [0, 1]]), 3)
    array([1. , 0.5, 0. ])
    """
    here = np.zeros((len(tokens), count + 1), bool)
    np.put_along_axis(here, tokens.astype(int), True, axis=1)
    return here[:, :count].sum(0) / max(len(tokens), 1)


def _reading(
    token: Float[np.ndarray, " d"], dictionary: Float[np.ndarray, "c d"]
) -> tuple[list[tuple[int, float]], float]:
    """(Unit, strength) in the order found, and the share explained."""
    total = float(token @ token)
    if not total:
        return [], 0.0
    directions = _unit(dictionary)
    chosen: list[int] = []
    strengths, left, share = np.empty(0), token, 0.0
    while len(chosen) < MOST_UNITS:
        tried = [*chosen, int(np.abs(directions @ left).argmax())]
        fitted = np.linalg.lstsq(dictionary[tried].T, token, rcond=None)[0]
        rest = token - fitted @ dictionary[tried]
        explained = 1 - float(rest @ rest) / total
        if explained - share < LEAST_GAIN:
            break
        chosen, strengths, left, share = tried, fitted, rest, explained
    return [(unit, float(x)) for unit, x in zip(chosen, strengths, strict=True)], share


def _detected(templates: Float[np.ndarray, "k e"], metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, " k"]:
    """Share of each token that the units of detectors explain; what comes and what goes are each read as a face.

    With strengths of any sign, blown cheeks would be counted as explained: by less of the dimpler and the chin, which
    nobody who sees blown cheeks would say.
    """
    weights = au_basis(DETECTED)[1]
    explained = sum(
        sign * au_intensities(np.maximum(sign * templates, 0), metric, DETECTED) @ weights for sign in (1.0, -1.0)
    )
    return 1 - mesh_energy(templates - explained, metric) / np.maximum(mesh_energy(templates, metric), 1e-12)


def _unit(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
