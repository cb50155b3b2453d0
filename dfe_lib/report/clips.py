"""The study's figures; each function takes arrays or tables and returns a matplotlib figure."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..morphable.model import MorphableModel
from .drawing import REGION_COLOURS, Picture, drawn_heads, grid, heat_bar, heat_colours, limit_mm
from .theme import sns

__all__ = [
    "clip_sheet",
    "detection_timeline",
    "head_sheet",
    "psi_timeline",
    "token_sheet",
    "token_strip",
    "training_curves",
    "usage_bars",
]

ROOM = 1.08
"""Top of an axis that starts at 0, in units of the largest value."""


def clip_sheet(pictures: Mapping[str, Picture], landmarks: Mapping[str, Float[np.ndarray, "l 3"] | None]) -> Figure:
    """One picture of each clip with its landmarks; a clip without a face says so."""
    figure, axes = grid(len(pictures), columns=4, width=3.2, height=2.6)
    for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
        axis.imshow(picture)
        marks = landmarks[name]
        if marks is not None:
            size, colour = (3.0, "#0072B2") if (picture == 255).all() else (0.8, "#56B4E9")
            axis.scatter(marks[:, 0], marks[:, 1], s=size, color=colour, linewidths=0)
        axis.set_title(name if marks is not None else f"{name}\n(no face)", fontsize=9)
        axis.axis("off")
    return figure


def detection_timeline(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """When each clip shows a face: columns `time_s`, `detected`."""
    figure, axis = plt.subplots(figsize=(8, 0.45 * len(tables) + 1), layout="constrained")
    for row, table in enumerate(tables.values()):
        for shown, colour in ((True, "#0072B2"), (False, "#D55E00")):
            here = table["detected"] == shown
            axis.scatter(table["time_s"][here], np.full(here.sum(), row), marker="|", s=60, color=colour)
    axis.set_yticks(range(len(tables)), tables.keys(), fontsize=9)
    axis.invert_yaxis()
    axis.set_xlabel("time (s)")
    axis.set_title("Frames with a face (blue) and without (orange)", fontsize=10)
    sns.despine(figure)
    return figure


def head_sheet(head: MorphableModel, actions: Sequence[str]) -> Figure:
    """The head's regions and some of its facial actions at full strength, with what they move in mm."""
    psi = np.eye(len(head.names))[[head.names.index(action) for action in actions]]
    titles = ["regions of the metric", *actions]
    colours = [_region_colours(head), *heat_colours(head, psi, limit_mm(head, psi))]
    pictures = drawn_heads(head, np.vstack([np.zeros_like(psi[:1]), psi]), colours)
    figure, axes = grid(len(pictures), columns=4, width=2.2, height=2.6)
    for axis, picture, title in zip(axes, pictures, titles, strict=True):
        axis.imshow(picture)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    heat_bar(figure, axes, limit_mm(head, psi))
    regions = [Patch(color=colour, label=name) for name, colour in REGION_COLOURS.items() if name in head.regions]
    figure.legend(handles=regions, loc="outside lower center", ncols=len(regions), frameon=False, fontsize=9)
    return figure


