import numpy as np
import pytest

from dfe_lib.bench.schedule import clip_lengths, simulated_schedule
from dfe_lib.errors import UserError


def test_tasks_go_to_whoever_is_free_longest_first():
    run = simulated_schedule([1.0, 4.0, 2.0, 3.0], workers=2)
    assert (run.wall_s, run.work_s, run.deaths) == (5.0, 10.0, 0)  # 4 and 1, 3 and 2
    assert simulated_schedule([1.0] * 7, workers=100, start_s=2.0).wall_s == 3.0
    assert simulated_schedule([], workers=3).wall_s == 0.0


def test_a_dead_worker_costs_what_it_had_begun_and_its_start_and_no_task_is_lost():
    tasks = np.full(200, 10.0)
    run = simulated_schedule(tasks, workers=4, start_s=5.0, life_s=100.0, seed=1)
    assert run.work_s == tasks.sum() and run.deaths > 10
    assert 0 < run.lost_s < 10.0 * run.deaths
    busy = run.work_s + run.lost_s + 5.0 * (run.deaths + 4)
    assert busy / 4 <= run.wall_s <= busy / 4 + 30.0
    assert run == simulated_schedule(tasks, workers=4, start_s=5.0, life_s=100.0, seed=1)


def test_lengths_add_up_to_the_hours_and_are_those_of_the_kind():
    short, long = clip_lengths("short clips", 2.0), clip_lengths("interviews", 500.0)
    assert short.sum() == pytest.approx(7200) and set(short) == {15.0}
    assert long.sum() == pytest.approx(500 * 3600)
    low, high = np.percentile(long, [5, 95]) / 60
    assert low == pytest.approx(7, rel=0.1) and high == pytest.approx(33, rel=0.1)


def test_nobody_does_no_work():
    with pytest.raises(UserError, match="at least one worker"):
        simulated_schedule([1.0], workers=0)
