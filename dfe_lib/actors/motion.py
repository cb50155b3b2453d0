"""Actors that move: displays held and left, under a head that sways, so that smoothing can be judged by the truth."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..blendshapes import ACTIONS
from ..morphable.model import MorphableModel
from ..tracking.landmarker import FaceLandmarks
from .actor import sample_actor
from .basis import response
from .expressions import sample_expressions
from .filming import FPS, Shot, Studio, film_actor, sample_shot, store_film

__all__ = ["film_motion", "sample_motion"]

REST = 12
"""Neutral frames that a film begins with."""
RESTING = 0.35
"""Share of displays that the face leaves for rest."""
SWAY_DEG = (8.0, 5.0, 4.0)
"""Size of yaw, pitch and roll."""


def sample_motion(n: int, rng: np.random.Generator) -> Float[np.ndarray, "n 52"]:
    """n frames of psi: rest, then displays of `performances` held for a third of a second to a second, with smooth
    transitions of 4 to 14 frames.

    >>> psi = sample_motion(90, np.random.default_rng(0))
    >>> psi.shape, float(psi[:12].max())
    ((90, 52), 0.0)
    """
    frames, here = [np.zeros((REST, len(ACTIONS)))], np.zeros(len(ACTIONS))
    while sum(map(len, frames)) < n:
        there = 0 * here if rng.uniform() < RESTING else sample_expressions(1, rng)[0]
        steps = int(rng.integers(4, 15))
        share = np.arange(1, steps + 1)[:, None] / steps
        share = share**2 * (3 - 2 * share)
        frames += [here + share * (there - here), np.tile(there, (int(rng.integers(10, 30)), 1))]
        here = there
    return np.concatenate(frames)[:n]


def film_motion(
    head: MorphableModel, folder: Path, actors: range, seed: int, frames: int, heads: Float[np.ndarray, "n v 3"]
) -> Iterator[Path]:
    """Films moving actors as `filming.film_actors` films still ones, and yields the files; what exists stays as it is.

    Arguments:
        actors: numbers. heads: neutral heads (V, 3) by number.
        frames: of each actor, `filming.FPS` a second.
    """
    paths = {number: folder / f"actor_{number:05d}.safetensors" for number in actors}
    with Studio(head) as studio:
        for number, path in paths.items():
            if not path.exists():
                rng = np.random.default_rng([seed, number])
                actor = sample_actor(head, studio.refine, rng, 0.0, heads[number])
                psi, shots = sample_motion(frames, rng), _swaying(sample_shot(rng, "rendered"), frames, rng)
                with FaceLandmarks(video=True) as detector:
                    film = film_actor(head, studio, detector, actor, psi, shots)
                store_film(path, film, ["rendered"] * frames, response(head, actor.expression))
            yield path


def _swaying(shot: Shot, n: int, rng: np.random.Generator) -> list[Shot]:
    """The same shot with the head swaying, and the grain of each frame its own."""
    time = np.arange(n) / FPS
    waves = np.sin(2 * np.pi * rng.uniform(0.1, 0.6, (3, 4, 1)) * time + rng.uniform(0, 2 * np.pi, (3, 4, 1))).mean(1)
    angles = np.array([shot.yaw, shot.pitch, shot.roll])[:, None] + 1.5 * np.array(SWAY_DEG)[:, None] * waves
    return [
        replace(shot, yaw=float(yaw), pitch=float(pitch), roll=float(roll), grain=number)
        for number, (yaw, pitch, roll) in enumerate(angles.T)
    ]
