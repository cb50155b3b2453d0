import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS, mirror_permutation
from dfe_lib.cohort.displays import DISPLAYS, GROUPS, display_index, primitives, side_templates


def test_the_inventory_is_rich_and_sourced() -> None:
    names = [display.name for display in DISPLAYS]
    assert len(set(names)) == len(names) and {display.group for display in DISPLAYS} == set(GROUPS)
    assert sum(display.beyond_facs for display in DISPLAYS) >= 12
    assert all(display.source and display.rate > 0 and 0 < display.level <= 1 for display in DISPLAYS)
    needed = {"jaw_sideways", "jaw_thrust", "cheek_puff", "cheek_suck", "lower_lip_roll", "upper_lip_roll",
              "one_sided_smile", "mouth_sideways", "tongue_show"}  # fmt: skip
    assert needed <= {display.name for display in DISPLAYS if display.beyond_facs}


def test_every_action_occurs_and_every_stem_is_one() -> None:
    known = set(ACTIONS) | {name.removesuffix("Left").removesuffix("Right") for name in ACTIONS}
    assert {stem for display in DISPLAYS for stem in display.actions} <= known
    left, right = side_templates()
    assert ((left + right).max(0) > 0).all()


def test_primitives_are_the_full_displays_side_by_side() -> None:
    names, psi = primitives()
    assert len(set(names)) == len(names) == len(psi) and psi.min() >= 0 and psi.max() <= 1
    assert (np.linalg.norm(psi, axis=1) > 0.3).all()
    smile = psi[names.index("smile")]
    assert smile[ACTIONS.index("mouthSmileLeft")] == smile[ACTIONS.index("mouthSmileRight")] == pytest.approx(0.9)
    jaw = psi[names.index("jaw_sideways_left")]
    assert jaw[ACTIONS.index("jawLeft")] == pytest.approx(0.8) and jaw[ACTIONS.index("jawRight")] == 0


def test_sides_are_mirror_images() -> None:
    left, right = side_templates()
    mirror = mirror_permutation()
    same = [i for i, display in enumerate(DISPLAYS) if display.group != "gaze"]
    np.testing.assert_allclose(left[same], right[same][:, mirror], atol=1e-12)
    gaze = [display_index(name) for name in ("gaze_left", "gaze_right")]
    np.testing.assert_allclose(left[gaze[0]], left[gaze[1]][mirror], atol=1e-12)
