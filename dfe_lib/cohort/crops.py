"""Simulated people as pictures: crops of a rendered head that does what a person's coefficients say.

For the masked autoencoders, which see pictures alone. Each person has a look of their own, drawn apart from labels and
displays; everything shown is simulated.

    people = [simulate_person(config, index) for index in range(40)]
    crops = rendered_crops([(each.psi, each.time_s) for each in people])     # 16 crops a person
    vectors = fixed_vectors(mae_small.transform(crops))
"""

from collections.abc import Iterable, Sequence
from itertools import count

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix

from ..actors.actor import Actor, sample_actor
from ..morphable.anny import anny_head
from ..morphable.model import MorphableModel
from ..morphable.rendering import Camera, HeadRenderer, turn
from ..tracking.crops import Crops, spread

__all__ = ["rendered_crops"]

Performance = tuple[Float[np.ndarray, "t 52"], Float[np.ndarray, " t"]]
DISTANCE_M = 0.9
SEEN_M = 0.215
"""Side of the square that a crop shows, about as much of a head as `face_crops.crop_face` cuts out."""
SUBDIVISIONS = 0
POSE_DEG = 6.0
"""Spread of the head's turn, which stays the same within a stretch."""


def rendered_crops(
    people: Iterable[Performance],
    n: int = 16,
    size: int = 64,
    span_s: float | None = 2.0,
    stretches: int = 1,
    seed: int = 0,
) -> list[Crops]:
    """(stretches x n, size, size, 3) for each person: n frames of each stretch of time, see `face_crops.spread`.

    Arguments:
        people: of each psi (t, 52) and the times (t,) of its frames in seconds.
        n: crops of a stretch. size: in pixels. span_s: its length in seconds, the whole recording when None.
        stretches: equal parts of the recording, each with a stretch in its middle.
        seed: of looks and poses; a person's place in the order decides about their own.
    """
    head = anny_head()
    camera = Camera(DISTANCE_M, size * DISTANCE_M / SEEN_M, size, size)
    with HeadRenderer(head.faces, len(head.template), camera, SUBDIVISIONS) as renderer:
        return [
            _person(head, renderer, psi, _chosen(time_s, n, span_s, stretches), np.random.default_rng([seed, index]))
            for index, (psi, time_s) in zip(count(), people, strict=False)
        ]


def _chosen(time_s: Float[np.ndarray, " t"], n: int, span_s: float | None, stretches: int) -> list[np.ndarray]:
    parts = np.array_split(np.arange(len(time_s)), stretches)
    return [part[spread(time_s[part], n, span_s)] for part in parts]


def _person(
    head: MorphableModel,
    renderer: HeadRenderer,
    psi: np.ndarray,
    chosen: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> Crops:
    actor = _dressed(head, renderer.refine, rng)
    crops = []
    for rows in chosen:
        yaw, pitch, roll = rng.normal(0, POSE_DEG, 3).tolist()
        pose = turn(yaw, pitch, roll)
        crops += [renderer.render(actor.vertices(psi[row].astype(float)), actor.colours, pose) for row in rows]
    return np.stack(crops)


def _dressed(head: MorphableModel, refine: csr_matrix, rng: np.random.Generator) -> Actor:
    """An actor who moves exactly as the coefficients say."""
    return sample_actor(head, refine, rng, strangeness=0.0)
