"""Creases: where an expression makes them, and nowhere at rest."""

import numpy as np
import pytest

from dfe_lib.actors.actor import fine_mesh, landmarks_of, sample_actor
from dfe_lib.actors.creases import Creases, sample_creases
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.morphable.anny import anny_head

HEAD = anny_head()
REFINE, _ = fine_mesh(HEAD)
POINTS = REFINE @ HEAD.template.astype(float)
MARKS = landmarks_of(HEAD, HEAD.template.astype(float))


def psi(**levels: float) -> np.ndarray:
    return np.array([levels.get(name, 0.0) for name in ACTIONS])


def creases(seed: int) -> Creases:
    return sample_creases(POINTS, MARKS, np.random.default_rng(seed))


def old() -> Creases:
    return next(found for seed in range(20) if (found := creases(seed)).shade.max() > 0.3)


def test_a_face_at_rest_has_none() -> None:
    colours = np.full((len(POINTS), 3), 0.6)
    assert np.array_equal(old().on(colours, psi()), colours)


@pytest.mark.parametrize(
    ("action", "landmark"), [("browDownLeft", 285), ("noseSneerRight", 206), ("mouthShrugLower", 200)]
)
def test_an_action_creases_the_skin_where_it_folds_it(action: str, landmark: int) -> None:
    dark = 1 - old().on(np.ones((len(POINTS), 3)), psi(**{action: 1.0}))[:, 0]
    assert dark.max() > 0.05
    # the deepest point lies near the landmark of that fold
    assert np.linalg.norm(POINTS[dark.argmax()] - MARKS[landmark]) < 0.03


def test_a_crease_of_one_side_stays_on_it() -> None:
    dark = 1 - old().on(np.ones((len(POINTS), 3)), psi(browDownLeft=1.0))[:, 0]
    assert (POINTS[dark > 0.02, 0] > -0.002).all()


def test_the_same_source_gives_the_same_and_some_have_none() -> None:
    assert np.array_equal(creases(3).shade, creases(3).shade)
    smooth = sum(creases(seed).shade.max() == 0 for seed in range(60))
    assert 8 <= smooth <= 32


def test_an_actor_is_the_same_person_with_creases_and_without() -> None:
    plain, creased = (
        sample_actor(HEAD, REFINE, np.random.default_rng(5), ageing=ageing)
        for ageing in (None, np.random.default_rng(1))
    )
    assert np.array_equal(plain.neutral, creased.neutral)
    assert np.array_equal(plain.painted(psi()), creased.painted(psi()))
    assert plain.creases is None and creased.creases is not None
