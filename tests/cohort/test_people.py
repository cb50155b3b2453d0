import numpy as np
import pytest

from dfe_lib.blendshapes import mirror_permutation
from dfe_lib.cohort.displays import DISPLAYS, display_index
from dfe_lib.cohort.people import RESTING, RESTING_SHAPE, SIDE_SHAPE, log_rate_covariance, mean_counts, sample_person


@pytest.fixture(scope="module")
def people():
    return [sample_person(np.random.default_rng([9, index])) for index in range(1500)]


def test_rates_have_mean_factor_one_and_the_covariance_they_are_set_to(people) -> None:
    logs = np.stack([person.log_rates.ravel() for person in people])
    np.testing.assert_allclose(np.exp(logs).mean(0), 1, atol=0.08)
    np.testing.assert_allclose(np.cov(logs.T), log_rate_covariance(), atol=0.035)
    assert np.diag(log_rate_covariance()).max() > 0.2


def test_faces_at_rest_have_their_means_and_are_nearly_symmetric(people) -> None:
    rest = np.stack([person.rest for person in people])
    assert rest.min() >= 0 and rest[:, 2].mean() == pytest.approx(RESTING["browInnerUp"], rel=0.1)
    assert np.log(rest[:, 2]).std() == pytest.approx(np.hypot(RESTING_SHAPE, SIDE_SHAPE), rel=0.07)
    mirror, shown = mirror_permutation(), rest.mean(0) > 0.02
    correlation = [np.corrcoef(rest[:, i], rest[:, mirror[i]])[0, 1] for i in np.flatnonzero(shown)]
    assert min(correlation) > 0.8


def test_a_mouth_that_talks_has_less_time() -> None:
    counts = mean_counts(6)
    assert counts[display_index("cheek_puff"), 3] == pytest.approx(0.5 * 0.5 * (0.1 + 0.9 * 0.4))
    assert counts[[display.group == "speech" for display in DISPLAYS]].sum() == 0
