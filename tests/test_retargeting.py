from dataclasses import replace

import numpy as np
import pytest

from dfe_lib.anny_head import anny_head
from dfe_lib.names import ACTIONS
from dfe_lib.rendering import turn
from dfe_lib.retargeting import Retargeting


@pytest.fixture(scope="module")
def moved_head():
    """Somebody else's head in another place, size and direction, with its expressions mixed into 20 new ones."""
    head = anny_head()
    rotation = turn(yaw=6, pitch=-4) * 1.12
    beta = np.zeros(len(head.identity))
    beta[:10] = np.random.default_rng(0).normal(0, 0.7, 10)
    mix = np.abs(np.random.default_rng(1).normal(0, 0.3, (20, 52))) * (np.random.default_rng(2).random((20, 52)) < 0.06)
    template = head.vertices(np.zeros(52), beta) @ rotation.T + [0.3, -1.5, 0.2]
    expression = np.tensordot(mix, head.expression, 1) @ rotation.T
    return replace(head, template=template, expression=expression, names=tuple(f"exp{i}" for i in range(20))), mix


def test_a_head_on_itself_keeps_its_expressions() -> None:
    psi = np.random.default_rng(0).random((6, 52)) * (np.random.default_rng(1).random((6, 52)) < 0.15)
    found, left = Retargeting(anny_head(), anny_head())(psi)
    difference = found - psi
    assert np.sqrt(np.einsum("ni,ij,nj->n", difference, anny_head().gram(), difference)).max() < 0.1
    assert left.max() < 0.1


def test_the_actions_of_another_head_are_found(moved_head) -> None:
    head, mix = moved_head
    retarget = Retargeting(head, anny_head())
    found, left = retarget(np.eye(20))
    gram = anny_head().gram()
    wrong = np.sqrt(np.einsum("ni,ij,nj->n", found - mix, gram, found - mix))
    size = np.sqrt(np.einsum("ni,ij,nj->n", mix, gram, mix))
    moving = size > 0.5
    assert moving.sum() >= 8 and np.median(wrong[moving] / size[moving]) < 0.3
    assert found.min() >= 0 and found.max() <= 1 and retarget.apart_mm < 5
    strongest = (mix * np.sqrt(np.diag(gram))).argmax(1)
    same = strongest == (found * np.sqrt(np.diag(gram))).argmax(1)
    assert same[moving].mean() > 0.7, ACTIONS[strongest[0]]
    assert (left[moving] < size[moving]).all()


def test_no_expression_is_no_action(moved_head) -> None:
    found, left = Retargeting(moved_head[0], anny_head())(np.zeros((1, 20)))
    assert np.abs(found).max() < 1e-6 and left[0] < 1e-6
