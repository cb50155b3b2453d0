"""Where a head and its eyes point, in degrees."""

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS
from ..morphable.model import MorphableModel

__all__ = ["gaze_degrees", "gaze_map"]

IRIS = {"Left": (473, "left_eye"), "Right": (468, "right_eye")}
"""Landmark of each iris, and the region of its eye."""


def gaze_map(head: MorphableModel) -> Float[np.ndarray, "e 2"]:
    r"""Degrees by which each coefficient turns the eyes, mean of both: yaw to the person's left, pitch down.

    An action that moves the iris by d on an eye of radius r turns it by $2 \arcsin(d / 2r)$. Eyes are round, so the
    radius is half an eye's width, and its centre is that far behind the eye's foremost point.

    Arguments:
        head: of ARKit's actions, with landmarks and the regions of both eyes.
    """
    turns = np.zeros((len(head.names), 2))
    if head.landmarks is None or not {"left_eye", "right_eye"} <= set(head.regions):
        return np.full((len(head.names), 2), np.nan)
    moved = head.landmarks(head.expression.astype(float))
    for side, (iris, region) in IRIS.items():
        radius = np.ptp(head.template[head.region(region), 0].astype(float)) / 2
        for row, name in enumerate(head.names):
            if name.startswith("eyeLook") and name.endswith(side):
                way = moved[row, iris, :2]
                degrees = np.degrees(2 * np.arcsin(min(1.0, np.linalg.norm(way) / 2 / radius)))
                turns[row] = degrees * way / np.linalg.norm(way) * [1, -1] / 2
    return turns


def gaze_degrees(psi: Float[np.ndarray, "n e"], turns: Float[np.ndarray, "e 2"]) -> Float[np.ndarray, "n 2"]:
    """Yaw and pitch of the eyes within the head, by psi and :func:`gaze_map`; NaN for psi that is not ARKit's."""
    if psi.shape[1] != len(ACTIONS) or psi.shape[1] != len(turns):
        return np.full((len(psi), 2), np.nan)
    return psi @ turns
