"""One face at the head of a notebook: the picture, and what this step of the study does to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ..blendshapes import BLENDSHAPES
from ..io.tables import N_LANDMARKS, main_face, read_arrays, read_at, table_schema
from ..morphable.model import MorphableModel
from ..morphable.parts import FaceParts
from ..tracking.sources import read_sources, stills
from .drawing import Picture, drawn_heads, face_crop, heat_bar, heat_colours, limit_mm
from .pictures import has_pictures, template_map
from .theme import sns

__all__ = ["OneFace", "face_found", "face_in_parts", "read_face"]

BARS = 8
"""Scores or coefficients that a figure of one face names."""
MARK = "#56B4E9"
COLUMN_IN, ROW_IN = 1.55, 2.1
"""Width and height of a head in a figure, inches."""


@dataclass(frozen=True)
class OneFace:
    """A frame of a clip, as far as the clip has pictures, landmarks and scores.

    Arguments:
        title: clip and time.
        crop: the face, cut out of the upright picture.
        landmarks: (L, 2) in pixels of `crop`, or of the picture where there is none.
        scores: (51,) blendshape scores in [0, 1].
        psi: (E,) where it has been fitted.
    """

    title: str
    crop: Picture | None = None
    landmarks: Float[np.ndarray, "l 2"] | None = None
    scores: Float[np.ndarray, " s"] | None = None
    psi: Float[np.ndarray, " e"] | None = None


def read_face(frames: Path, clip: str, frame: int, expressions: Path | None = None) -> OneFace:
    """The frame of a clip's main face that is nearest to `frame`.

    Arguments:
        frames: folder of the run's frames tables; a clip that has none has coefficients alone.
        expressions: folder of the expressions tables, to have psi as well.
    """
    table = (expressions or frames) / f"{clip}.parquet"
    seen = "valid" if expressions else "detected"
    rows = read_arrays(table, ["frame", "time_s", "face_id", seen, *(["psi"] if expressions else [])])
    shown = np.flatnonzero(rows[seen].astype(bool) & (rows["face_id"] == main_face(table)))
    row = int(shown[np.argmin(np.abs(rows["frame"][shown].astype(int) - frame))])
    face = OneFace(f"{clip}, {rows['time_s'][row]:.1f} s", psi=rows["psi"][row].astype(float) if expressions else None)
    if not (frames / f"{clip}.parquet").exists():
        return face
    return _with_picture(face, frames, clip, int(rows["frame"][row]), int(rows["face_id"][row]))


def face_found(face: OneFace) -> Figure:
    """A picture, its landmarks, and the strongest blendshape scores, as far as they are there."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(9.5, 3.1), width_ratios=(1, 1, 1.3), layout="constrained"
    )
    for axis in (left, middle):
        axis.axis("off")
        if face.crop is not None:
            axis.imshow(face.crop)
    left.set_title(face.title, fontsize=9)
    if face.landmarks is not None:
        middle.scatter(*face.landmarks.T, s=2, color=MARK, linewidths=0)
        middle.set_aspect("equal")
        middle.set_title(f"{len(face.landmarks)} landmarks", fontsize=9)
        if face.crop is None:
            middle.invert_yaxis()
    if face.scores is None:
        right.axis("off")
    else:
        _strongest_bars(right, face.scores, BLENDSHAPES, "blendshape score (0 to 1)")
    return figure


def face_in_parts(
    face: OneFace,
    head: MorphableModel | None,
    still: Float[np.ndarray, " e"],
    names: Sequence[str],
    codes: Sequence[FaceParts],
) -> Figure:
    """A face, its fitted head, and by code what each part adds to the still face, coloured by displacement in mm.

    Arguments:
        head: the mesh; coefficients without one are shown as numbers.
        still: psi of the face that no part moves.
        names: of the coefficients.
        codes: a row each.
    """
    assert face.psi is not None
    whole = FaceParts("fit", (face.psi - still)[None], ["all of it"])
    if head is None:
        changes = np.concatenate([part.changes for part in (whole, *codes)])
        return template_map(changes, names, [title for part in (whole, *codes) for title in part.titles])
    most = max((len(code.changes) for code in codes), default=0)
    figure, axes = plt.subplots(
        max(1, len(codes)), 2 + most, figsize=(COLUMN_IN * (2 + most), ROW_IN * max(1, len(codes))),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    limit = limit_mm(head, whole.changes)
    for axis in axes.flat:
        axis.axis("off")
    if face.crop is not None:
        axes[0, 0].imshow(face.crop)
    axes[0, 0].set_title(face.title.replace(", ", "\n"), fontsize=8)
    _draw_parts(axes[0, 1:2], head, still, whole, limit)
    for row, code in zip(axes, codes, strict=False):
        _draw_parts(row[2:], head, still, code, limit)
    heat_bar(figure, list(axes.flat), limit)
    return figure


def _draw_parts(
    axes: Iterable[plt.Axes], head: MorphableModel, still: Float[np.ndarray, " e"], code: FaceParts, limit: float
) -> None:
    pictures = drawn_heads(head, still + code.changes, heat_colours(head, code.changes, limit))
    for axis, picture, title in zip(axes, pictures, code.titles, strict=False):
        axis.imshow(picture)
        axis.set_title(f"{code.name}\n{title}", fontsize=8)


def _landmarks(flat: Float[np.ndarray, " f"]) -> Float[np.ndarray, "l 2"]:
    points = flat.reshape(N_LANDMARKS, 3) if len(flat) == 3 * N_LANDMARKS else flat.reshape(-1, 2)
    return points[:, :2].astype(float)


def _with_picture(face: OneFace, frames: Path, clip: str, number: int, face_id: int) -> OneFace:
    """The same with what the frames table and the clip itself have of it."""
    table, sources = frames / f"{clip}.parquet", read_sources(frames)
    there = [name for name in ("landmarks", "blendshapes") if name in table_schema(table).names]
    key = read_arrays(table, ["frame", "face_id"])
    rows = np.flatnonzero((key["frame"] == number) & (key["face_id"] == face_id))[:1]
    seen = read_at(table, rows, there) if there else {}
    face = replace(face, scores=seen["blendshapes"][0] if "blendshapes" in there else None)
    if "landmarks" not in there:
        return face
    marks = _landmarks(seen["landmarks"][0])
    if not has_pictures(sources, clip):
        return replace(face, landmarks=marks)
    crop, corner = face_crop(stills(sources[clip], [number])[number], marks)
    return replace(face, crop=crop, landmarks=marks - corner)


def _strongest_bars(axis: plt.Axes, values: Float[np.ndarray, " k"], names: Sequence[str], label: str) -> None:
    """Bars of the largest values, largest on top."""
    order = np.argsort(-np.asarray(values), kind="stable")[:BARS]
    axis.barh(range(len(order)), np.asarray(values)[order], color="#0072B2")
    axis.set_yticks(range(len(order)), [names[i] for i in order], fontsize=8)
    axis.set(xlim=(0, 1), xlabel=label)
    axis.invert_yaxis()
    sns.despine(ax=axis)
