"""The tables of the fit's benchmark, from the shipped estimators, the benchmark's actors and a run's real clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..actors.benchmark_set import CHANNELS, MOVING, RenderedSet, rendered_set
from ..io.tables import N_LANDMARKS, main_face, read_arrays, read_at
from ..morphable.model import MorphableModel
from .benchmark import Predictions, fit_accuracy, fit_channels, fit_leakage, fit_speed, predictions
from .calibration import fit_calibration
from .estimator import pretrained_estimator
from .fairness import errors_mm, fairness_table
from .stability import fit_real, fit_smoothing

__all__ = ["FitReport", "fit_report"]

MIN_FRAMES = 50
MOST_FRAMES = 9000
"""The first so many of a clip's faces are judged: five minutes."""


@dataclass(frozen=True)
class FitReport:
    """What the benchmark measured.

    Arguments:
        tables: `fit_accuracy`, `fit_calibration`, `fit_leakage`, `fit_channels`, `fit_speed`, `fit_fairness`,
            `fit_smoothing` and `fit_real` by name.
        actors: the rendered test actors. found: psi of every method on them.
    """

    tables: dict[str, pd.DataFrame]
    actors: RenderedSet
    found: Predictions


def fit_report(head: MorphableModel, frames: Path) -> FitReport:
    """The fit's whole benchmark.

    Arguments:
        head: Anny's head.
        frames: folder of frames tables from FaceLandmarker; clips of fewer than MIN_FRAMES faces are left out.
    """
    strong = rendered_set(CHANNELS)
    actors, estimator, small = rendered_set(), pretrained_estimator(), pretrained_estimator("68")
    found = predictions(actors, head, estimator)
    methods = {"psi": "ours", "calibrated scores": "blendshapes_calibrated"}
    errors = {name: errors_mm(found[method], actors.psi, head) for name, method in methods.items()}
    rendered = {
        "fit_accuracy": fit_accuracy(actors, found, head, small),
        "fit_calibration": fit_calibration(actors, estimator, small),
        "fit_leakage": fit_leakage(actors, found, estimator),
        "fit_channels": _channels({"test": (actors, found), "strong": (strong, predictions(strong, head, estimator))}),
        "fit_speed": fit_speed(actors, head, estimator),
        "fit_fairness": fairness_table(actors, errors),
        "fit_smoothing": fit_smoothing(rendered_set(MOVING), head, estimator),
    }
    real = {"fit_real": fit_real(_clips(frames), head, estimator)}
    for table in rendered.values():
        table.insert(0, "data", "simulated")
    return FitReport(rendered | real, actors, found)


def _channels(sets: Mapping[str, tuple[RenderedSet, Predictions]]) -> pd.DataFrame:
    """Every action by the test actors' everyday mixture, and by actors who make each of them often and strongly."""
    tables = {name: fit_channels(actors, found) for name, (actors, found) in sets.items()}
    return pd.concat([table.assign(actors=name) for name, table in tables.items()], ignore_index=True)


def _clips(frames: Path) -> dict[str, tuple[np.ndarray, ...]]:
    clips = {}
    for path in sorted(frames.glob("*.parquet")):
        key = read_arrays(path, ["face_id", "detected"])
        here = np.flatnonzero(key["detected"] & (key["face_id"] == main_face(path)))[:MOST_FRAMES]
        if len(here) >= MIN_FRAMES:
            table = read_at(path, here, ["time_s", "landmarks", "blendshapes", "features"])
            landmarks = table["landmarks"].reshape(-1, N_LANDMARKS, 3)
            clips[path.stem] = (landmarks, *(table[name] for name in ("blendshapes", "features", "time_s")))
    return clips
