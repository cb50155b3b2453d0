import numpy as np
import pytest

from dfe_lib.cohort.sessions import GRID_HZ, TASKS, sample_schedule


def test_tasks_share_the_session_and_talk_has_its_share() -> None:
    schedules = [sample_schedule(12, np.random.default_rng(seed)) for seed in range(60)]
    which = schedules[0].task_at(schedules[0].grid_s())
    assert np.bincount(which).tolist() == [120 * GRID_HZ] * len(TASKS)
    talking = np.mean([schedule.talking for schedule in schedules], axis=0)
    for index, task in enumerate(TASKS):
        assert talking[which == index].mean() == pytest.approx(task.talking, abs=0.03)


def test_stretches_of_talk_have_their_mean_length() -> None:
    schedule = sample_schedule(600, np.random.default_rng(1))
    here = schedule.talking[schedule.task_at(schedule.grid_s()) == len(TASKS) - 1]
    starts = (np.diff(here.astype(int)) == 1).sum()
    assert here.sum() / GRID_HZ / starts == pytest.approx(TASKS[-1].turn_s, rel=0.1)


def test_talk_at_a_time_is_that_of_its_step() -> None:
    schedule = sample_schedule(1, np.random.default_rng(2))
    np.testing.assert_array_equal(schedule.talking_at(schedule.grid_s()), schedule.talking)
    assert schedule.task_at(np.array([0.0, 59.99, 60.0])).tolist() == [0, 5, 5]
