"""A person's events in a session, and the psi that they make: the truth of the simulated cohort."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from .displays import DISPLAYS, side_templates
from .effects import Shifts
from .people import SPREADS, TALKING_FACTOR, Person
from .sessions import GRID_HZ, TASKS, Schedule, task_rates

__all__ = ["EVENT_COLUMNS", "psi_of_events", "sample_events"]

EVENT_COLUMNS = ("display", "task", "start_s", "onset_s", "apex_s", "offset_s", "left", "right")
"""Of the events table: what, in which task, when it begins, for how long it rises, stays and falls, how strong."""

SPEECH = [i for i, display in enumerate(DISPLAYS) if display.group == "speech"]
MIN_RAMP_S = 0.03


def sample_events(person: Person, shifts: Shifts, schedule: Schedule, rng: np.random.Generator) -> pd.DataFrame:
    """All events of a session in the order of their beginning, columns `EVENT_COLUMNS`.

    Arguments:
        shifts: of the person's labels; they change the rates, and the times at equal counts and strengths.
    """
    # generators of their own: a change of the intervals alone leaves counts, strengths and speech as they are
    how_many, when, talk, speed, size = rng.spawn(5)
    counts = _counts(person, shifts, schedule, how_many)
    which, task = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    start = _beginnings(counts, which, task, person.regularity * np.exp(shifts.regularity), schedule, when)
    spoken, spoken_at = _syllables(person, schedule, talk)
    which, start = np.concatenate([which, spoken]), np.concatenate([start, spoken_at])
    task = np.concatenate([task, schedule.task_at(spoken_at)])
    times = _times(person, shifts, which, speed)
    sides = _strengths(person, which, size)
    names = np.array([display.name for display in DISPLAYS], object)
    events = pd.DataFrame({"display": names[which], "task": np.array([each.name for each in TASKS], object)[task],
                           "start_s": start, **times, **sides})  # fmt: skip
    return events.sort_values("start_s", kind="stable", ignore_index=True)


def psi_of_events(
    events: pd.DataFrame, rest: Float[np.ndarray, "52"], time_s: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n 52"]:
    r"""psi at these times: $\psi(t) = \mathrm{clip}(\psi_0 + \sum_e f_e(t) (l_e T^l_e + r_e T^r_e), 0, 1)$.

    Each event e rises and falls as half a cosine; $T$ are `repertoire.side_templates`.

    Arguments:
        events: of one session, columns `EVENT_COLUMNS`. rest: psi of the face at rest. time_s: rising.
    """
    first, last = np.searchsorted(time_s, events.start_s), np.searchsorted(time_s, _end(events))
    length = last - first
    event = np.repeat(np.arange(len(events)), length)
    frame = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + first[event]
    shape = _envelope(
        time_s[frame] - events.start_s.to_numpy()[event], events[list(EVENT_COLUMNS[3:6])].to_numpy()[event]
    )
    index = {display.name: i for i, display in enumerate(DISPLAYS)}
    display = events.display.map(index).to_numpy(int)[event]
    psi = np.tile(rest, (len(time_s), 1))
    for side, template in zip(("left", "right"), side_templates(), strict=True):
        weight = np.bincount(
            frame * len(DISPLAYS) + display, shape * events[side].to_numpy()[event], len(time_s) * len(DISPLAYS)
        )
        psi += weight.reshape(-1, len(DISPLAYS)) @ template
    return np.clip(psi, 0, 1)


def _counts(person: Person, shifts: Shifts, schedule: Schedule, rng: np.random.Generator) -> Int[np.ndarray, "k t"]:
    """Events of each display in each task; syllables come later."""
    grid = schedule.task_at(schedule.grid_s())
    counts = np.zeros((len(DISPLAYS), len(TASKS)), int)
    for row, display in enumerate(DISPLAYS):
        if display.group != "speech":
            open_min = np.bincount(grid, _openness(schedule, display.group == "mouth"), len(TASKS)) / GRID_HZ / 60
            log_rate = person.log_rates[row] + shifts.rates[row]
            counts[row] = rng.poisson(display.rate * task_rates(display.group) * open_min * np.exp(log_rate))
    return counts


def _openness(schedule: Schedule, mouth: bool) -> Float[np.ndarray, " g"]:
    """How fast a display's clock runs: slower in a mouth that talks."""
    return np.where(schedule.talking, TALKING_FACTOR if mouth else 1.0, 1.0)


def _beginnings(
    counts: Int[np.ndarray, "k t"], which: Int[np.ndarray, " n"], task: Int[np.ndarray, " n"],
    regularity: Float[np.ndarray, " k"], schedule: Schedule, rng: np.random.Generator,
) -> Float[np.ndarray, " n"]:  # fmt: skip
    share = _spaced(counts.ravel(), np.repeat(regularity, len(TASKS)), rng)
    is_mouth = np.array([display.group == "mouth" for display in DISPLAYS])[which]
    grid, start = schedule.task_at(schedule.grid_s()), np.zeros(len(share))
    for mouth in (False, True):
        here = is_mouth == mouth
        start[here] = _moments(np.cumsum(_openness(schedule, mouth)), grid, task[here], share[here])
    return start


