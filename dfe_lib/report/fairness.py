"""Figure of who is served how well: errors and faces found by group of rendered actors."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .theme import sns

__all__ = ["fairness_dots"]

AXES = {"faces found": "faces found (share)"}


def fairness_dots(table: pd.DataFrame) -> Figure:
    """Each measure by group, with 95 % intervals over actors; a column a trait, a row a measure.

    Arguments:
        table: rows of `fitting.fairness.fairness_table`.
    """
    measures, traits = list(dict.fromkeys(table["measure"])), list(dict.fromkeys(table["trait"]))
    figure, axes = plt.subplots(
        len(measures), len(traits), figsize=(2.3 * len(traits), 1.9 * len(measures) + 0.5), layout="constrained",
        sharey="row", squeeze=False,
    )  # fmt: skip
    for row, measure in enumerate(measures):
        for column, trait in enumerate(traits):
            axis = axes[row, column]
            here = table[(table["measure"] == measure) & (table["trait"] == trait)]
            spread = np.abs(here[["ci_low", "ci_high"]].T.to_numpy() - here["mean"].to_numpy())
            axis.errorbar(range(len(here)), here["mean"], yerr=spread, fmt="o", color="#0072B2")
            names = [f"{group}\n({count})" for group, count in zip(here["group"], here["actors"], strict=True)]
            axis.set_xticks(range(len(here)), names, fontsize=8)
            axis.set_xlim(-0.5, len(here) - 0.5)
            if row == 0:
                axis.set_title(trait, fontsize=10)
        axes[row, 0].set_ylabel(AXES.get(measure, f"error, {measure}\n(mm)"), fontsize=9)
        if measure not in AXES:
            axes[row, 0].set_ylim(bottom=0)
    figure.suptitle("Groups of rendered actors (number of actors), 95 % intervals over actors", fontsize=10)
    sns.despine(figure)
    return figure
