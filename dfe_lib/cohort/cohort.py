"""A simulated cohort: people who behave, with everything known. It shows what a method can recover, not what people do.

Every number follows from the seed, the person's index and the settings; a person does not depend on how many others
there are, but for the labels, which are spread evenly over the cohort.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float
from scipy.stats import betabinom

from ..blendshapes import ACTIONS
from ..errors import UserError
from ..io.tables import SIMULATED, atomic_path, expressions_schema, table_writer, write_text
from .effects import WHERE, effect_shifts
from .events import EVENT_COLUMNS, psi_of_events, sample_events
from .people import Person, sample_person
from .sessions import TASKS, Schedule, sample_schedule

__all__ = ["TRAITS", "CohortConfig", "Session", "cohort_expressions", "people_table", "simulate_person",
           "write_cohort"]  # fmt: skip

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
DEPRESSED = 10
"""PHQ-8 from which a person counts as depressed (Kroenke et al. 2009)."""
TRAIT_MEAN, TRAIT_SPREAD = 0.5, 0.13
"""Of the traits, about as in the labels of ChaLearn First Impressions."""
SEVERITY = (24, 0.73, 1.98)
"""Beta-binomial PHQ-8 of mean 6.5 and standard deviation 5.7, about as in the interviews of DAIC-WOZ."""
CONFIG = "cohort.json"
FRONT_END = "simulated, Anny"


@dataclass(frozen=True)
class CohortConfig:
    """Settings of a cohort.

    Arguments:
        people: how many. minutes: of each session. fps: frames a second.
        effect_size: multiplies every effect of stress, depression and personality; 0 is the null cohort.
        effect_where: what the effects live in: `"detectable"` action units, movements `"beyond"` them, `"timing"`
            alone, or `"all"`.
        seed: of everything.
    """

    people: int
    minutes: float | int
    fps: float | int
    effect_size: float | int = 1.0
    effect_where: str = "all"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.people < 0 or self.minutes <= 0 or self.fps <= 0:
            raise UserError("a cohort needs people >= 0, minutes > 0 and fps > 0.")
        if self.effect_where not in WHERE:
            raise UserError(f"effect_where must be one of {', '.join(WHERE)}, not {self.effect_where!r}.")


@dataclass(frozen=True)
class Session:
    """One person's session.

    Arguments:
        psi: (n, 52) exact expressions. time_s: (n,). task: (n,) names. talking: (n,).
        events: every display: what, when, how strong (`behaviour.EVENT_COLUMNS`). psi follows from them and `rest`.
        person: the person's row of :func:`people_table`. rest: (52,) psi of the face at rest.
        seed: for whoever observes the session with chance, such as `observation.observed`.
    """

    psi: Float[np.ndarray, "n 52"]
    time_s: Float[np.ndarray, " n"]
    task: np.ndarray
    talking: Bool[np.ndarray, " n"]
    events: pd.DataFrame
    person: dict[str, object]
    rest: Float[np.ndarray, "52"]
    seed: int

    @property
    def subject_id(self) -> str:
        return str(self.person["subject_id"])


def people_table(config: CohortConfig) -> pd.DataFrame:
    """One row a person: the labels, and talking as a covariate.

    Columns: subject_id, stress (1: the session is held under stress), phq8 (0 to 24), depressed (phq8 of 10 and
    more), the five traits in [0, 1], and talking_share of the session.

    >>> int(people_table(CohortConfig(4, 1, 10)).stress.sum())
    2
    """
    table = _labels(config).copy()
    schedules = [_schedule(config, index, _person(config, index)) for index in range(config.people)]
    return table.assign(talking_share=[float(schedule.talking.mean()) for schedule in schedules])


def simulate_person(config: CohortConfig, index: int) -> Session:
    """The session of one person, 0 <= index < config.people.

    >>> simulate_person(CohortConfig(2, 0.5, 10), 1).psi.shape
    (300, 52)
    """
    if not 0 <= index < config.people:
        raise UserError(f"there is no person {index} in a cohort of {config.people}.")
    person, schedule, events = _behaviour(config, index)
    time_s = np.arange(round(schedule.seconds * config.fps)) / config.fps
    row: dict[str, object] = {str(name): _plain(value) for name, value in _labels(config).iloc[index].items()}
    row["talking_share"] = float(schedule.talking.mean())
    task = np.array([each.name for each in TASKS], object)[schedule.task_at(time_s)]
    psi = psi_of_events(events, person.rest, time_s).astype(np.float32)
    return Session(
        psi, time_s, task, schedule.talking_at(time_s), events, row, person.rest, 100_003 * config.seed + index
    )


def write_cohort(config: CohortConfig, folder: Path, workers: int = 1) -> None:
    """Writes a cohort: `cohort.json`, and if it has people `people.parquet`, `events.parquet`, `expressions/`.

    The expressions of each person are a table as `tables.expressions_schema` describes it, with the task and whether
    the person talks. What another cohort left in the folder is removed.

    Arguments:
        workers: processes; the files do not depend on it.
    """
    for stale in (*cohort_expressions(folder), folder / "people.parquet", folder / "events.parquet"):
        stale.unlink(missing_ok=True)
    if config.people:
        with _pool(workers) as pool, _table_of_events(folder / "events.parquet") as write_events:
            mapped = map if pool is None else pool.map
            people = []
            for row, events in mapped(_write_person, repeat(config), range(config.people), repeat(folder)):
                write_events(events)
                people.append(row)
        _write_people(pd.DataFrame(people), folder / "people.parquet")
    write_text(folder / CONFIG, json.dumps(asdict(config)) + "\n")


def cohort_expressions(folder: Path) -> list[Path]:
    """Expressions tables of a cohort's people; none where the cohort is empty."""
    return sorted((folder / "expressions").glob("*.parquet"))


