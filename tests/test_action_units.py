import pytest

from dfe_lib import action_units
from dfe_lib.action_units import ACTION_UNITS
from dfe_lib.assets import asset
from dfe_lib.text_tables import text_layout

SETS = {
    "OPENFACE_INTENSITY": 17, "OPENFACE_OCCURRENCE": 18, "PYFEAT": 20, "LIBREFACE_INTENSITY": 12,
    "LIBREFACE_DETECTED": 12, "DISFA": 12,
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
