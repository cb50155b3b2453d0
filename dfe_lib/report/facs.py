"""Figures of the comparison with FACS; each function takes tables or arrays and returns a matplotlib figure."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from ..blendshapes import REGIONS
from ..morphable.metric import metric_root
from ..morphable.model import MorphableModel
from ..morphable.space import ExpressionSpace
from .clips import token_sheet
from .drawing import REGION_COLOURS, Picture, drawn_heads, ink_on
from .names import people_name
from .pictures import template_map
from .theme import sns

__all__ = [
    "CONTRASTED",
    "contrast_gallery",
    "coverage_curves",
    "drawn_map",
    "region_coverage",
    "retrieval_scores",
    "side_by_side",
    "template_places",
    "template_sheet",
    "token_map",
    "token_pictures",
]

HEAT = LinearSegmentedColormap.from_list("moved", ["#d1d1d1", "#f2c45a", "#e0701c", "#a31a3c", "#3b0f42"])
"""From the grey of the head, darker and darker."""
SHOWN_SETS = ("openface17", "pyfeat20", "bp4d12", "facs")
"""Sets with points of their own; LibreFace's 12 are DISFA's."""
MARKERS = {"binary": "o", "five": "s", "binary_regressed": "^", "five_regressed": "D"}
LEVELS = {"binary": "present or absent", "five": "levels A to E", "binary_regressed": "present or absent, regressed",
          "five_regressed": "levels A to E, regressed", "continuous": "exact intensities"}  # fmt: skip
CONTRASTED = (
    ("dfe", "tokens"), ("residual_kmeans", "tokens"), ("openface17", "binary"), ("openface17", "five"),
    ("openface17", "continuous"), ("facs", "binary"), ("facs", "five"), ("facs", "continuous"),
)  # fmt: skip
"""Codes (representation, level) that the figure of the regions shows."""
LIMIT_MM = 6.0
"""End of the colour scale of errors; beyond it every error looks the same."""
PICTURE_SHARE = (0.085, 0.115)
"""Width and height of a picture on the map, of the map's."""
MAP_MM = 10.0
"""Largest movement of a display in its picture on the map: all are drawn alike strong, to show what they move."""


def coverage_curves(coverage: pd.DataFrame) -> Figure:
    """Share explained over the whole face against bits a frame: a panel for each kind of data.

    Exact intensities have no finite bits: dashed lines.
    """
    whole = coverage[coverage.region == "all"]
    kinds = list(dict.fromkeys(whole.data))
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(6.2 * len(kinds), 4.9), layout="constrained", sharey=True, squeeze=False
    )
    colours = dict(zip(SHOWN_SETS, sns.color_palette("colorblind")[1:], strict=False))
    for axis, kind in zip(axes[0], kinds, strict=True):
        rows = whole[whole.data == kind]
        people = int(rows.people.max())
        _token_curve(axis, rows)
        for name, colour in colours.items():
            for level, marker in MARKERS.items():
                points = rows[(rows.representation == name) & (rows.level == level)]
                _points(axis, points, color=colour, marker=marker, markerfacecolor="none" if "_" in level else colour)
            exact = rows[(rows.representation == name) & (rows.level == "continuous")]
            axis.hlines(exact.explained, 0, 1, colour, "dashed", transform=axis.get_yaxis_transform(), linewidth=1.2)
        axis.set(xlabel="bits a frame", title=f"{kind}, {people} held-out {'person' if people == 1 else 'people'}")
        axis.set_ylim(min(0, rows.explained.min()) - 0.02, 1.03)
    axes[0, 0].set_ylabel("share of the squared displacement explained")
    _coverage_legend(figure, colours)
    sns.despine(figure)
    return figure


