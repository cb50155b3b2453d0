"""Figures of the simulated cohort: a person's session, people as they were filmed, the cohort beside its targets."""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..blendshapes import ACTIONS
from ..cohort.cohort import Session
from ..cohort.displays import DISPLAYS
from ..cohort.filmed import FilmedPerson
from ..morphable.model import MorphableModel
from ..morphable.rendering import turn
from .drawing import drawn_heads
from .theme import sns

__all__ = ["filmed_sheet", "session_figure", "summary_figure"]

N_HEADS, N_ROWS = 7, 24
TALK, BEYOND, WITHIN = "#999999", "#D55E00", "#0072B2"


def session_figure(session: Session, head: MorphableModel) -> Figure:
    """A session from top to bottom: heads at strong displays, when each display is shown, and psi."""
    figure = plt.figure(figsize=(11, 10), layout="constrained")
    grid = figure.add_gridspec(3, N_HEADS, height_ratios=[1.5, 3.4, 3])
    shown = _shown(session.events)
    frames = _strong_frames(shown, session)
    heads = drawn_heads(head, session.psi[[frame for frame, _ in frames]], view=turn())
    for column, ((frame, name), picture) in enumerate(zip(frames, heads, strict=True)):
        axis = figure.add_subplot(grid[0, column])
        axis.imshow(picture)
        axis.set_title(f"{name.replace('_', ' ')}\n{session.time_s[frame]:.0f} s", fontsize=8)
        axis.axis("off")
    _display_rows(figure.add_subplot(grid[1, :]), shown, session)
    _psi_rows(figure.add_subplot(grid[2, :]), figure, session)
    figure.suptitle(f"Simulated person {session.subject_id}: displays that the person shows, and psi", fontsize=11)
    return figure


def filmed_sheet(films: Sequence[FilmedPerson]) -> Figure:
    """Rendered frames of each filmed person, a row each."""
    columns = max(len(film.pictures) for film in films)
    figure, axes = plt.subplots(len(films), columns, figsize=(1.05 * columns, 1.2 * len(films)), squeeze=False,
                                layout="constrained")  # fmt: skip
    for row, film in zip(axes, films, strict=True):
        for axis, (time_s, picture) in zip(row, film.pictures, strict=False):
            axis.imshow(picture)
            axis.set_title(f"{time_s:.1f} s", fontsize=8)
        for axis in row:
            axis.axis("off")
    figure.suptitle("Simulated people as they were rendered for the detector", fontsize=10)
    return figure


def summary_figure(summary: pd.DataFrame) -> Figure:
    """What the cohort was set to and what it shows, with 95 % intervals; columns of `cohort_summary`."""
    kinds = {"blinks a minute, ": "Blinks a minute", "between-person share, ": "Between-person share",
             "d, ": "Effects of stress and depression (d)", "r, ": "Correlations with traits (r)"}  # fmt: skip
    parts = {title: _part(summary, start) for start, title in kinds.items()}
    figure, axes = plt.subplots(2, 2, figsize=(12, 11), height_ratios=[18, 19], layout="constrained")
    for axis, (title, part) in zip(axes.ravel(), parts.items(), strict=True):
        places = np.arange(len(part))
        reach = np.abs(part[["ci_low", "ci_high"]].to_numpy() - part[["measured"]].to_numpy()).T
        axis.errorbar(part.measured, places, xerr=reach, fmt="o", ms=4, lw=1, color=WITHIN, label="simulated cohort")
        axis.plot(part.set_to, places, "D", ms=5, mfc="none", color=BEYOND, label="set to")
        axis.set_yticks(places, part.name, fontsize=8)
        axis.set_ylim(len(part) - 0.4, -0.6)
        axis.set_title(title, fontsize=10)
        axis.axvline(0, color="0.8", lw=0.8, zorder=0)
    axes[0, 0].legend(fontsize=8, loc="upper left")
    sns.despine(figure)
    figure.suptitle("Simulated cohort beside the figures that it was set to (95 % intervals over people)", fontsize=11)
    return figure


