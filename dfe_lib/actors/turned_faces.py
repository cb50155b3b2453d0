"""How far a small face may be turned and still be found: rendered actors, whose yaw is known, in large frames."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ..morphable.anny import anny_head
from ..morphable.model import MorphableModel
from ..tracking.recall import Person, background_scenes, found_row, person_in
from .actor import landmarks_of, sample_actor
from .expressions import sample_expressions
from .filming import Studio, sample_shot

__all__ = ["turned_faces_found"]

FIRST_ACTOR = 70_000
"""Number of the first actor: no film has one of these."""
SHARP_PX = 300.0
"""Height of an actor's face before it is shrunk."""


def turned_faces_found(
    yaws: Sequence[float] = (0.0, 20.0, 40.0, 60.0), n_actors: int = 8, size: int = 60, seed: int = 0
) -> pd.DataFrame:
    """Recall by yaw of rendered actors, by FaceLandmarker alone and by `detection.FaceFinder`.

    As in :func:`dfe_lib.tracking.recall.faces_found`, but the people are rendered, each turned to one side.

    Arguments:
        yaws: Degrees that the head is turned by, pitch and roll 0.
        n_actors: Actors of each row, the same in all.
        size: Height of the faces' landmarks in pixels, in frames of 1920 x 1080.
        seed: Of actors, places, directions and textures.

    Returns:
        A row for each yaw: `yaw_deg`, and the columns of `faces_found`.
    """
    head, scenes = anny_head(), background_scenes(seed)
    with Studio(head) as studio:
        people = [list(_turned(head, studio, [seed, FIRST_ACTOR + number], yaws)) for number in range(n_actors)]
    return pd.DataFrame(
        {"yaw_deg": yaw} | found_row(turned, size, scenes, np.random.default_rng(seed))
        for yaw, turned in zip(yaws, zip(*people, strict=True), strict=True)
    )


def _turned(head: MorphableModel, studio: Studio, seed: list[int], yaws: Sequence[float]) -> Iterator[Person]:
    """One actor with one expression and light, at each yaw, to a side of its own."""
    rng = np.random.default_rng(seed)
    actor, psi = sample_actor(head, studio.refine, rng), sample_expressions(1, rng)[0]
    shot, side = replace(sample_shot(rng, "rendered"), face_px=SHARP_PX, pitch=0.0, roll=0.0), int(rng.choice([-1, 1]))
    marks = landmarks_of(head, actor.vertices(psi))
    for yaw in yaws:
        turned = replace(shot, yaw=side * yaw)
        placed = marks @ turned.rotation.T + [*turned.shift, 0]
        pixels = turned.camera.project(placed) * turned.scale
        landmarks = np.pad(pixels, ((0, 0), (0, 1))).astype(np.float32)
        yield person_in(studio.picture(actor, psi, turned), landmarks)
