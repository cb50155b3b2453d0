import pytest

from dfe_lib import action_units
from dfe_lib.action_units import ACTION_UNITS, AU_SETS, FULL, unit_table
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.io.assets import asset
from dfe_lib.io.delimited import text_layout

SETS = {
    "OPENFACE_INTENSITY": 17, "OPENFACE_OCCURRENCE": 18, "PYFEAT": 20, "LIBREFACE_INTENSITY": 12,
    "LIBREFACE_DETECTED": 12, "DISFA": 12, "BP4D": 12,
}  # fmt: skip


@pytest.mark.parametrize(("name", "count"), SETS.items())
def test_a_detectors_units_are_known_and_in_order(name, count) -> None:
    units = getattr(action_units, name)
    assert len(units) == count and list(units) == sorted(set(units)) and set(units) <= set(ACTION_UNITS)


def test_the_sets_are_those_of_the_real_files() -> None:
    openface, fex = (text_layout(asset(name)).names for name in ("OpenFace_Test.csv", "Fex_Test.csv"))
    assert [name for name in openface if name.endswith("_r") and name.startswith("AU")] == [
        f"{name}_r" for name in action_units.OPENFACE_INTENSITY
    ]
    assert [name for name in openface if name.endswith("_c")] == [
        f"{name}_c" for name in action_units.OPENFACE_OCCURRENCE
    ]
    assert [name for name in fex if name.startswith("AU")] == list(action_units.PYFEAT)


def test_the_tables_actions_exist_and_only_whole_heads_lack_some() -> None:
    assert {action for unit in ACTION_UNITS.values() for action in unit.actions} <= set(ACTIONS)
    assert {unit.number for unit in ACTION_UNITS.values() if not unit.actions} == {21, 31, 32, 36, 37, 38, 39}
    assert unit_table().code.is_unique and len(unit_table()) == len(ACTION_UNITS)


@pytest.mark.parametrize("name", [name for name in AU_SETS if name != "facs"])
def test_a_detectors_units_move_both_sides_alike(name) -> None:
    for code in AU_SETS[name]:
        actions = ACTION_UNITS[code].actions
        mirrored = {action.replace("Left", "_").replace("Right", "Left").replace("_", "Right") for action in actions}
        assert actions and mirrored == set(actions)


def test_the_two_sides_of_a_unit_make_the_unit() -> None:
    for code, unit in ACTION_UNITS.items():
        if f"{code}L" in FULL and unit.side == "both":
            sides = ACTION_UNITS[f"{code}L"].actions | ACTION_UNITS[f"{code}R"].actions
            assert sides == unit.actions and {f"{code}L", f"{code}R"} <= set(FULL) and code not in FULL
