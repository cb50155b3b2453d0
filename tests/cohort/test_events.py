import numpy as np
import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.events import EVENT_COLUMNS, psi_of_events

REST = np.full(52, 0.05)


def event(display="smile", start=1.0, onset=0.5, apex=1.0, offset=0.5, left=0.8, right=0.4) -> pd.DataFrame:
    return pd.DataFrame([(display, "rest", start, onset, apex, offset, left, right)], columns=list(EVENT_COLUMNS))


def test_an_event_rises_stays_and_falls_on_each_side() -> None:
    time_s = np.arange(40) / 10
    psi = psi_of_events(event(), REST, time_s)
    left, right = psi[:, ACTIONS.index("mouthSmileLeft")], psi[:, ACTIONS.index("mouthSmileRight")]
    np.testing.assert_allclose(left[[0, 10, 15, 20, 25, 30, 39]], np.array([0, 0, 1, 1, 1, 0, 0]) * 0.72 + 0.05)
    assert left[12] - 0.05 == pytest.approx(0.72 * (1 - np.cos(np.pi * 0.4)) / 2)
    np.testing.assert_allclose(right - 0.05, (left - 0.05) / 2, atol=1e-12)
    np.testing.assert_array_equal(psi[:, ACTIONS.index("jawLeft")], 0.05)


def test_events_add_up_and_are_clipped() -> None:
    time_s = np.array([1.6, 2.0])
    one, two = event(left=0.4, right=0.4), event("laugh", left=0.2, right=0.2)
    both = psi_of_events(pd.concat([one, two]), REST, time_s)
    parts = psi_of_events(one, REST, time_s) + psi_of_events(two, REST, time_s) - REST
    np.testing.assert_allclose(both, parts)
    strong = psi_of_events(pd.concat([event(left=1.0), event(left=1.0)]), REST, time_s)
    assert strong.max() == 1.0


def test_no_events_are_the_face_at_rest() -> None:
    np.testing.assert_array_equal(psi_of_events(event()[:0], REST, np.arange(3.0)), np.tile(REST, (3, 1)))
