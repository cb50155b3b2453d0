"""The downstream study on simulated people: every representation, task, place of the effect and number of people."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from ..cohort.cohort import CohortConfig, simulate_person
from .cohort_vectors import DATA, FRAMES, CohortReader, CohortVectors, cohort_vectors
from .cross_validation import Vectors, fixed_vectors, subject_folds, without_confounds
from .evaluation import Evaluation, compare, evaluate
from .masked_autoencoders import MaskedAutoencoder
from .picture_vectors import simulated_vectors
from .power import power_table
from .tasks import Task, tasks_of
from .weights import word_weights

__all__ = ["NULL", "StudySettings", "StudyTables", "simulated_study"]

Matrices = dict[str, Float[np.ndarray, "n _"]]
NULL = "none"
"""Name of the cohort without any effect."""
WORDS = "token words"
"""The representation that the others are compared with, and whose weights are read."""
TRAINED = 4 / 5
"""Share of a study's people who are trained on, in five folds: they choose the vocabulary."""


@dataclass(frozen=True)
class StudySettings:
    """Sizes of the study.

    Arguments:
        sizes: numbers of people whose power is measured. repeats: studies of each size.
        divisions: into five folds, averaged. draws: of each bootstrap. shuffles: of the labels.
        powered: representations whose power is measured and that the other linear models are tried on; all when empty.
        main: tasks whose power is measured.
        read: label columns whose words are read.
        linear_model_effects: effects on which logistic regression and the linear SVM are tried beside ridge.
        pictured: people who are rendered for encoders of pictures, which takes long. picture_effects: where.
        seed: of folds, draws and shuffles.
    """

    sizes: tuple[int, ...] = (20, 50, 100, 200)
    repeats: int = 20
    divisions: int = 2
    draws: int = 1000
    shuffles: int = 20
    powered: tuple[str, ...] = ()
    main: tuple[str, ...] = ("stress", "phq8", "personality")
    read: tuple[str, ...] = ("stress", "phq8", "extraversion")
    linear_model_effects: tuple[str, ...] = ("detectable",)
    pictured: int = 0
    picture_effects: tuple[str, ...] = ("beyond",)
    seed: int = 0


@dataclass(frozen=True)
class StudyTables:
    """What the study finds.

    Arguments:
        downstream: rows of `downstream.Evaluation`, with data, effect, frames and whether confounds are removed.
        comparisons: each representation less the token words, paired.
        power: rows of `power.power_table`, with data and effect.
        words: rows of `reading.word_weights`, with effect and label.
    """

    downstream: pd.DataFrame
    comparisons: pd.DataFrame
    power: pd.DataFrame
    words: pd.DataFrame


def simulated_study(
    cohort: CohortConfig,
    effects: Sequence[str],
    reader: CohortReader,
    settings: StudySettings,
    workers: int = 1,
    encoders: Mapping[str, MaskedAutoencoder] | None = None,
) -> StudyTables:
    """The same people with the effect in several places, and with none; the same for any number of processes.

    Arguments:
        cohort: its effect is replaced by each of `effects`.
        effects: where the effect lives, as `cohort.CohortConfig` takes it; `"none"` is the null cohort.
        reader: fitted on other people.
        settings: sizes.
        workers: processes; an effect is the work of one.
        encoders: of pictures, by the names of their representations.
    """
    run = partial(_one_effect, cohort, reader, settings, encoders or {})
    if workers == 1:
        parts = [run(effect) for effect in effects]
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            parts = list(pool.map(run, effects))
    names = ("downstream", "comparisons", "power", "words")
    return StudyTables(*(pd.concat([getattr(part, name) for part in parts], ignore_index=True) for name in names))


def _one_effect(
    cohort: CohortConfig,
    reader: CohortReader,
    settings: StudySettings,
    encoders: Mapping[str, MaskedAutoencoder],
    effect: str,
) -> StudyTables:
    config = replace(cohort, **({"effect_size": 0.0} if effect == NULL else {"effect_where": effect}))
    torch.set_num_threads(1)
    with threadpool_limits(1):
        everyone = cohort_vectors(config, reader)
        worded = {key: _worded(each, reader, cohort.people) for key, each in everyone.matrices.items()}
        people = replace(everyone, matrices=worded)
        tasks = tasks_of(people.people.columns)
        scores, comparisons = _scores(people, tasks, effect, settings)
        if settings.pictured and encoders and effect in settings.picture_effects:
            seen, compared = _pictured(config, everyone, tasks, reader, encoders, settings)
            scores, comparisons = pd.concat([scores, seen]), pd.concat([comparisons, compared])
        power = _power(everyone, tasks, reader, settings)
        words = _words(people, reader, settings)
    tables = (scores, comparisons, power, words)
    return StudyTables(*(table.assign(effect=effect) if len(table) else table for table in tables))


