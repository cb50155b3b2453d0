"""The figure of the bench: what a frame costs at each stage, what libraries take alone, what a second worker adds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .theme import sns

__all__ = ["bench_figure"]

OURS, ALONE = "#D55E00", "#0072B2"


def bench_figure(stages: pd.DataFrame, scaling: pd.DataFrame) -> Figure:
    """Processor time and peak memory by stage, ours beside the libraries alone, and clips a second by workers.

    Arguments:
        stages: columns stage, by, cpu_us_per_frame, memory_mb. scaling: clips, workers, wall_s.
    """
    figure, axes = plt.subplots(1, 3, figsize=(15, 5), layout="constrained", width_ratios=[3, 3, 2])
    names = [row.stage if row.by == "dfe" else f"{row.by} alone" for row in stages.itertuples()]
    colours = [OURS if by == "dfe" else ALONE for by in stages.by]
    for axis, column, title in (
        (axes[0], "cpu_us_per_frame", "processor time a frame (µs)"),
        (axes[1], "memory_mb", "peak memory of the process (MB)"),
    ):
        axis.barh(np.arange(len(stages)), stages[column], color=colours)
        axis.set(yticks=np.arange(len(stages)), yticklabels=names, xlabel=title)
        axis.invert_yaxis()
    axes[0].set_xscale("log")
    axes[1].tick_params(labelleft=False)
    many = scaling[scaling.clips == scaling.clips.max()]
    axes[2].bar(many.workers.astype(str), many.clips / many.wall_s, color=OURS)
    axes[2].set(xlabel="workers of dfe encode", ylabel="clips a second, by the clock")
    sns.despine(figure)
    return figure
