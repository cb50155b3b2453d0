"""What several figures draw with: grids of pictures, heads, and the colours of displacements in mm."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from ..blendshapes import REGIONS
from ..morphable.model import MorphableModel
from ..morphable.rendering import Camera, HeadRenderer, turn
from .theme import sns

__all__ = [
    "REGION_COLOURS",
    "Picture",
    "drawn_heads",
    "face_crop",
    "grid",
    "heat_bar",
    "heat_colours",
    "ink_on",
    "limit_mm",
    "middle",
]

Picture = UInt8[np.ndarray, "h w 3"]
HEAT = plt.get_cmap("inferno")
REGION_COLOURS = dict(zip(REGIONS, sns.color_palette("colorblind"), strict=False))
VIEW = turn(yaw=-12, pitch=3)
CARD = Camera(distance=0.9, focal_px=960.0, width=260, height=300)
"""What all figures look at a head through: it takes the whole of one, crown and chin, with its mouth open."""
GREY = 0.82
"""Of a head where nothing moves."""


def face_crop(
    picture: Picture, landmarks: Float[np.ndarray, "l d"]
) -> tuple[UInt8[np.ndarray, "s s 3"], Float[np.ndarray, "2"]]:
    """Square around the face, a third of its size wider on each side, and its upper left corner (x, y) in the picture.

    Beyond the picture it is white, as a figure's ground.
    """
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    half = round(0.8 * float((high - low).max()))
    x, y = (half + (low + high) / 2).round().astype(int)
    padded = np.pad(picture, ((half, half), (half, half), (0, 0)), constant_values=255)
    top, left = max(y - half, 0), max(x - half, 0)
    return padded[top : y + half, left : x + half], np.array([left - half, top - half], float)


def grid(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[plt.Axes]]:
    """A figure of so many axes, `width` x `height` inches each."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), layout="constrained", squeeze=False
    )
    for axis in axes.flat[count:]:
        axis.remove()
    return figure, list(axes.flat[:count])


def drawn_heads(
    head: MorphableModel,
    psi: Float[np.ndarray, "n e"],
    colours: Sequence[Float[np.ndarray, "v 3"]] | None = None,
    view: Float[np.ndarray, "3 3"] = VIEW,
) -> list[Picture]:
    """The head with each expression, whole and in the middle of its picture.

    Arguments:
        colours: (V, 3) for each; grey where there are none.
        view: rotation of the head.
    """
    shown = colours if colours is not None else [np.full((len(head.template), 3), GREY)] * len(psi)
    centre = middle(head, view)
    with HeadRenderer(head.faces, len(head.template), CARD) as renderer:
        return [
            renderer.render(head.vertices(row).astype(float) - centre, colour, view)
            for row, colour in zip(psi, shown, strict=True)
        ]


def middle(head: MorphableModel, view: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3"]:
    """What to take from vertices, so that the head lies in the middle of the picture when it is turned by `view`."""
    seen = head.template @ view.T
    return (seen.min(0) + seen.max(0)) / 2 * [1, 1, 0] @ view


def heat_colours(head: MorphableModel, psi: Float[np.ndarray, "n e"], limit: float) -> list[Float[np.ndarray, "v 3"]]:
    """Grey where nothing moves, then the heat map from 0 to `limit` mm."""
    return list(_heat(np.linalg.norm(head.displacement_mm(psi), axis=-1) / limit))


def _heat(share: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n 3"]:
    """Colours of displacements, in units of the end of the scale."""
    fade = np.clip(share / 0.08, 0, 1)[..., None]
    return fade * HEAT(np.clip(0.15 + 0.85 * share, 0, 1))[..., :3] + (1 - fade) * GREY


def limit_mm(head: MorphableModel, psi: Float[np.ndarray, "n e"]) -> float:
    """Upper end of a colour scale: a whole number of mm that few vertices of the face exceed."""
    moved = np.linalg.norm(head.displacement_mm(psi)[:, head.region("face")], axis=-1)
    return float(max(1.0, np.ceil(np.percentile(moved.max(1), 90))))


def heat_bar(figure: Figure, axes: Sequence[plt.Axes], limit: float) -> None:
    """The scale of :func:`heat_colours`."""
    scale = plt.cm.ScalarMappable(plt.Normalize(0, limit), ListedColormap(_heat(np.linspace(0, 1, 256))))
    figure.colorbar(scale, ax=axes, label="displacement (mm)", shrink=0.6, aspect=30, extend="max")


def ink_on(colour: ColorType) -> str:
    """Black or white, whichever can be read on a colour (luminance and contrast as WCAG 2 defines them).

    >>> ink_on("#b0a575"), ink_on("#00224e")
    ('black', 'white')
    """
    shares = np.array(to_rgb(colour))
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "black" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "white"
