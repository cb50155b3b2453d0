"""Figure of an own study: how well each label is predicted, by what, beside chance."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .theme import sns

__all__ = ["METRIC_WORDS", "READINGS", "main_scores", "own_scores"]

READINGS: dict[tuple[str, str], str] = {
    ("token words", "kept"): "tokens",
    ("token words", "removed"): "tokens, covariates taken out",
    ("covariates", "kept"): "covariates alone",
    ("covariates and token words", "kept"): "covariates and tokens",
    ("au words", "kept"): "action units, how often",
    ("au functionals", "kept"): "action units, how strongly",
    ("psi functionals", "kept"): "all 52 facial actions",
}
"""What a psychologist compares, by representation and whether covariates are taken out."""
METRIC_WORDS = {
    "auc": "AUC",
    "balanced_accuracy": "balanced accuracy",
    "pcc": "correlation r",
    "kappa": "weighted kappa",
}
WIDE, TALL = 3.3, 0.3


def main_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of recorded people by each task's main metric, the readings of `READINGS` alone, with a column `reading`."""
    real = scores[scores["data"] == "real"]
    main = real[real["metric"] == real.groupby("task")["metric"].transform("first")]
    keys = pd.Series(zip(main["representation"], main["confounds"], strict=True), index=main.index)
    return main.assign(reading=keys.map(READINGS)).dropna(subset="reading")


def own_scores(scores: pd.DataFrame, columns: int = 3) -> Figure:
    """A panel a label; points with 95 % intervals over people, grey bars the shuffled labels, dashed chance.

    Arguments:
        scores: rows of `downstream.csv` of recorded people. columns: of panels.
    """
    table = main_scores(scores)
    tasks = list(dict.fromkeys(table["task"]))
    names = [name for name in READINGS.values() if name in set(table["reading"])]
    columns = min(columns, len(tasks))
    rows = -(-len(tasks) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDE * columns + 2, rows * (TALL * len(names) + 1.2)), layout="constrained",
        squeeze=False, sharey=True,
    )  # fmt: skip
    for axis, task in zip(axes.flat, tasks, strict=False):
        _panel(axis, table[table["task"] == task], names)
    for axis in axes.flat[len(tasks) :]:
        axis.remove()
    axes[0, 0].set_yticks(range(len(names)), names, fontsize=9)
    axes[0, 0].invert_yaxis()
    handles = [
        Line2D([], [], color="#0072B2", marker="o", label="score, 95 % interval over people"),
        Line2D([], [], color="0.8", linewidth=5, label="labels shuffled"),
        Line2D([], [], color="0.4", linestyle="--", label="chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    sns.despine(figure)
    return figure


def _panel(axis: plt.Axes, table: pd.DataFrame, names: list[str]) -> None:
    styles: dict[str, dict[str, Any]] = {
        "shuffled": {"color": "0.8", "elinewidth": 5, "fmt": "none"},
        "none": {"color": "#0072B2", "fmt": "o", "markersize": 5},
    }
    for control, style in styles.items():
        here = table[table["control"] == control].set_index("reading").reindex(names)
        middle = here["mean"].to_numpy()
        spread = np.clip(np.abs(here[["ci_low", "ci_high"]].T.to_numpy() - middle), 0, None)
        axis.errorbar(middle, np.arange(len(names)), xerr=spread, **style)
    first = table.iloc[0]
    axis.axvline(first["constant"], linestyle="--", color="0.4", linewidth=1)
    people = int(first["n_subjects"])
    axis.set_title(f"{first['task']} ({people} people)", fontsize=10)
    axis.set_xlabel(METRIC_WORDS.get(first["metric"], first["metric"]), fontsize=9)
    low, high = (0, 1) if first["metric"] in ("auc", "balanced_accuracy") else (-1, 1)
    axis.set_xlim(low - 0.03, high + 0.03)
