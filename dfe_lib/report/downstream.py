"""Figures of the downstream comparison: scores, people needed, and the words that a model reads."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..morphable.model import MorphableModel
from .clips import token_sheet
from .drawing import ink_on
from .names import people_name
from .theme import sns

__all__ = ["LINES", "needed_map", "power_curves", "score_dots", "word_cards"]

FAMILIES = {
    "token": "#0072B2",
    "au": "#D55E00",
    "psi": "#009E73",
    "mae_small": "#CC79A7",
    "videomae_small": "#CC79A7",
    "confounds": "#666666",
    "truth:": "#000000",
}
"""Colour of each kind of representation: the first word of its name."""
LINES = (
    "token words",
    "au functionals, OpenFace 17",
    "token words and runs",
    "au words, OpenFace 17",
    "au k-means words, OpenFace 17",
    "au functionals, all of FACS",
    "psi functionals",
    "confounds",
    "truth: display counts",
)
"""Representations whose power is measured, those with an interval first."""
STYLES = ("-", "--", ":", "-.", (0, (1, 3)), (0, (5, 4)), (0, (3, 1, 1, 1, 1, 1)))
MARKS = "osD^vPX"
TITLES = {
    "detectable": "effect in movements\nthat AU detectors report",
    "beyond": "effect in movements\nthat AU detectors do not report",
    "timing": "effect in timing alone",
    "all": "effect everywhere",
    "none": "no effect (null cohort)",
}
AXES = {"auc": "AUC", "pcc": "correlation with the label", "ccc": "CCC", "kappa": "weighted kappa"}


def score_dots(table: pd.DataFrame, effects: Sequence[str], tasks: Sequence[str]) -> Figure:
    """Each task's main score by representation, one colour an effect; grey bars are the shuffled controls.

    Arguments:
        table: rows of `downstream.csv` of one kind of data, frames and head; a task's first metric is its main one.
        effects, tasks: which of them are shown.
    """
    main = table[table["metric"] == table.groupby("task")["metric"].transform("first")]
    names = list(dict.fromkeys(main["representation"]))
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(3.1 * len(tasks) + 2, 0.42 * len(names) + 1.9), layout="constrained", sharey=True,
        squeeze=False,
    )  # fmt: skip
    shifts = np.linspace(-0.25, 0.25, len(effects)) if len(effects) > 1 else [0.0]
    for axis, task in zip(axes[0], tasks, strict=True):
        for effect, shift, colour, mark in zip(effects, shifts, sns.color_palette("colorblind"), MARKS, strict=False):
            rows = main[(main["task"] == task) & (main["effect"] == effect)]
            for control, style in (("shuffled", {"color": "0.85", "elinewidth": 5, "fmt": "none"}), ("none", {})):
                here = rows[rows["control"] == control].set_index("representation").reindex(names)
                spread = np.abs(here[["ci_low", "ci_high"]].T.to_numpy() - here["mean"].to_numpy())
                settings = {"fmt": mark, "color": colour, "markersize": 5, "elinewidth": 1.2} | style
                axis.errorbar(here["mean"], np.arange(len(names)) + shift, xerr=spread, **settings)
        axis.axvline(rows["constant"].iloc[0], linestyle="--", color="0.4", linewidth=1)
        axis.set(title=people_name(task), xlabel=AXES.get(rows["metric"].iloc[0], rows["metric"].iloc[0]))
    people = main.groupby("representation")["n_subjects"].max()
    few = {name: f" ({people[name]} people)" for name in names if people[name] < people.max()}
    axes[0, 0].set_yticks(range(len(names)), [people_name(name) + few.get(name, "") for name in names], fontsize=9)
    axes[0, 0].invert_yaxis()
    handles = [
        Line2D([], [], color=colour, marker=mark, linestyle="", label=TITLES.get(effect, effect).replace("\n", " "))
        for effect, colour, mark in zip(effects, sns.color_palette("colorblind"), MARKS, strict=False)
    ]
    handles += [
        Line2D([], [], color="0.85", linewidth=5, label="labels shuffled"),
        Line2D([], [], color="0.4", linestyle="--", label="chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"{_data_title(table)}; {int(table.n_subjects.max())} people, 95 % intervals", fontsize=11)
    sns.despine(figure)
    return figure


def power_curves(power: pd.DataFrame, shown: Sequence[str]) -> Figure:
    """Score against the number of people, a row a task, a column an effect; dashed is chance.

    Arguments:
        power: rows of `power.csv` of one kind of data.
        shown: representations that get a line, the first two with their intervals.
    """
    tasks, effects = list(dict.fromkeys(power["task"])), list(dict.fromkeys(power["effect"]))
    figure, axes = plt.subplots(
        len(tasks), len(effects), figsize=(3.5 * len(effects), 2.5 * len(tasks) + 1), layout="constrained",
        sharex=True, sharey="row", squeeze=False,
    )  # fmt: skip
    looks = _looks(shown)
    for row, task in enumerate(tasks):
        for column, effect in enumerate(effects):
            axis = axes[row, column]
            here = power[(power["task"] == task) & (power["effect"] == effect)]
            for name in shown:
                line = here[here["representation"] == name].sort_values("n_subjects")
                axis.plot(line["n_subjects"], line["mean"], markersize=4, **looks[name])
                if name in shown[:2]:
                    colour = looks[name]["color"]
                    axis.fill_between(line["n_subjects"], line["ci_low"], line["ci_high"], color=colour, alpha=0.13)
            axis.axhline(here["constant"].iloc[0], linestyle="--", color="0.4", linewidth=1)
            if row == 0:
                axis.set_title(TITLES.get(effect, effect), fontsize=10)
        axes[row, 0].set_ylabel(f"{people_name(task)}\n{AXES.get(here['metric'].iloc[0], here['metric'].iloc[0])}")
    sizes = sorted(power["n_subjects"].unique())
    for axis in axes[-1]:
        axis.set(xlabel="people in the study", xscale="log")
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
    handles = [Line2D([], [], markersize=4, label=people_name(name), **looks[name]) for name in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"{_data_title(power)}: score by number of people, bands are 95 % intervals", fontsize=11)
    sns.despine(figure)
    return figure


def needed_map(power: pd.DataFrame, needed: pd.DataFrame, enough: float) -> Figure:
    """How many people each representation needs for a power of `enough`, by effect and task.

    Arguments:
        power, needed: rows of `power.csv`, and of `people_needed.csv` made from them.
    """
    sizes = sorted(power["n_subjects"].unique())
    names = list(dict.fromkeys(needed["representation"]))
    columns = list(dict.fromkeys(zip(needed["effect"], needed["task"], strict=True)))
    table = needed.pivot_table("people", "representation", ["effect", "task"], dropna=False).reindex(names)[columns]
    level = np.where(table.isna(), len(sizes), np.searchsorted(sizes, table.fillna(0)))
    figure, axis = plt.subplots(figsize=(1.0 * len(columns) + 3.2, 0.36 * len(names) + 1.9), layout="constrained")
    image = axis.imshow(level, cmap="cividis_r", vmin=-0.5, vmax=len(sizes) + 0.5, aspect="auto")
    for (row, column), people in np.ndenumerate(table.to_numpy()):
        text = f">{sizes[-1]}" if np.isnan(people) else f"{people:.0f}"
        ink = ink_on(tuple(image.to_rgba(level)[row, column]))
        axis.text(column, row, text, ha="center", va="center", fontsize=9, color=ink)
    axis.set_xticks(range(len(columns)), [people_name(task).replace(" (", "\n(") for _, task in columns], fontsize=9)
    axis.set_yticks(range(len(names)), [people_name(name) for name in names], fontsize=9)
    per = len(columns) // len(dict.fromkeys(effect for effect, _ in columns))
    for start in range(0, len(columns), per):
        axis.text(start + (per - 1) / 2, -0.75, TITLES[columns[start][0]], ha="center", va="bottom", fontsize=9)
        axis.axvline(start - 0.5, color="white", linewidth=3)
    studies = ", ".join(map(str, sizes))
    axis.set_xlabel(f"smallest study (of {studies} people) with power {enough:g} against shuffled labels")
    axis.tick_params(length=0)
    sns.despine(figure, left=True, bottom=True)
    figure.suptitle(f"{_data_title(power)}: people needed", fontsize=11)
    return figure


def word_cards(
    head: MorphableModel,
    still: Float[np.ndarray, " e"],
    words: pd.DataFrame,
    templates: Float[np.ndarray, "k e"],
    planted: Mapping[str, Float[np.ndarray, " e"]],
) -> Figure:
    """A task's top tokens as cards with weight and interval, and below them the displays that were planted.

    Arguments:
        head: the mesh.
        still: psi of the face that no token moves.
        words: rows of `reading.word_weights`, those that are shown (at most 8).
        templates: change of psi by each of the words, in their order.
        planted: psi of the planted displays by title, strongest first.
    """
    titles = [f"{row.word}\n{row.weight:+.3f}\n[{row.ci_low:.3f}, {row.ci_high:.3f}]" for row in words.itertuples()]
    rows = np.vstack([templates, *(display[None] for display in planted.values())])
    titles += [title.replace(", ", "\n") for title in planted]
    figure = token_sheet(head, rows, still, [title.replace("_", " ") for title in titles])
    figure.suptitle(
        "Simulated people. First the tokens, each with its weight (probability for one sd more) and 95 % interval;\n"
        "then the displays that the label shifts, with the shift (Cohen's d; r where the label is a trait)",
        fontsize=10,
    )
    figure.axes[-1].locator_params(axis="y", integer=True)  # 7.5 would push the scale's label off the picture
    return figure


def _looks(names: Sequence[str]) -> dict[str, dict]:
    """Colour by kind, line and mark by place within the kind."""
    looks, seen = {}, dict.fromkeys(FAMILIES, 0)
    for name in names:
        kind = name.split()[0]
        place = seen.get(kind, 0)
        seen[kind] = place + 1
        looks[name] = {"color": FAMILIES.get(kind, "black"), "linestyle": STYLES[place % 7], "marker": MARKS[place % 7]}
    return looks


def _data_title(table: pd.DataFrame) -> str:
    observed = (table["data"] == "simulated_observed").all()
    return "Simulated people, coefficients as the estimator would read them" if observed else "Simulated people"
