import dataclasses

import numpy as np

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.morphable.anny import anny_head, shown_tongue

TONGUE = ACTIONS.index("tongueOut")


def test_only_the_tongue_is_held_back_and_only_behind_the_lips() -> None:
    psi = np.random.default_rng(0).normal(size=(40, len(ACTIONS)))
    shown = shown_tongue(anny_head(), psi)
    others = [i for i in range(len(ACTIONS)) if i != TONGUE]
    np.testing.assert_array_equal(shown[:, others], psi[:, others])
    kept = shown[:, TONGUE] != 0
    assert 0 < kept.sum() < 40 and (shown[kept, TONGUE] == psi[kept, TONGUE]).all()
    assert psi[kept, TONGUE].min() > psi[~kept, TONGUE].max()


def test_a_kept_tongue_ends_before_the_lips() -> None:
    head = anny_head()
    inside = head.region("inner_mouth")
    psi = np.linspace(0, 1, 101)[:, None] * np.eye(len(ACTIONS))[TONGUE]
    tips = head.vertices(psi)[:, inside, 2].max(1)
    lips = head.landmarks(head.template)[[13, 14], 2].mean()
    shown = shown_tongue(head, psi)[:, TONGUE] > 0
    assert abs(tips[shown].min() - lips) < 0.003 and tips[~shown].max() < lips + 0.003


def test_a_head_without_landmarks_keeps_its_psi() -> None:
    psi = np.full((1, len(ACTIONS)), 0.1)
    assert shown_tongue(dataclasses.replace(anny_head(), landmarks=None), psi) is psi