def _part(summary: pd.DataFrame, start: str) -> pd.DataFrame:
    part = summary[summary.statistic.str.startswith(start)]
    return part.assign(name=part.statistic.str.removeprefix(start).str.replace("_", " "))


def _shown(events: pd.DataFrame) -> pd.DataFrame:
    """Events but gaze and speech, strongest side, with their ends."""
    groups = {display.name: display.group for display in DISPLAYS}
    shown = events[~events.display.map(groups).isin(["gaze", "speech"])]
    end_s = shown.start_s + shown.onset_s + shown.apex_s + shown.offset_s
    return shown.assign(strength=shown[["left", "right"]].max(axis=1), end_s=end_s)


def _strong_frames(shown: pd.DataFrame, session: Session) -> list[tuple[int, str]]:
    """Frames at the middle of the strongest event of different displays, in order of time, one for each stretch."""
    chosen: list[tuple[int, str]] = []
    usable = shown[(shown.display != "blink") & (shown.end_s < session.time_s[-1])]
    for low, high in pairwise(np.linspace(0, session.time_s[-1], N_HEADS + 1)):
        here = usable[usable.start_s.between(low, high) & ~usable.display.isin([name for _, name in chosen])]
        if len(here):
            event = here.loc[here.strength.idxmax()]
            middle = event.start_s + event.onset_s + event.apex_s / 2
            chosen.append((int(np.searchsorted(session.time_s, middle)), str(event.display)))
    return chosen


def _display_rows(axis: plt.Axes, shown: pd.DataFrame, session: Session) -> None:
    beyond = {display.name: display.beyond_facs for display in DISPLAYS}
    names = shown.display.value_counts().index[:N_ROWS].tolist()
    for row, name in enumerate(names):
        own = shown[shown.display == name]
        colour = BEYOND if beyond[name] else WITHIN
        axis.barh(np.full(len(own), row), own.end_s - own.start_s, left=own.start_s, height=0.75 * own.strength,
                  color=colour, linewidth=0.4, edgecolor=colour)  # fmt: skip
    talk = np.flatnonzero(np.diff(np.r_[False, session.talking, False].astype(int)))
    step = session.time_s[1] - session.time_s[0]
    axis.broken_barh([(a * step, (b - a) * step) for a, b in talk.reshape(-1, 2)], (len(names) - 0.3, 0.6), color=TALK)
    axis.set_yticks(range(len(names) + 1), [*(name.replace("_", " ") for name in names), "talking"], fontsize=8)
    axis.set_ylim(len(names) + 0.5, -1.6)
    _task_names(axis, session, -1.0)
    axis.set_title("Displays: height is strength; orange ones the usual AU detectors do not report", fontsize=9)


def _psi_rows(axis: plt.Axes, figure: Figure, session: Session) -> None:
    busiest = np.argsort(session.psi.std(0))[::-1][:N_ROWS]
    rows = np.sort(busiest)
    image = axis.imshow(session.psi[:, rows].T, aspect="auto", cmap="viridis", vmin=0, vmax=1,
                        interpolation="antialiased", extent=(0, session.time_s[-1], len(rows) - 0.5, -0.5))  # fmt: skip
    axis.set_yticks(range(len(rows)), [ACTIONS[i] for i in rows], fontsize=7)
    axis.set_xlabel("time (s)")
    axis.set_title("psi: the actions that move most", fontsize=9)
    figure.colorbar(image, ax=axis, label="coefficient", shrink=0.8, pad=0.01)


def _task_names(axis: plt.Axes, session: Session, height: float) -> None:
    edges = np.flatnonzero(session.task[1:] != session.task[:-1]) + 1
    bounds = [0, *edges, len(session.task)]
    for low, high in pairwise(bounds):
        middle = session.time_s[(low + high - 1) // 2]
        axis.text(middle, height, str(session.task[low]).replace("_", " "), ha="center", va="center", fontsize=9)
        axis.axvline(session.time_s[low], color="0.85", lw=0.8, zorder=0)
    axis.set_xlim(0, session.time_s[-1])