def psi_timeline(
    time_s: Float[np.ndarray, " n"],
    psi: Float[np.ndarray, "n e"],
    names: Sequence[str],
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """Coefficients over time, those that move most on top; `bounds` are the ends of the colour scale."""
    order = np.argsort(-np.nanstd(psi, axis=0))[:20]
    figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
    edges = np.append(time_s, time_s[-1] + np.median(np.diff(time_s)))
    mesh = axis.pcolormesh(
        edges, np.arange(len(order) + 1), psi[:, order].T, cmap="cividis", vmin=bounds[0], vmax=bounds[1]
    )
    axis.set_yticks(np.arange(len(order)) + 0.5, [names[i] for i in order], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("time (s)")
    figure.colorbar(mesh, ax=axis, label=f"expression coefficient ({bounds[0]:g} to {bounds[1]:g})")
    return figure


def training_curves(history: pd.DataFrame, unit: str = "mm") -> Figure:
    """Error and perplexity against training steps, held-out and training subjects."""
    figure, (error, words) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for column, label in (("train_mm", "training subjects"), ("heldout_mm", "held-out subjects")):
        error.plot(history["step"], history[column], marker="o", markersize=3, label=label)
    label = "error (mm, rms over the face)" if unit == "mm" else f"error ({unit})"
    error.set(xlabel="step", ylabel=label, ylim=(0, ROOM * history[["train_mm", "heldout_mm"]].max(axis=None)))
    error.legend(frameon=False)
    words.plot(history["step"], history["perplexity"], marker="o", markersize=3, color="#009E73")
    words.set(xlabel="step", ylabel="perplexity (codes), held-out", ylim=(0, ROOM * history["perplexity"].max()))
    sns.despine(figure)
    return figure


def usage_bars(codes: Int[np.ndarray, "n m"], codebook_size: int) -> Figure:
    """How often each code occurs, most frequent first, stage by stage."""
    counts = np.stack([np.bincount(stage, minlength=codebook_size) for stage in codes.T])
    order = np.argsort(-counts.sum(0), kind="stable")
    figure, axis = plt.subplots(figsize=(9, 3.2), layout="constrained")
    bottom = np.zeros(codebook_size)
    for stage, row in enumerate(counts[:, order]):
        axis.bar(np.arange(codebook_size), row, bottom=bottom, width=1.0, linewidth=0, label=f"stage {stage}")
        bottom += row
    axis.set(xlabel="code, most frequent first", ylabel="occurrences", xlim=(-0.5, codebook_size - 0.5))
    axis.legend(frameon=False, ncols=4)
    sns.despine(figure)
    return figure


def token_sheet(
    head: MorphableModel, templates: Float[np.ndarray, "k e"], still: Float[np.ndarray, " e"], titles: Sequence[str]
) -> Figure:
    """A card for each token: the still face moved by it, coloured by the displacement in mm."""
    limit = limit_mm(head, templates)
    pictures = drawn_heads(head, still + templates, heat_colours(head, templates, limit))
    figure, axes = grid(len(pictures), columns=8, width=1.5, height=1.9)
    for axis, picture, title in zip(axes, pictures, titles, strict=True):
        axis.imshow(picture)
        axis.set_title(title, fontsize=8)
        axis.axis("off")
    heat_bar(figure, axes, limit)
    return figure


def token_strip(
    pictures: Sequence[Picture],
    shown_s: Sequence[float],
    time_s: Float[np.ndarray, " n"],
    words: Int[np.ndarray, "n m"],
    valid: Bool[np.ndarray, " n"],
    rank: Int[np.ndarray, " k"],
) -> Figure:
    """Frames of a clip above the displays of every frame; `rank` gives those that look alike colours that look alike.

    Arguments:
        pictures, shown_s: frames of the clip and their times in seconds.
        time_s, words, valid: of every frame (N,), (N, M), (N,); the words are displays, -1 where a token means nothing.
        rank: (K,) place of each display.
    """
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    grid = figure.add_gridspec(2, max(1, len(pictures)), height_ratios=(1.0, 1.15))
    for column, picture in enumerate(pictures):
        axis = figure.add_subplot(grid[0, column])
        axis.imshow(picture)
        here = words[np.argmin(np.abs(time_s - shown_s[column]))]
        axis.set_title(f"{shown_s[column]:.1f} s\n" + " ".join(str(word) for word in here if word >= 0), fontsize=8)
        axis.axis("off")
    strip = figure.add_subplot(grid[1, :])
    colours = np.where(valid[:, None] & (words >= 0), rank[np.maximum(words, 0)], np.nan)
    edges = np.append(time_s, time_s[-1] + np.median(np.diff(time_s)))
    mesh = strip.pcolormesh(edges, np.arange(words.shape[1] + 1), colours.T.astype(float), cmap="viridis")
    for moment in shown_s:
        strip.axvline(moment, color="#D55E00", linewidth=1)
    strip.set_yticks(np.arange(words.shape[1]) + 0.5, [f"stage {m}" for m in range(words.shape[1])], fontsize=8)
    strip.invert_yaxis()
    strip.set_xlabel("time (s)")
    figure.colorbar(mesh, ax=strip, label="display, similar ones\nof similar colour", ticks=[])
    return figure


def _region_colours(head: MorphableModel) -> Float[np.ndarray, "v 3"]:
    colours = np.full((len(head.template), 3), 0.82)
    for name, colour in REGION_COLOURS.items():
        if name in head.regions:
            colours[head.region(name)] = colour
    return colours