def _spaced(
    counts: Int[np.ndarray, " c"], shape: Float[np.ndarray, " c"], rng: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Places in (0, 1) of the events of each cell: n + 1 gamma gaps over their sum, which for shape 1 is Poisson."""
    cell = np.repeat(np.arange(len(counts)), counts + 1)
    gaps = rng.gamma(shape[cell])
    total = np.cumsum(gaps)
    ends = np.cumsum(counts + 1) - 1
    before = np.concatenate([[0.0], total[ends[:-1]]])
    places = (total - before[cell]) / (total[ends] - before)[cell]
    return np.delete(places, ends)


def _moments(
    clock: Float[np.ndarray, " g"], grid: Int[np.ndarray, " g"], task: Int[np.ndarray, " n"],
    share: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:  # fmt: skip
    """Times at which a clock that may run slower in talk has gone so far through each task."""
    ticks = np.concatenate([[0.0], clock])
    edges = np.searchsorted(grid, np.arange(len(TASKS) + 1))
    low, high = ticks[edges[:-1]], ticks[edges[1:]]
    return np.interp(low[task] + share * (high - low)[task], ticks, np.arange(len(ticks)) / GRID_HZ)


def _syllables(
    person: Person, schedule: Schedule, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Mouth shapes and their beginnings: a regular process (gamma, shape 6) while the person talks."""
    rate = task_rates("speech")[schedule.task_at(schedule.grid_s())] * person.syllables / GRID_HZ
    clock = np.cumsum(np.where(schedule.talking, rate, 0.0))
    ticks = np.concatenate([[0.0], clock])
    gaps = rng.gamma(6.0, 1 / 6, int(1.5 * clock[-1]) + 20)
    at = np.cumsum(gaps)
    at = at[at < clock[-1]]
    shares = np.array([DISPLAYS[i].rate for i in SPEECH])
    return rng.choice(SPEECH, len(at), p=shares / shares.sum()), np.interp(at, ticks, np.arange(len(ticks)) / GRID_HZ)


def _times(
    person: Person, shifts: Shifts, which: Int[np.ndarray, " n"], rng: np.random.Generator
) -> dict[str, Float[np.ndarray, " n"]]:
    """Seconds of rise, apex and fall: ramps may be longer or shorter at the same area under the event."""
    median = np.array([(each.onset_s, each.hold_s, each.offset_s) for each in DISPLAYS])[which]
    onset, hold, offset = (
        median * np.exp(SPREADS.event_tempo * rng.standard_normal((len(which), 3)) + person.tempo[which, None])
    ).T
    ramps = np.exp(shifts.ramps[which])
    onset, offset = onset * ramps, offset * ramps
    hold = np.maximum(hold, MIN_RAMP_S)
    room = np.minimum(1.0, 2 * hold / (onset + offset))
    onset, offset = onset * room, offset * room
    return {"onset_s": onset, "apex_s": np.maximum(hold - (onset + offset) / 2, 0), "offset_s": offset}


def _strengths(
    person: Person, which: Int[np.ndarray, " n"], rng: np.random.Generator
) -> dict[str, Float[np.ndarray, " n"]]:
    count = len(which)
    median = np.array([each.level for each in DISPLAYS])[which]
    spoken = np.isin(which, SPEECH)
    spread = np.where(np.array([each.group in ("blink", "gaze") for each in DISPLAYS])[which], 0.1, SPREADS.event_level)
    level = median * np.exp(spread * rng.standard_normal(count) + person.level[which])
    level = np.clip(level * np.where(spoken, person.mouth, 1.0), 0.05, 1.0)
    lean = np.clip(person.lean + SPREADS.event_lean * rng.standard_normal(count), -0.5, 0.5)
    lean = np.where(np.array([each.group in ("blink", "gaze") for each in DISPLAYS])[which], 0.0, lean)
    alone = rng.random(count) < np.array([each.one_sided for each in DISPLAYS])[which]
    side = rng.random(count) < 0.5 + person.lean
    left, right = np.minimum(level * (1 + lean), 1), np.minimum(level * (1 - lean), 1)
    return {"left": np.where(alone, level * side, left), "right": np.where(alone, level * ~side, right)}


def _end(events: pd.DataFrame) -> pd.Series:
    return events.start_s + events.onset_s + events.apex_s + events.offset_s


def _envelope(since_s: Float[np.ndarray, " n"], times: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Between 0 and 1: half a cosine up, a plateau, half a cosine down."""
    onset, apex, offset = times.T
    rise = np.clip(since_s / onset, 0, 1)
    fall = np.clip((since_s - onset - apex) / offset, 0, 1)
    return (1 - np.cos(np.pi * rise)) / 2 * (1 + np.cos(np.pi * fall)) / 2
