import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, ttest_ind

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.cohort import (
    TRAITS,
    CohortConfig,
    cohort_expressions,
    people_table,
    simulate_person,
    write_cohort,
)
from dfe_lib.cohort.displays import DISPLAYS
from dfe_lib.cohort.events import EVENT_COLUMNS, psi_of_events
from dfe_lib.cohort.sessions import TASKS
from dfe_lib.errors import UserError
from dfe_lib.io.tables import SIMULATED, coefficient_names, read_arrays


def files(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_processes(tmp_path) -> None:
    config = CohortConfig(3, 0.5, 10, seed=4)
    for name, workers in (("a", 1), ("b", 2), ("c", 1)):
        write_cohort(config if name != "c" else CohortConfig(3, 0.5, 10, seed=5), tmp_path / name, workers)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert not set(files(tmp_path / "a").values()) & set(files(tmp_path / "c").values())


def test_the_tables_hold_the_truth_and_say_that_it_is_simulated(tmp_path) -> None:
    config = CohortConfig(2, 1, 12.5, seed=1)
    write_cohort(config, tmp_path)
    people, events = pd.read_parquet(tmp_path / "people.parquet"), pd.read_parquet(tmp_path / "events.parquet")
    assert set(people.data) == set(events.data) == {SIMULATED} and set(events.subject_id) == set(people.subject_id)
    assert people.drop(columns=["data", "rest"]).equals(people_table(config))
    for path, person in zip(cohort_expressions(tmp_path), people.itertuples(), strict=True):
        table = read_arrays(path)
        assert path.stem == person.subject_id and set(table["data"]) == {SIMULATED} and table["valid"].all()
        assert coefficient_names(path) == ACTIONS and set(table["task"]) == {task.name for task in TASKS}
        own = events[events.subject_id == person.subject_id]
        again = psi_of_events(own, np.asarray(person.rest), table["time_s"])
        np.testing.assert_allclose(table["psi"], again, atol=1e-6)
        assert set(own.display) <= {display.name for display in DISPLAYS}
        assert 0.1 < table["talking"].mean() < 0.6 and not table["talking"][table["task"] == "rest"].any()


def test_a_run_without_a_cohort_says_so_and_keeps_nothing_of_another(tmp_path) -> None:
    write_cohort(CohortConfig(2, 0.2, 10), tmp_path)
    assert len(cohort_expressions(tmp_path)) == 2
    write_cohort(CohortConfig(0, 0.2, 10), tmp_path)
    assert (
        list(files(tmp_path)) == ["cohort.json"] and json.loads((tmp_path / "cohort.json").read_text())["people"] == 0
    )


def test_psi_is_bounded_and_behaviour_does_not_hang_on_the_frame_rate() -> None:
    slow, fast = (simulate_person(CohortConfig(1, 1, fps, seed=2), 0) for fps in (10, 30))
    pd.testing.assert_frame_equal(slow.events, fast.events)
    np.testing.assert_array_equal(slow.psi, fast.psi[::3])
    assert fast.psi.min() >= 0 and fast.psi.max() <= 1 and fast.psi.dtype == np.float32
    assert list(slow.events.columns) == list(EVENT_COLUMNS) and slow.events.start_s.is_monotonic_increasing


def test_labels_are_spread_evenly_and_differ_between_seeds() -> None:
    table = people_table(CohortConfig(200, 0.1, 10))
    assert table.stress.sum() == 100 and table.subject_id.is_unique
    assert 0.26 < table.depressed.mean() < 0.3 and (table.depressed == (table.phq8 >= 10)).all()
    assert table.phq8.between(0, 24).all() and all(table[trait].between(0, 1).all() for trait in TRAITS)
    assert not table.stress.equals(people_table(CohortConfig(200, 0.1, 10, seed=1)).stress)


def test_the_null_cohort_is_null_and_its_behaviour_the_same_under_any_label() -> None:
    p_values = {"psi": [], "events": []}
    for seed in range(20):
        config = CohortConfig(12, 0.3, 4, effect_size=0, seed=seed)
        sessions = [simulate_person(config, index) for index in range(config.people)]
        stress = np.array([session.person["stress"] for session in sessions], bool)
        psi = np.array([session.psi.mean() for session in sessions])
        count = np.array([len(session.events) for session in sessions], float)
        for name, values in (("psi", psi), ("events", count)):
            p_values[name].append(ttest_ind(values[stress], values[~stress]).pvalue)
    for name, values in p_values.items():
        assert kstest(values, "uniform").pvalue > 0.01, name
    beyond = simulate_person(CohortConfig(12, 0.3, 4, effect_size=0, effect_where="beyond", seed=19), 3)
    np.testing.assert_array_equal(beyond.psi, sessions[3].psi)


def test_an_effect_in_timing_leaves_counts_strengths_and_areas_alone() -> None:
    null, timed = (
        simulate_person(CohortConfig(4, 3, 10, effect_size=size, effect_where="timing", seed=3), 1) for size in (0, 3)
    )
    assert null.events.display.value_counts().equals(timed.events.display.value_counts())
    for name in ("smile", "lip_press", "brow_flash"):
        before, after = (each.events[each.events.display == name] for each in (null, timed))
        np.testing.assert_allclose(np.sort(before.left), np.sort(after.left))
        assert not np.allclose(np.sort(before.onset_s), np.sort(after.onset_s))
    area = [(each.events.apex_s + (each.events.onset_s + each.events.offset_s) / 2).sum() for each in (null, timed)]
    assert area[0] == pytest.approx(area[1], rel=1e-3)
    assert np.abs(null.psi.mean(0) - timed.psi.mean(0)).max() < 0.01


def test_what_is_impossible_is_refused() -> None:
    with pytest.raises(UserError, match="people >= 0, minutes > 0"):
        CohortConfig(-1, 1, 10)
    with pytest.raises(UserError, match="effect_where must be one of all, detectable, beyond, timing"):
        CohortConfig(1, 1, 10, effect_where="elsewhere")
    with pytest.raises(UserError, match="no person 2 in a cohort of 2"):
        simulate_person(CohortConfig(2, 1, 10), 2)