def _worded(matrices: Matrices, reader: CohortReader, people: int) -> Matrices:
    """The token words in the vocabulary for so many people, which has no second row."""
    chosen = _chosen(reader, people)
    return {name: matrices[chosen if name == WORDS else name] for name in matrices if name != chosen}


def _chosen(reader: CohortReader, people: int) -> str:
    return reader.words_for(int(TRAINED * people))


def _pictured(
    config: CohortConfig,
    people: CohortVectors,
    tasks: Sequence[Task],
    reader: CohortReader,
    encoders: Mapping[str, MaskedAutoencoder],
    settings: StudySettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of picture encoders on the first people, compared with these people's token words."""
    count = min(settings.pictured, config.people)
    matrices = simulated_vectors(encoders, (simulate_person(config, index) for index in range(count)), settings.seed)
    words = people.matrices[DATA[0], FRAMES[0]][_chosen(reader, count)][:count]
    vectors = {name: fixed_vectors(matrix) for name, matrix in {WORDS: words, **matrices}.items()}
    done = _evaluated(vectors, people.people[:count], tasks, settings, shuffles=settings.shuffles)
    about = {"data": DATA[0], "frames": FRAMES[0], "confounds": "kept"}
    return done.table.query("representation != @WORDS").assign(**about), compare(done, WORDS).assign(**about)


def _scores(
    people: CohortVectors, tasks: Sequence[Task], effect: str, settings: StudySettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    tables, comparisons = [], []
    for (data, frames), matrices in people.matrices.items():
        vectors = {name: fixed_vectors(matrix) for name, matrix in matrices.items()}
        whole = frames == FRAMES[0]
        about = {"data": data, "frames": frames, "confounds": "kept"}
        done = _evaluated(vectors, people.people, tasks, settings, shuffles=settings.shuffles if whole else 0)
        tables.append(done.table.assign(**about))
        if not whole:
            continue
        comparisons.append(compare(done, WORDS).assign(**about))
        confounds = vectors["confounds"]
        cleaned = {name: without_confounds(each, confounds) for name, each in vectors.items() if name != "confounds"}
        tables.append(
            _evaluated(cleaned, people.people, tasks, settings).table.assign(**about | {"confounds": "removed"})
        )
        if effect in settings.linear_model_effects:
            binary = [task for task in tasks if task.kind == "binary"][:1]
            few = {name: vectors[name] for name in settings.powered or vectors if name in vectors}
            others = [
                _evaluated(few, people.people, binary, settings, linear_model=name) for name in ("logistic", "svm")
            ]
            tables += [each.table.assign(**about) for each in others]
    return pd.concat(tables), pd.concat(comparisons)


def _evaluated(
    vectors: Mapping[str, Vectors],
    people: pd.DataFrame,
    tasks: Sequence[Task],
    settings: StudySettings,
    linear_model: str = "ridge",
    shuffles: int = 0,
) -> Evaluation:
    divisions = settings.divisions if linear_model == "ridge" else 1
    folds = [subject_folds(people["subject_id"], seed=settings.seed + k) for k in range(divisions)]
    return evaluate(vectors, people, tasks, folds, linear_model, settings.draws, shuffles, settings.seed)


def _power(people: CohortVectors, tasks: Sequence[Task], reader: CohortReader, settings: StudySettings) -> pd.DataFrame:
    parts = [pd.DataFrame()]
    main = [task for task in tasks if task.name in settings.main]
    for (data, frames), everything in people.matrices.items():
        for size in settings.sizes if frames == FRAMES[0] and settings.repeats else ():
            matrices = _worded(everything, reader, size)
            chosen = {name: matrices[name] for name in settings.powered or matrices if name in matrices}
            table = power_table(chosen, people.people, main, [size], settings.repeats, seed=settings.seed)
            parts.append(table.assign(data=data))
    return pd.concat(parts)


def _words(people: CohortVectors, reader: CohortReader, settings: StudySettings) -> pd.DataFrame:
    (data, _), matrices = next(iter(people.matrices.items()))
    names = reader.names(_chosen(reader, len(people.people)), data)
    parts = [
        word_weights(matrices[WORDS], names, people.people[label].to_numpy(float), settings.draws // 10, settings.seed)
        for label in settings.read
    ]
    return pd.concat([part.assign(label=label, data=data) for label, part in zip(settings.read, parts, strict=True)])
