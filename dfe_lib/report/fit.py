"""Figures of the fit: actors, errors on the head, truth against estimate, the head over pictures."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import UInt8
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..actors.benchmark_set import RenderedSet
from ..blendshapes import ACTIONS
from ..fitting.benchmark import PARTS, Predictions
from ..morphable.model import MM_PER_M, MorphableModel
from .drawing import GREY, drawn_heads
from .names import people_name
from .overlays import METHODS, Overlay
from .theme import sns

__all__ = ["actor_sheet", "error_map", "fit_errors", "overlay_sheet", "truth_against_estimate"]

Picture = UInt8[np.ndarray, "h w 3"]
HEAT = plt.get_cmap("inferno")
FITS = ("neutral", "blendshapes", "blendshapes_calibrated", "landmarks_gn", "ours_landmarks", "ours")
CONDITIONS = {"rendered": "good light", "rendered_large_pose": "turned far", "rendered_low_quality": "poor pictures",
              "exact_landmarks": "exact landmarks", "landmarks68": "68 landmarks"}  # fmt: skip
SHOWN = ("jawOpen", "mouthSmileLeft", "mouthPucker", "mouthFunnel", "browInnerUp", "browDownLeft", "eyeBlinkLeft",
         "cheekPuff")  # fmt: skip


def actor_sheet(picture: Picture) -> Figure:
    """The contact sheet of `filming.contact_sheet`."""
    height, width = picture.shape[:2]
    figure, axis = plt.subplots(figsize=(width / 150, height / 150 + 0.2), layout="constrained")
    axis.imshow(picture, interpolation="none")
    axis.set_title("simulated actors, as the estimator saw them", fontsize=8)
    axis.axis("off")
    return figure


def error_map(actors: RenderedSet, found: Predictions, head: MorphableModel) -> Figure:
    """Where on the face each method errs: mean error of every vertex over the actors of the condition `rendered`."""
    here = ~actors.neutral & (actors.condition == "rendered")
    basis = (head.expression * MM_PER_M).astype(np.float32)
    methods = ("neutral", *METHODS)
    errors = []
    for method in methods:
        moved = np.tensordot((found[method] - actors.psi)[here].astype(np.float32), basis, 1)
        errors.append(np.linalg.norm(moved, axis=2).mean(0))
    limit = float(np.ceil(2 * np.quantile(errors[1][head.region("face")], 0.98)) / 2)
    figure, axes = plt.subplots(1, len(methods), figsize=(7.4, 2.9), layout="constrained")
    colours = [_heat(error, limit, head) for error in errors]
    pictures = drawn_heads(head, np.zeros((len(methods), len(ACTIONS))), colours)
    for axis, method, picture in zip(axes, methods, pictures, strict=True):
        axis.imshow(picture)
        axis.set_title(people_name(method), fontsize=9)
        axis.axis("off")
    scale = plt.cm.ScalarMappable(plt.Normalize(0, limit), HEAT)
    figure.colorbar(scale, ax=list(axes), label="mean error (mm),\nsimulated actors", shrink=0.8, extend="max")
    return figure


def _heat(error: np.ndarray, limit: float, head: MorphableModel) -> np.ndarray:
    """Colours within the face, grey around it."""
    colours = np.full((len(error), 3), GREY)
    face = head.region("face")
    colours[face] = HEAT(np.clip(error[face] / limit, 0, 1))[:, :3]
    return colours


def truth_against_estimate(actors: RenderedSet, found: Predictions, actions: Sequence[str] = SHOWN) -> Figure:
    """Estimate of an action against its true value, frame by frame; the dashed line is where they agree."""
    here = ~actors.neutral & (actors.condition == "rendered")
    rows, columns = 2, -(-len(actions) // 2)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.2 * columns, 4.9), layout="constrained", sharex=True, sharey=True
    )
    for axis, action in zip(axes.flat, actions, strict=False):
        k = ACTIONS.index(action)
        axis.plot([0, 1], [0, 1], "--", color="0.6", linewidth=1)
        for method, colour in zip(METHODS, ("#E69F00", "#0072B2"), strict=True):
            estimated, truth = found[method][here, k], actors.psi[here, k]
            label = f"{people_name(method)}, r = {_correlation(truth, estimated):.2f}"
            axis.scatter(truth, estimated, s=5, alpha=0.45, linewidths=0, color=colour, label=label)
        axis.set_title(action, fontsize=9)
        axis.legend(fontsize=6, frameon=False, loc="upper left", borderpad=0, handletextpad=0, markerscale=2)
    for axis in axes.flat[len(actions) :]:
        axis.remove()
    figure.supxlabel("true coefficient, simulated actors", fontsize=9)
    figure.supylabel("estimate", fontsize=9)
    sns.despine(figure)
    return figure


def _correlation(truth: np.ndarray, estimated: np.ndarray) -> float:
    return float(np.corrcoef(truth, estimated)[0, 1]) if truth.std() * estimated.std() > 0 else 0.0


def fit_errors(accuracy: pd.DataFrame) -> Figure:
    """Mean error in mm of each method by region and by condition (columns of `fit_accuracy.csv`)."""
    figure, (regions, conditions) = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained", sharey=True)
    shown = accuracy[accuracy["method"].isin(FITS)].replace({"condition": CONDITIONS})
    shown = shown.assign(method=shown["method"].map(people_name))
    settings = {
        "y": "mean_mm",
        "hue": "method",
        "hue_order": [people_name(name) for name in FITS],
        "palette": "colorblind",
    }
    lit = shown[shown["condition"] == CONDITIONS["rendered"]]
    sns.barplot(lit, x="region", order=list(PARTS), ax=regions, **settings)
    sns.barplot(shown[shown["region"] == "all"], x="condition", ax=conditions, legend=False, **settings)
    regions.set(ylabel="mean error (mm)", xlabel="region, simulated actors never seen")
    conditions.set(xlabel="condition, whole face (without a bar: not measured)")
    conditions.tick_params(axis="x", labelsize=9)
    regions.legend(frameon=False, fontsize=8, title=None)
    sns.despine(figure)
    return figure


def overlay_sheet(overlays: Sequence[Overlay], head: MorphableModel) -> Figure:
    """Pictures in the first row, and under each the wireframe of every method."""
    size = (1.35 * len(overlays) + 0.3, 1.38 * (1 + len(METHODS)) + 0.3)
    tight = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    figure, axes = plt.subplots(1 + len(METHODS), len(overlays), figsize=size, layout=tight, squeeze=False)
    drawn = head.faces[head.region("face")[head.faces].all(1)]
    for column, overlay in zip(axes.T, overlays, strict=True):
        column[0].set_title(overlay.title, fontsize=6)
        for axis, method in zip(column, (None, *METHODS), strict=True):
            axis.imshow(overlay.picture)
            axis.set(xticks=[], yticks=[], xlim=(0, overlay.picture.shape[1]), ylim=(overlay.picture.shape[0], 0))
            if method is not None:
                axis.add_collection(_wireframe(overlay.heads[method], drawn))
    for axis, name in zip(axes[:, 0], ("picture", *(people_name(name) for name in METHODS)), strict=True):
        axis.set_ylabel(name, fontsize=8)
    return figure


def _wireframe(vertices: np.ndarray, faces: np.ndarray) -> PolyCollection:
    """Triangles that face the camera (y down, so clockwise)."""
    one, two, three = vertices[faces].transpose(1, 0, 2)
    towards = np.cross(two - one, three - one)[:, 2] < 0
    return PolyCollection(vertices[faces[towards]][..., :2], facecolor="none", edgecolor="#56B4E9", linewidth=0.25,
                          alpha=0.8)  # fmt: skip