def region_coverage(coverage: pd.DataFrame, rows: Sequence[tuple[str, str]]) -> Figure:
    """Share explained in each region by some codes (representation, level), longest of each; a panel a kind of data."""
    kinds = list(dict.fromkeys(coverage.data))
    figure, axes = plt.subplots(
        1,
        len(kinds),
        figsize=(6.2 * len(kinds), 0.5 * len(rows) + 1.6),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    scale = "share explained\n(below 0: worse than a still face)"
    for axis, kind in zip(axes[0], kinds, strict=True):
        table = np.full((len(rows), len(REGIONS) + 1), np.nan)
        for i, (name, level) in enumerate(rows):
            here = coverage[
                (coverage.data == kind) & (coverage.representation == name) & (coverage.level == level)
            ].sort_values("bits")
            last = here.groupby("region").explained.last()
            table[i] = [last.get(region, np.nan) for region in ("all", *REGIONS)]
        sns.heatmap(table, ax=axis, vmin=0, vmax=1, cmap="cividis", annot=True, fmt=".2f", annot_kws={"fontsize": 9},
                    cbar=axis is axes[0, -1], cbar_kws={"label": scale, "extend": "min"}, linewidths=1)  # fmt: skip
        axis.set_xticks(np.arange(len(REGIONS) + 1) + 0.5, ["all", *REGIONS], fontsize=9, rotation=0)
        for number in axis.texts:
            number.set_color(ink_on(axis.collections[0].cmap(float(number.get_text()))))
        axis.set_yticks(np.arange(len(rows)) + 0.5, [_code_name(*row) for row in rows], fontsize=9, rotation=0)
        axis.set_title(kind, fontsize=10)
    return figure


def contrast_gallery(
    head: MorphableModel, rows: Mapping[str, Float[np.ndarray, "n e"]], groups: Mapping[str, Sequence[str]]
) -> Figure:
    """Frames (columns) as they are and as each code reconstructs them (rows), coloured by the error in mm.

    Arguments:
        rows: psi of the frames by row title; the first is the true one.
        groups: titles of the frames, in order, by what stands above each group.
    """
    true = next(iter(rows.values()))
    titles = [title for group in groups.values() for title in group]
    height = 1.2 * len(rows) + 0.8
    figure = plt.figure(figsize=(0.98 * len(titles) + 2.2, height), layout="constrained")
    blocks = figure.subfigures(1, len(groups), width_ratios=[len(group) for group in groups.values()], squeeze=False)
    names = [textwrap.fill(title, 11) for title in titles]
    lines = max(name.count("\n") for name in names)
    start, axes = 0, []
    pictures = {code: _heated(head, psi, psi - true, LIMIT_MM) for code, psi in rows.items()}
    for block, (heading, group) in zip(blocks[0], groups.items(), strict=True):
        block.suptitle(heading, fontsize=10)
        grid = block.subplots(len(rows), len(group), squeeze=False)
        for row, code in enumerate(rows):
            for column in range(len(group)):
                axis, name = grid[row, column], names[start + column]
                axis.imshow(pictures[code][start + column])
                axis.set_title("" if row else "\n" * (lines - name.count("\n")) + name, fontsize=8)
                axis.set_ylabel(code if not start + column else "", fontsize=9, rotation=0, ha="right", va="center")
        start += len(group)
        axes += list(grid.flat)
    for axis in axes:
        axis.set(xticks=[], yticks=[], frame_on=False)
    scale = plt.cm.ScalarMappable(plt.Normalize(0, LIMIT_MM), HEAT)
    blocks[0, -1].colorbar(scale, ax=axes[-grid.size :], label="error (mm)", shrink=0.6, extend="max")
    return figure


def template_sheet(
    space: ExpressionSpace, templates: Float[np.ndarray, "k e"], still: Float[np.ndarray, " e"], used: pd.DataFrame
) -> Figure:
    """Cards of displays on the head, or their coefficients where there is none, with the number of occurrences.

    Arguments:
        templates: change of psi by each display. still: psi of the face that no token moves.
        used: columns `display`, `occurrences`, one row a card.
    """
    shown, counts = templates[used.display.to_numpy()], list(zip(used.display, used.occurrences, strict=True))
    if space.head is None:
        return template_map(shown, space.names, [f"{display} ({count}x)" for display, count in counts])
    return token_sheet(space.head, shown, still, [f"display {display}\n{count} times" for display, count in counts])


def token_map(
    space: ExpressionSpace, templates: Float[np.ndarray, "k e"], still: Float[np.ndarray, " e"],
    dictionary: pd.DataFrame, count: int, seed: int = 0,
) -> Figure:  # fmt: skip
    """The map of all displays, with pictures of the strongest that do not overlap.

    Arguments:
        templates: change of psi by each display. still: psi of the face that no token moves.
        dictionary: `token_au.csv`, in the order of displays.
        count: of pictures. seed: of the places.
    """
    assert space.head is not None
    places = template_places(templates, space.metric, seed)
    shown = side_by_side(places, np.argsort(-dictionary.rms_mm.to_numpy(), kind="stable"), count)
    return drawn_map(places, dictionary, token_pictures(space.head, templates, still, shown.tolist()))


def template_places(
    templates: Float[np.ndarray, "k e"], metric: Float[np.ndarray, "e e"], seed: int = 0
) -> Float[np.ndarray, "k 2"]:
    """Places on a plane of displays by the direction in which they move the face (t-SNE of mesh cosines).

    UMAP and PaCMAP would do the same, but bring a compiler (numba) along for some hundred points.
    """
    moved = templates @ metric_root(metric)
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    distance = np.maximum(1 - moved @ moved.T, 0.0)
    np.fill_diagonal(distance, 0.0)
    perplexity = float(min(20, max(2, (len(templates) - 1) // 3)))
    settings = {"metric": "precomputed", "init": "random", "perplexity": perplexity, "random_state": seed}
    with threadpool_limits(1):  # sums round by their number
        return TSNE(**settings).fit_transform(distance)


def drawn_map(
    places: Float[np.ndarray, "k 2"],
    dictionary: pd.DataFrame,
    pictures: Mapping[int, Picture],
) -> Figure:
    """Displays that move the face alike lie together; pictures of some, all others as points by region.

    Arguments:
        places: of each display. dictionary: columns `region`, `beyond_facs` of `token_au.csv`, in their order.
        pictures: by display.
    """
    figure, axis = plt.subplots(figsize=(11, 8.6), layout="constrained")
    for (region, colour), mark in zip(REGION_COLOURS.items(), "os^Dv>", strict=True):
        here = (dictionary.region == region).to_numpy()
        if not here.any():
            continue
        axis.scatter(
            places[here, 0],
            places[here, 1],
            s=34,
            color=colour,
            marker=mark,
            label=f"{region} ({here.sum()})",
            linewidths=0,
        )
    beyond = dictionary.beyond_facs.to_numpy(bool)
    axis.scatter(
        places[beyond, 0],
        places[beyond, 1],
        s=80,
        facecolor="none",
        edgecolor="black",
        label=f"beyond FACS ({beyond.sum()})",
    )
    for token, picture in pictures.items():
        region = dictionary.region.iloc[token]
        frame = {
            "edgecolor": REGION_COLOURS[region],
            "linewidth": 2.4 if beyond[token] else 1.0,
            "boxstyle": "square,pad=0.05",
        }
        if beyond[token]:
            frame["edgecolor"] = "black"
        box = AnnotationBbox(OffsetImage(picture, zoom=0.175), places[token], bboxprops=frame, pad=0.1)
        axis.add_artist(box)
    axis.legend(title="moves most", frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axis.margins(0.08)
    axis.set(xticks=[], yticks=[], xlabel="displays that move the face alike lie together (t-SNE)")
    sns.despine(figure, left=True, bottom=True)
    return figure


def side_by_side(places: Float[np.ndarray, "k 2"], order: Int[np.ndarray, " k"], count: int) -> Int[np.ndarray, " c"]:
    """The first `count` displays in this order whose pictures on the map do not overlap.

    >>> side_by_side(np.array([[0.0, 0.0], [0.01, 0.0], [1.0, 1.0]]), np.array([0, 1, 2]), 3)
    array([0, 2])
    """
    extent = np.maximum(np.ptp(places, axis=0), 1e-12)
    kept: list[int] = []
    for token in order:
        apart = np.abs(places[kept] - places[token]) / extent > PICTURE_SHARE
        if len(kept) < count and apart.any(1).all():
            kept.append(int(token))
    return np.array(kept, int)


def token_pictures(
    head: MorphableModel, templates: Float[np.ndarray, "k e"], still: Float[np.ndarray, " e"], tokens: Sequence[int]
) -> dict[int, Picture]:
    """The still face moved by each display, at the strength at which its largest movement is `MAP_MM`."""
    largest = np.linalg.norm(head.displacement_mm(templates[tokens]), axis=-1).max(1, keepdims=True)
    changes = templates[tokens] * MAP_MM / np.maximum(largest, 1e-6)
    pictures = _heated(head, still + changes, changes, MAP_MM)
    return {int(token): picture for token, picture in zip(tokens, pictures, strict=True)}


def retrieval_scores(retrieval: pd.DataFrame) -> Figure:
    """Mesh cosine of the first face found, and recall of the true display where it is known; by bits."""
    simulated = retrieval[retrieval.data == "simulated"]
    kinds = [("cosine", retrieval, "mesh cosine of the first face found")]
    if len(simulated):
        kinds.append(("recall_at_1", simulated, "share of first faces with the same display\n(simulated people)"))
    labels = list(dict.fromkeys(_code_names(retrieval)))
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(5.2 * len(kinds) + 1.5, 0.34 * len(labels) + 1.4), layout="constrained", sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axis, (score, rows, label) in zip(axes[0], kinds, strict=True):
        for offset, (data, part) in zip((-0.12, 0.12), rows.groupby("data", sort=False), strict=False):
            y = np.array([labels.index(name) for name in _code_names(part)]) + offset
            colour = {"simulated": "#0072B2"}.get(str(data), "#D55E00")
            spread = np.nan_to_num(np.stack([part[score] - part[f"{score}_low"], part[f"{score}_high"] - part[score]]))
            axis.errorbar(part[score], y, xerr=np.maximum(spread, 0), fmt="o", capsize=3, color=colour, label=data)
        axis.set(xlabel=label, xlim=(0, 1.02))
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(labels)), labels, fontsize=9)
    axes[0, 0].invert_yaxis()
    axes[0, 0].legend(frameon=False, fontsize=9)
    sns.despine(figure)
    return figure


def _code_names(table: pd.DataFrame) -> list[str]:
    names = []
    for row in table.itertuples():
        bits = "" if np.isnan(row.bits) else f", {row.bits:.0f} bits"
        names.append(_code_name(str(row.representation), str(row.level)) + bits)
    return names


def _code_name(representation: str, level: str) -> str:
    return ", ".join(part for part in (people_name(representation), LEVELS.get(level)) if part)


def _token_curve(axis: plt.Axes, rows: pd.DataFrame) -> None:
    ours = rows[rows.representation == "dfe"].sort_values("bits")
    axis.plot(ours.bits, ours.explained, color="black", marker="o", linewidth=2, zorder=3)
    if ours.ci_low.notna().all():
        axis.fill_between(ours.bits, ours.ci_low, ours.ci_high, color="black", alpha=0.15, linewidth=0)
    for name, marker in (("pca", "x"), ("residual_kmeans", "+")):
        _points(axis, rows[rows.representation == name], color="0.35", marker=marker, markersize=9)


def _points(axis: plt.Axes, points: pd.DataFrame, **style: Any) -> None:
    spread = np.stack([points.explained - points.ci_low, points.ci_high - points.explained])
    axis.errorbar(points.bits, points.explained, yerr=np.nan_to_num(np.maximum(spread, 0)), linestyle="none", capsize=2,
                  elinewidth=0.8, **style)  # fmt: skip


def _coverage_legend(figure: Figure, colours: Mapping[str, tuple]) -> None:
    line = plt.Line2D
    entries = [line([], [], color="black", marker="o", label="DFE, first 1, 2, ... tokens")]
    entries += [line([], [], color="0.35", marker=m, linestyle="none", label=people_name(n))
                for n, m in (("pca", "x"), ("residual_kmeans", "+"))]  # fmt: skip
    entries += [line([], [], color=colour, linewidth=6, label=people_name(name)) for name, colour in colours.items()]
    for level, marker in MARKERS.items():
        face = "none" if "_" in level else "0.4"
        entries.append(
            line([], [], color="0.4", marker=marker, linestyle="none", label=LEVELS[level], markerfacecolor=face)
        )
    entries.append(line([], [], color="0.4", linestyle="dashed", label=LEVELS["continuous"]))
    figure.legend(handles=entries, loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)


def _heated(
    head: MorphableModel, psi: Float[np.ndarray, "n e"], changes: Float[np.ndarray, "n e"], limit: float
) -> list[Picture]:
    """Heads, grey where a change moves nothing, then darker up to `limit` mm."""
    moved = np.linalg.norm(head.displacement_mm(changes), axis=-1)
    return drawn_heads(head, psi, [HEAT(row / limit)[:, :3] for row in moved])