def _behaviour(config: CohortConfig, index: int) -> tuple[Person, Schedule, pd.DataFrame]:
    shifts = effect_shifts(_steps(config, index), config.effect_where, config.effect_size)
    person = _person(config, index)
    schedule = _schedule(config, index, person)
    return person, schedule, sample_events(person, shifts, schedule, np.random.default_rng([config.seed, index, 3]))


def _person(config: CohortConfig, index: int) -> Person:
    return sample_person(np.random.default_rng([config.seed, index, 1]))


def _schedule(config: CohortConfig, index: int, person: Person) -> Schedule:
    return sample_schedule(config.minutes, np.random.default_rng([config.seed, index, 2]), person.talkative)


@cache
def _labels(config: CohortConfig) -> pd.DataFrame:
    """Labels; behaviour is drawn from other generators, so that in the null cohort it knows nothing of them."""
    count, rng = config.people, np.random.default_rng([config.seed, 0, 0, 4])
    spread_evenly = (rng.permutation(count) + rng.random(count)) / max(count, 1)
    phq8 = betabinom.ppf(spread_evenly, *SEVERITY).astype(int)
    stress = rng.permutation(np.arange(count) % 2)
    traits = np.clip(TRAIT_MEAN + TRAIT_SPREAD * rng.standard_normal((count, len(TRAITS))), 0, 1)
    names = [f"sim{config.seed:03d}_{index:04d}" for index in range(count)]
    table = pd.DataFrame({"subject_id": names, "stress": stress, "phq8": phq8, "depressed": phq8 >= DEPRESSED})
    return table.assign(**dict(zip(TRAITS, traits.T, strict=True)))


def _steps(config: CohortConfig, index: int) -> dict[str, float]:
    """How far a person is from the population's mean, see `conditions.effect_shifts`."""
    row = _labels(config).iloc[index]
    steps = {name: (row[name] - TRAIT_MEAN) / TRAIT_SPREAD for name in TRAITS}
    return steps | {"stress": row.stress - 0.5, "depression": (row.phq8 - _severity()[0]) / _severity()[1]}


@cache
def _severity() -> tuple[float, float]:
    """Mean PHQ-8, and how far the depressed are above the others."""
    scores = np.arange(SEVERITY[0] + 1)
    share = betabinom.pmf(scores, *SEVERITY)
    high = scores >= DEPRESSED
    means = [np.average(scores[part], weights=share[part]) for part in (high, ~high)]
    return float(scores @ share), float(means[0] - means[1])


def _write_person(config: CohortConfig, index: int, folder: Path) -> tuple[dict[str, object], pd.DataFrame]:
    session = simulate_person(config, index)
    subject, count = session.subject_id, len(session.time_s)
    schema = expressions_schema(ACTIONS, FRONT_END)
    for name, kind in (("task", pa.string()), ("talking", pa.bool_())):
        schema = schema.append(pa.field(name, kind, nullable=False))
    with table_writer(folder / "expressions" / f"{subject}.parquet", schema) as table:
        table.write({
            "clip_id": subject, "subject_id": subject, "face_id": 0, "frame": np.arange(count),
            "time_s": session.time_s, "data": SIMULATED, "psi": session.psi, "residual_mm": np.nan, "valid": True,
            "task": session.task, "talking": session.talking,
        })  # fmt: skip
    return session.person | {"rest": session.rest}, session.events.assign(subject_id=subject)


def _write_people(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as partial:
        pq.write_table(pa.Table.from_pandas(table.assign(data=SIMULATED), preserve_index=False), partial)


@contextmanager
def _table_of_events(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Appends each person's events to one file."""
    strings = [pa.field(name, pa.string()) for name in ("subject_id", "data", *EVENT_COLUMNS[:2])]
    schema = pa.schema([*strings, *(pa.field(name, pa.float64()) for name in EVENT_COLUMNS[2:])])
    with atomic_path(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        yield lambda events: writer.write_table(
            pa.Table.from_pandas(events.assign(data=SIMULATED)[schema.names], schema, preserve_index=False)
        )


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor | None]:
    if workers <= 1:
        yield None
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool


def _plain(value: Any) -> object:
    return value.item() if isinstance(value, np.generic) else value
