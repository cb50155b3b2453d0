"""Figures of the comparison: error against bits, error against sparsity, what was recovered."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from .names import people_name
from .theme import sns

__all__ = ["error_against_area", "error_against_bits", "recovery_bars"]

COLOURS = {"dfe": "#D55E00", "faiss": "#0072B2", "au": "#CC79A7"}
OTHERS = "#555555"
LOCAL = 25
"""Per cent of the face; a template should move less."""
TITLES = {"real": "real people, each left out once", "real, first fold": "one real man, left out",
          "simulated": "simulated people"}  # fmt: skip


def error_against_bits(table: pd.DataFrame, unit: str = "mm") -> Figure:
    """Held-out error of every method over its bits (columns of `reconstruction.csv`), a panel for each kind of data.

    Methods with several rows of one kind of data are drawn as a line; several seeds as their mean, with a bar of one
    standard deviation to either side where the table has it.
    """
    table = table.assign(error_mm_sd=table.get("error_mm_sd", np.nan))
    kinds = list(dict.fromkeys(table["data"]))
    figure, axes = plt.subplots(1, len(kinds), figsize=(6.1 * len(kinds), 4.6), layout="constrained", squeeze=False)
    for axis, kind in zip(axes[0], kinds, strict=True):
        groups = table[table["data"] == kind].groupby(["method", "bits"], sort=False, as_index=False)
        here = groups[["error_mm", "error_mm_sd"]].mean()
        ends = []
        for method, rows in here.groupby("method", sort=False):
            rows = rows.sort_values("bits")
            colour = _colour(str(method))
            bits, error, deviation = (rows[name].to_numpy(float) for name in ("bits", "error_mm", "error_mm_sd"))
            axis.errorbar(bits, error, deviation, marker="o", markersize=4, linewidth=1, color=colour)
            ends.append((rows["error_mm"].iloc[-1], rows["bits"].iloc[-1], str(method), colour))
        _label(axis, ends)
        axis.set(xlabel="bits a frame", ylabel=f"held-out error ({unit}, rms over the face)", xlim=(0, None))
        _plain_log(axis)
        axis.set_title(TITLES.get(kind, kind), fontsize=10)
    sns.despine(figure)
    return figure


def error_against_area(table: pd.DataFrame) -> Figure:
    """Held-out error over how much of the face the median template moves: the frontier of sparsity and precision."""
    figure, axis = plt.subplots(figsize=(7.6, 4.6), layout="constrained")
    ends = []
    for row in table.itertuples():
        axis.scatter(100 * row.median_area, row.error_mm, color=_colour(row.method), s=28)
        ends.append((row.error_mm, 100 * row.median_area, row.method, _colour(row.method)))
    _label(axis, ends)
    axis.axvline(LOCAL, color="0.6", linestyle="--", linewidth=1)
    axis.text(LOCAL, 1.01, "a quarter of the face", transform=axis.get_xaxis_transform(), fontsize=7.5, color="0.4",
              ha="center")  # fmt: skip
    axis.set(xlabel="face moved by more than 0.5 mm by the median template (%)", xlim=(0, None))
    axis.set_ylabel("held-out error (mm), simulated people")
    _plain_log(axis)
    sns.despine(figure)
    return figure


def recovery_bars(table: pd.DataFrame) -> Figure:
    """Mean cosine of the planted displays with the templates matched to them, by method (columns of `recovery.csv`).

    A grey line is the most that a method with so few templates can reach, a ring its mean cosine where a template may
    stand for several displays. Black bars are one standard deviation over trainings where the table has it.
    """
    table = table.sort_values("cosine", ascending=False)
    figure, axis = plt.subplots(figsize=(9.5, 0.32 * len(table) + 1.2), layout="constrained")
    labels = [f"{people_name(row.method)} ({row.templates} templates)" for row in table.itertuples()]
    axis.barh(labels, table["cosine"], xerr=table.get("cosine_sd"), color=[_colour(name) for name in table["method"]])
    axis.plot(
        table["found_share"], labels, "D", color="black", markersize=4, label="share with a cosine of 0.85 or more"
    )
    few = table["most"] < 1
    axis.scatter(table["most"][few], np.flatnonzero(few), marker="|", s=160, color="0.45", linewidths=2,
                 label="most that so few templates can reach")  # fmt: skip
    axis.plot(table["best_cosine"], labels, "o", color="black", fillstyle="none", markersize=6,
              label="mean cosine, templates used again")  # fmt: skip
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="mean cosine with planted displays\n(simulated people)")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    sns.despine(figure)
    return figure


def _colour(method: str) -> str:
    return next((colour for start, colour in COLOURS.items() if method.startswith(start)), OTHERS)


def _plain_log(axis: plt.Axes) -> None:
    """A logarithmic error axis whose ticks are plain numbers."""
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axis.yaxis.set_minor_locator(NullLocator())


def _label(axis: plt.Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Names beside the ends of the lines, in a column at the right, pushed apart where one would cover another."""
    ends = sorted(ends)
    wanted = np.log([end[0] for end in ends])
    gap = max(0.045 * (wanted[-1] - wanted[0]), 1e-3)
    places = gap * np.arange(len(ends)) + np.maximum.accumulate(wanted - gap * np.arange(len(ends)))
    axis.margins(x=0.08, y=0.08)
    for (y, x, name, colour), place in zip(ends, np.exp(places), strict=True):
        axis.annotate(
            people_name(name), (x, y), xytext=(1.03, place), textcoords=axis.get_yaxis_transform(), fontsize=7.5,
            color=colour, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.4, "alpha": 0.6, "relpos": (0, 0.5)},
        )  # fmt: skip
