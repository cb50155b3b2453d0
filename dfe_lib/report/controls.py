"""Controls under a figure where a browser shows the notebook: choose a clip, a frame, a display, and turn the head."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ..errors import study_packages
from ..io.progress import is_browsed
from ..morphable.model import MorphableModel
from ..morphable.rendering import turn
from .drawing import Picture, drawn_heads, heat_bar, heat_colours, limit_mm
from .one_face import OneFace

__all__ = ["TURNS", "explore", "turned_head"]

TURNS = range(-60, 61, 15)
"""Degrees by which a head may be turned to its left."""


def explore(draw: Callable[..., Figure], **choices: Sequence) -> None:
    """A figure with a control for each choice; nothing where no browser watches, as the figure above it says it all.

    Arguments:
        draw: takes a value of each choice, by its name.
        choices: a range becomes a slider that begins in its middle, any other sequence a list that begins at its first.

    >>> explore(lambda clip: plt.figure(), clip=["one", "two"])  # no browser: nothing
    """
    if not is_browsed() or not all(len(values) for values in choices.values()):
        return
    with study_packages():
        import ipywidgets
        from IPython.display import display

    def shown(**chosen: object) -> None:
        figure = draw(**chosen)
        display(figure)
        plt.close(figure)

    ipywidgets.interact(shown, **{name: _control(ipywidgets, name, values) for name, values in choices.items()})


def turned_head(
    head: MorphableModel,
    still: Float[np.ndarray, " e"],
    change: Float[np.ndarray, " e"],
    title: str = "",
    yaw: int = 0,
    face: OneFace | None = None,
) -> Figure:
    """The head with a change of the still face, coloured by displacement in mm, seen from a side.

    Arguments:
        still, change: psi. yaw: degrees that the head is turned by, to its left.
        face: whose picture stands beside it, where there is one.
    """
    limit = limit_mm(head, change[None])
    (drawn,) = drawn_heads(head, (still + change)[None], heat_colours(head, change[None], limit), turn(yaw, 3))
    pictures: list[Picture] = [drawn] if face is None or face.crop is None else [face.crop, drawn]
    figure, axes = plt.subplots(
        1, len(pictures), figsize=(3.2 * len(pictures), 3.4), layout="constrained", squeeze=False
    )
    for axis, picture in zip(axes.flat, pictures, strict=True):
        axis.imshow(picture)
        axis.axis("off")
    axes.flat[-1].set_title(title or (face.title if face else ""), fontsize=9)
    heat_bar(figure, list(axes.flat), limit)
    return figure


def _control(ipywidgets: ModuleType, name: str, values: Sequence) -> Any:
    title = name.replace("_", " ")
    if not isinstance(values, range):
        return ipywidgets.Dropdown(options=list(values), description=title)
    return ipywidgets.IntSlider(
        values[len(values) // 2], values[0], values[-1], values.step, description=title, continuous_update=False
    )
