"""Portraits of movements: the head from the front and from a side, coloured by the displacement in mm."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ...io.progress import bar
from ...morphable.model import MorphableModel
from ...morphable.rendering import Camera, HeadRenderer, turn
from ..drawing import middle
from ..scales import scale_end
from .page import heat_stops, tint

__all__ = ["Portrait", "eyeballs", "heated", "portraits"]

CAMERA = Camera(distance=0.9, focal_px=1180.0, width=300, height=360)
SIDE_DEG = 35.0
VISIBLE_MM = 6.0
"""A movement below this is drawn larger, and the portrait says by how much (our choice)."""
MOST_DRAWN = 5


@dataclass(frozen=True)
class Portrait:
    """What one movement looks like.

    Arguments:
        front, side: pictures with a transparent ground; `side` is the one that moves more.
        limit: end of the colour scale in mm. drawn: how many times larger than it is the movement is drawn.
    """

    front: UInt8[np.ndarray, "h w 4"]
    side: UInt8[np.ndarray, "h w 4"]
    limit: float | int
    drawn: int


def portraits(
    head: MorphableModel, psi: Float[np.ndarray, "k e"], still: Float[np.ndarray, " e"]
) -> Iterator[Portrait]:
    """A portrait of each change of psi, drawn onto the still face.

    Arguments:
        psi: changes (K, E). still: the face they start from.
    """
    base = tint(head, 1)
    skin = ~eyeballs(head)[:, None]
    with HeadRenderer(head.faces, len(head.template), CAMERA, subdivisions=1, smooth=False) as renderer:
        for row in bar(psi, desc="portraits", unit="token"):
            moved = head.displacement_mm(row)
            length = np.linalg.norm(moved, axis=1)
            limit = scale_end(0.85 * float(length.max()))
            drawn = int(np.clip(np.ceil(VISIBLE_MM / max(length.max(), 1e-6)), 1, MOST_DRAWN))
            colours = heated(base, np.linalg.norm(renderer.refine @ (moved * skin), axis=1) / limit)
            vertices = head.vertices(still + drawn * row).astype(float)
            lefter = (length * head.template[:, 0]).sum() >= 0
            front, side = (
                renderer.cut_out(vertices - middle(head, view), colours, view)
                for view in (turn(0, 3), turn(-SIDE_DEG if lefter else SIDE_DEG, 3))
            )
            yield Portrait(front, side, limit, drawn)


def eyeballs(head: MorphableModel) -> Bool[np.ndarray, " v"]:
    """Eyeballs, which keep their own colours: where they look is easier to see than how far they move."""
    return np.any([head.regions.get(name, np.zeros(len(head.template), bool)) for name in ("left_eye", "right_eye")], 0)


def heated(base: Float[np.ndarray, "w 3"], share: Float[np.ndarray, " w"]) -> Float[np.ndarray, "w 3"]:
    """Paint under heat: brows and lips stay visible as darker heat.

    Arguments:
        base: colours of the vertices. share: of the scale that each moves by.
    """
    stops = np.array(heat_stops())
    at = np.clip(share, 0, 1) * (len(stops) - 1)
    hot = np.stack([np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)], 1)
    lightness = np.clip(base @ [0.3, 0.5, 0.2] / 0.8, 0, 1)[:, None]
    fade = np.clip(share / 0.1, 0, 1)[:, None]
    return fade * hot * (0.15 + 0.85 * lightness) + (1 - fade) * base
