import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.cohort import CohortConfig
from dfe_lib.cohort.error_model import ErrorModel
from dfe_lib.cohort.filmed import FilmedPerson, film_people, observation_table, temporal_error
from dfe_lib.morphable.anny import anny_head


def invented(lasting=0.4, memory_s=0.6) -> ErrorModel:
    noise, louder = np.eye(52) * 0.01**2, np.array([1.0, 0.0])
    return ErrorModel(np.eye(52) * 0.7, np.full(52, 0.2), noise, louder, lasting, memory_s, lost=0.0)


def made_by(model: ErrorModel, count: int, frames: int = 300) -> list[FilmedPerson]:
    """Films whose errors are the model's own; half of the frames open the jaw."""
    truth = np.zeros((frames, 52))
    truth[frames // 2 :, ACTIONS.index("jawOpen")] = 0.6
    time_s = np.arange(frames) / 10
    estimated = [model.observe(truth, time_s, seed)[0].astype(float) for seed in range(count)]
    return [FilmedPerson(time_s, truth, each, model.sigma(each), []) for each in estimated]


def test_the_memory_of_errors_is_found_in_films() -> None:
    lasting, memory_s = temporal_error(made_by(invented(), 60), invented())
    assert lasting == pytest.approx(0.4, abs=0.06) and memory_s == pytest.approx(0.6, rel=0.15)


def test_both_paths_agree_where_the_films_follow_the_model() -> None:
    model = invented()
    table = observation_table(made_by(model, 20), model, anny_head(), seed=500)
    shown = table.set_index(["statistic", "region_or_action"])
    assert shown.loc[("gain", "jawOpen"), "filmed"] == pytest.approx(0.7, abs=0.02)
    assert shown.loc[("recall", "jawOpen"), "error_model"] == 1.0 and set(table.data) == {"simulated"}
    np.testing.assert_allclose(table.error_model, table.filmed, rtol=0.05, atol=0.02)


def test_a_filmed_person_is_found_and_read() -> None:
    film = film_people(CohortConfig(2, 1, 10), range(1, 2), 8, anny_head(), keep=2)[0]
    assert film.truth.shape == film.estimated.shape == (8, 52) and len(film.pictures) == 2
    assert np.isfinite(film.estimated).all() and film.estimated.min() >= 0 and film.estimated.max() <= 1
    assert 50 < film.time_s[0] < 60, "the second person is filmed in the interview"
    assert film.pictures[0][1].std() > 10


def test_of_a_task_that_is_shorter_than_asked_every_frame_is_filmed() -> None:
    (film,) = film_people(CohortConfig(1, 0.1, 10), range(1), 16, anny_head())
    assert len(film.time_s) == len(film.estimated) == 10, "six tasks share six seconds"
