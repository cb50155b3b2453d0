"""Where a head and its eyes point, in degrees."""

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS
from ..morphable.model import MorphableModel
from ..morphable.procrustes import nearest_rotation

__all__ = ["gaze_degrees", "gaze_map"]

EYES = {"Left": "left_eye", "Right": "right_eye"}
"""Regions of the eyeballs."""


def gaze_map(head: MorphableModel) -> Float[np.ndarray, "e 2"]:
    """Degrees by which each coefficient turns the eyes, mean of both: yaw to the person's left, pitch down.

    An action turns an eyeball by the rotation that brings its vertices nearest to where the action puts them. Eyes of
    the head model also shift a little as they turn, so that the iris wanders further than by the turn alone.

    Arguments:
        head: of ARKit's actions, with the regions of both eyes.
    """
    if not set(EYES.values()) <= set(head.regions):
        return np.full((len(head.names), 2), np.nan)
    turns = np.zeros((len(head.names), 2))
    for side, region in EYES.items():
        eye = head.template[head.region(region)].astype(float)
        rows = [row for row, name in enumerate(head.names) if name.startswith("eyeLook") and name.endswith(side)]
        moved = eye + head.expression[rows][:, head.region(region)].astype(float)
        turns[rows] = _turned(eye, moved) / 2
    return turns


def _turned(eye: Float[np.ndarray, "v 3"], moved: Float[np.ndarray, "n v 3"]) -> Float[np.ndarray, "n 2"]:
    """Yaw and pitch, in degrees, of an eyeball that looked straight ahead."""
    rotation, _, _ = nearest_rotation((eye - eye.mean(0)).T @ (moved - moved.mean(1, keepdims=True)))
    right, up, out = rotation[:, 2].T
    return np.degrees(np.stack([np.arctan2(right, out), -np.arcsin(up)], 1))


def gaze_degrees(psi: Float[np.ndarray, "n e"], turns: Float[np.ndarray, "e 2"]) -> Float[np.ndarray, "n 2"]:
    """Yaw and pitch of the eyes within the head, by psi and :func:`gaze_map`; NaN for psi that is not ARKit's."""
    if psi.shape[1] != len(ACTIONS) or psi.shape[1] != len(turns):
        return np.full((len(psi), 2), np.nan)
    return psi @ turns
