import numpy as np
import pytest

from dfe_lib.cohort.calibration import SHARES, cohort_summary, measure, share_between_people
from dfe_lib.cohort.cohort import CohortConfig, simulate_person

PEOPLE = 160


@pytest.fixture(scope="module")
def summary():
    config = CohortConfig(PEOPLE, 5, 4, seed=7)
    return cohort_summary(measure(simulate_person(config, index) for index in range(PEOPLE)), config)


def test_every_statistic_is_what_it_was_set_to_within_its_sampling_error(summary) -> None:
    half = np.maximum((summary.ci_high - summary.ci_low) / 2, 0.05)
    away = (summary.measured - summary.set_to) / (half / 1.96)
    assert (away.abs() < 4).all(), summary[away.abs() >= 4]
    assert (away.abs() > 2).mean() < 0.15
    assert abs(away.mean()) < 0.6
    assert np.corrcoef(summary.set_to, summary.measured)[0, 1] > 0.95


def test_sizes_of_effects_are_found(summary) -> None:
    sizes = summary[summary.statistic.str.startswith("d, ")]
    slope = np.polyfit(sizes.set_to, sizes.measured, 1)[0]
    assert 0.8 < slope < 1.25
    shown = sizes.set_index("statistic").measured
    assert shown["d, depression: smile and 4 more, funny_video (detectable)"] < -0.2
    assert shown["d, stress: jaw_thrust and 1 more, session (beyond)"] > 0.15


def test_the_table_names_its_sources(summary) -> None:
    assert len(summary) == 3 + len(SHARES) + 30 and set(summary.data) == {"simulated"}
    assert summary.source.str.len().min() > 5 and summary.measured.notna().all()


def test_a_switch_leaves_the_other_effects_at_nought() -> None:
    config = CohortConfig(8, 1, 4, effect_where="beyond")
    table = cohort_summary(measure(simulate_person(config, index) for index in range(8)), config)
    sizes = table[table.statistic.str.match("[dr], ")]
    assert (sizes.set_to != 0).eq(sizes.statistic.str.contains("(beyond)", regex=False)).all()


def test_the_share_between_people_is_that_of_a_known_mixture() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(20_000, 1)) * np.sqrt(0.7) + rng.normal(size=(20_000, 6)) * np.sqrt(0.3)
    assert share_between_people(means) == pytest.approx(0.7, abs=0.02)
