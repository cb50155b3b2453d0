import numpy as np
import pandas as pd
import pytest
from frame_sets import faces

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.likeness import OBSERVED, compared_kinds, likeness_actions, likeness_table
from dfe_lib.io.tables import REAL, SIMULATED
from dfe_lib.morphable.space import expression_space
from dfe_lib.quantisation.corpus import joined

JAW, SMILE = ACTIONS.index("jawOpen"), ACTIONS.index("mouthSmileLeft")
SPACE = expression_space(ACTIONS)


def opening(people, data, jaw, together):
    """A minute, ten frames a second, of a jaw that opens evenly in its second half, and a smile with it or not."""
    psi = np.zeros((600, len(ACTIONS)))
    psi[300:, JAW] = jaw * np.linspace(0, 1, 300)
    psi[:, SMILE] = psi[:, JAW] if together else psi[::-1, JAW]
    return faces(people, 600, np.tile(psi, (len(people), 1)), data)


@pytest.fixture(scope="module")
def kinds():
    return {REAL: joined([opening(["anna"], REAL, 0.8, True), opening(["ben"], REAL, 0.4, True)]),
            SIMULATED: opening(["sim0"], SIMULATED, 0.4, False)}  # fmt: skip


@pytest.fixture(scope="module")
def table(kinds) -> pd.DataFrame:
    return likeness_table(kinds, SPACE).set_index("statistic")


def test_people_who_move_twice_as_far_have_twice_the_spread_and_speed(table) -> None:
    for statistic in ("spread_mm", "spread_mm, jaw", "speed_mm_per_s"):
        row = table.loc[statistic]
        assert row.real_most == pytest.approx(2 * row.real_least)
        assert row.real == pytest.approx(1.5 * row.real_least)


def test_what_moves_together_is_one_component(table) -> None:
    assert table.real["first_1"] == pytest.approx(1) and table.simulated["first_1"] < 0.99
    assert table.real["correlation"] == pytest.approx(1) and table.simulated["correlation"] < 0.7


def test_a_face_that_keeps_still_for_half_the_time_rests_that_long(table) -> None:
    assert 0.5 < table.real_least["rest_share"] < table.real_most["rest_share"] < 0.7


def test_speed_and_use_of_an_action_do_not_depend_on_the_rate_of_frames(kinds) -> None:
    real = kinds[REAL]
    whole = likeness_actions({REAL: real}, SPACE).set_index("action")
    assert whole.speed_real["jawOpen"] == pytest.approx((0.8 + 0.4) / 2 / 60, rel=0.02)
    psi = np.repeat(real.psi, 3, axis=0)  # thirty frames a second, of which three are alike
    fast = faces(["anna", "ben"], 1800, psi, REAL)
    fast = type(fast)(**{**vars(fast), "time_s": fast.time_s / 3})
    again = likeness_actions({REAL: fast}, SPACE).set_index("action")
    np.testing.assert_allclose(again.speed_real["jawOpen"], whole.speed_real["jawOpen"], rtol=0.02)
    np.testing.assert_allclose(again.active_real["jawOpen"], whole.active_real["jawOpen"], atol=0.01)


def test_simulated_people_are_compared_as_filmed_too(kinds) -> None:
    found = compared_kinds(joined(list(kinds.values())), people=1)
    assert list(found) == [REAL, SIMULATED, OBSERVED]
    assert found[OBSERVED].frame.tolist() == found[SIMULATED].frame.tolist()
    assert 0 < np.abs(found[OBSERVED].psi - found[SIMULATED].psi).max() <= 1
    assert compared_kinds(kinds[REAL]) == {}
