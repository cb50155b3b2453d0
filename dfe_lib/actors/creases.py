"""Creases that expressions make in the skin: furrows between the brows, crow's feet, lines from nose to mouth.

A mesh of millimetres between its vertices has none, and a detector that learnt from people looks for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from ..blendshapes import ACTIONS

__all__ = ["Creases", "sample_creases"]

Line = Float[np.ndarray, "p 3"]

SIDES = (("Right", -1.0), ("Left", 1.0))
"""The subject's sides, and the sign of x there."""
OUTER_EYE = {"Right": 33, "Left": 263}
INNER_BROW = {"Right": (55, 107), "Left": (285, 336)}
NOSE_TO_MOUTH = {"Right": (98, 206, 212), "Left": (327, 426, 432)}
UNDER_EYE = {"Right": (111, 117, 118, 119, 120), "Left": (340, 346, 347, 348, 349)}
MOUTH_CORNER = {"Right": 61, "Left": 291}
FOREHEAD = (104, 69, 108, 151, 337, 299, 333)
NOSE_ROOT = (122, 6, 351)
CHIN = (194, 201, 200, 421, 418)


@dataclass(frozen=True)
class Creases:
    """Creases of one actor.

    Arguments:
        shade: (c, W) how dark each crease is at each vertex when it is there in full, in [0, 1].
        drive: (c, 52) how much of it each action brings.
    """

    shade: Float[np.ndarray, "c w"]
    drive: Float[np.ndarray, "c 52"]

    def on(self, colours: Float[np.ndarray, "w 3"], psi: Float[np.ndarray, "52"]) -> Float[np.ndarray, "w 3"]:
        """The colours with the creases of an expression."""
        depth = np.clip(self.drive @ psi, 0, 1).astype(np.float32) @ self.shade
        return colours * (1 - np.minimum(depth, 0.85))[:, None]


def sample_creases(
    points: Float[np.ndarray, "w 3"], marks: Float[np.ndarray, "l 3"], rng: np.random.Generator
) -> Creases:
    """Creases of random depth and width; a third of the actors are too young for any.

    Arguments:
        points: vertices of the refined mean head, metres.
        marks: its 478 landmarks, metres.
    """
    age = rng.uniform(0, 1) * (rng.uniform() < 0.67)
    shades, drives = [], []
    for line, drive in _creases(marks, rng):
        strength, width_m = age * rng.uniform(0.15, 0.7), rng.uniform(0.0007, 0.0022)
        away = cKDTree(_dense(line)).query(points, distance_upper_bound=5 * width_m)[0]
        shades.append(strength * np.exp(-((np.minimum(away, 1.0) / width_m) ** 2)))
        drives.append([drive.get(name, 0.0) for name in ACTIONS])
    return Creases(np.stack(shades).astype(np.float32), np.array(drives, np.float32))


def _creases(marks: Float[np.ndarray, "l 3"], rng: np.random.Generator) -> list[tuple[Line, dict[str, float]]]:
    """Each line, and how much of it every action brings."""
    both = [_side(marks, side, sign, rng) for side, sign in SIDES]
    brows = {"browInnerUp": 0.9, "browOuterUpLeft": 0.4, "browOuterUpRight": 0.4}
    wrinkled = {"noseSneerLeft": 0.8, "noseSneerRight": 0.8}
    middle = [(marks[list(NOSE_ROOT)] + [0, rng.normal(0, 0.002), 0], wrinkled),
              (marks[list(CHIN)], {"mouthShrugLower": 1.0, "mouthPucker": 0.3})]  # fmt: skip
    heights = rng.uniform(-0.008, 0.014, int(rng.integers(1, 4)))
    lines = [(marks[list(FOREHEAD)] + np.array([0, height, 0]), brows) for height in heights]
    return [crease for side in both for crease in side] + middle + lines


def _side(
    marks: Float[np.ndarray, "l 3"], side: str, sign: float, rng: np.random.Generator
) -> list[tuple[Line, dict[str, float]]]:
    low, high = (marks[index] for index in INNER_BROW[side])
    furrow = np.stack([low, high]) - [sign * rng.uniform(0.003, 0.006), 0, -0.001]
    squint = {f"cheekSquint{side}": 0.9, f"eyeSquint{side}": 0.6, f"mouthSmile{side}": 0.4, f"eyeBlink{side}": 0.2}
    fold = {f"mouthSmile{side}": 0.8, f"noseSneer{side}": 0.9, f"mouthUpperUp{side}": 0.7, f"cheekSquint{side}": 0.3}
    creases = [(furrow, {f"browDown{side}": 0.9, f"noseSneer{side}": 0.3}),
               (marks[list(NOSE_TO_MOUTH[side])], fold),
               (marks[list(UNDER_EYE[side])], {f"cheekSquint{side}": 0.8, f"eyeSquint{side}": 0.7}),
               (_ray(marks[MOUTH_CORNER[side]] + [0.006 * sign, 0.004, 0], [0, -0.012, 0]),
                {f"mouthDimple{side}": 1.0, f"mouthSmile{side}": 0.3, f"mouthStretch{side}": 0.3}),
               (_ray(marks[MOUTH_CORNER[side]], [0.003 * sign, -0.014, 0]), {f"mouthFrown{side}": 0.9})]  # fmt: skip
    corner = marks[OUTER_EYE[side]] + np.array([0.005 * sign, 0, 0])
    return creases + [(_ray(corner, [0.014 * sign, 0.014 * slope, -0.008]), squint) for slope in (0.5, 0.0, -0.5)]


def _ray(start: np.ndarray, along: Sequence[float | int]) -> Line:
    return np.stack([start, start + np.array(along)])


def _dense(line: Line) -> Float[np.ndarray, "q 3"]:
    steps = np.linspace(0, 1, 12)[:, None, None]
    return (line[:-1] * (1 - steps) + line[1:] * steps).reshape(-1, 3)
