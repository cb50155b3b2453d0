import dataclasses

import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS, mirror_permutation
from dfe_lib.errors import UserError
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.phrases import main_regions, movements, sentence


def psi(**amounts: float) -> np.ndarray:
    row = np.zeros((1, len(ACTIONS)))
    for name, amount in amounts.items():
        row[0, ACTIONS.index(name)] = amount
    return row


def told(most: int = 2, **amounts: float) -> str:
    return sentence(movements(anny_head(), psi(**amounts))[0], most)


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        ({"mouthSmileLeft": 0.6}, "Left lip corner up 7 mm and outwards 4 mm"),
        ({"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}, "Both lip corners up 7 mm and outwards 4 mm"),
        ({"jawOpen": 0.5}, "Mouth opens 16 mm"),
        ({"jawOpen": -0.1}, "Mouth closes 3 mm"),
        ({"jawLeft": 1.0}, "Jaw to the left 7 mm"),
        ({"browInnerUp": 1.0}, "Both inner brows up 3 mm"),
        ({"browInnerUp": 1.0, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8}, "Both brows up 3 mm"),
        ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, "Both eyes close 11 mm"),
        ({"eyeBlinkRight": 1.0}, "Right eye closes 11 mm"),
        ({"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}, "Gaze to the left 6 mm"),
        ({"tongueOut": 1.0}, "Tongue out 27 mm"),
    ],
)
def test_a_movement_is_told_as_a_person_would_see_it(amounts: dict[str, float], words: str) -> None:
    assert told(1, **amounts) == words


def test_what_the_jaw_drags_along_goes_without_words() -> None:
    assert told(6, jawOpen=1.0) == "Mouth opens 32 mm"


def test_closed_lips_under_a_lowered_jaw_are_no_open_mouth() -> None:
    words = told(6, jawOpen=0.5, mouthClose=0.5)
    assert "opens" not in words and "jaw down" in words.lower()


def test_a_tongue_behind_the_lips_has_no_words() -> None:
    assert (
        told(4, tongueOut=0.5, browInnerUp=1.0) == told(4, tongueOut=-0.5, browInnerUp=1.0) == told(4, browInnerUp=1.0)
    )


def test_nothing_visible_has_no_words() -> None:
    assert told() == told(jawOpen=0.005) == "Hardly anything moves"


def test_a_mirrored_movement_says_the_other_side() -> None:
    rows = np.eye(len(ACTIONS))
    swap = {"left": "right", "right": "left", "both": "both", "": ""}
    here = movements(anny_head(), rows)
    there = movements(anny_head(), rows[:, mirror_permutation()])
    for name, one, other in zip(ACTIONS, here, there, strict=True):
        if name.endswith(("Left", "Right")) and one and name.startswith(("brow", "eyeB", "eyeW", "jaw", "mouthSmile")):
            assert {(m.part, swap[m.side]) for m in one[:1]} == {(m.part, m.side) for m in other[:1]}, name


def test_lengths_are_those_of_the_mesh() -> None:
    (found,) = movements(anny_head(), psi(jawLeft=1.0))
    chin = anny_head().landmarks(anny_head().expression.astype(float))[ACTIONS.index("jawLeft"), 152, 0] * 1000
    assert found[0].mm == pytest.approx(chin)


def test_a_head_without_landmarks_is_one_sentence() -> None:
    with pytest.raises(UserError, match="has no landmarks"):
        movements(dataclasses.replace(anny_head(), landmarks=None), psi())


def test_regions_are_where_the_face_moves() -> None:
    rows = np.vstack([psi(browInnerUp=1.0), psi(eyeBlinkLeft=1.0), psi(jawOpen=1.0), psi()])
    assert [regions[:1] for regions in main_regions(anny_head(), rows)] == [["brows"], ["eyes"], ["jaw"], []]
