import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.cohort import CohortConfig, simulate_person
from dfe_lib.cohort.error_model import ErrorModel, fit_error_model, observed, pretrained_error_model
from dfe_lib.errors import UserError


def invented(rng, lost=0.0) -> ErrorModel:
    root = rng.normal(size=(52, 52)) * 0.01
    return ErrorModel(np.eye(52) * 0.5, np.full(52, 0.3), root @ root.T, np.array([1.0, 0.0]), 0.3, 0.5, lost)


def test_what_was_put_in_is_fitted_back() -> None:
    rng = np.random.default_rng(0)
    response = np.eye(52) * 0.6
    response[ACTIONS.index("jawOpen"), ACTIONS.index("mouthPucker")] = 0.2
    truth = rng.random((4000, 52)) * (rng.random((4000, 52)) < 0.3)
    estimated = truth @ response.T + 0.1 + rng.normal(0, 0.05, (4000, 52))
    model = fit_error_model(truth, estimated, 0.2, 1.0, 0.0)
    np.testing.assert_allclose(model.response, response, atol=0.03)
    np.testing.assert_allclose(model.offset, 0.1, atol=0.03)
    np.testing.assert_allclose(np.diag(model.covariance), 0.05**2, rtol=0.1)


def test_noise_has_its_spread_its_memory_and_its_share_that_lasts() -> None:
    model, time_s = invented(np.random.default_rng(1)), np.arange(400) / 10
    estimated = np.stack([model.observe(np.zeros((400, 52)), time_s, seed)[0] for seed in range(120)]) - 0.3
    total, expected = np.square(estimated).mean((0, 1)), np.diag(model.covariance)
    np.testing.assert_allclose(total.sum(), expected.sum(), rtol=0.1)
    moving = estimated - estimated.mean(1, keepdims=True)
    lag = (moving[:, 1:] * moving[:, :-1]).sum() / np.square(moving).sum()
    assert lag == pytest.approx(np.exp(-0.1 / 0.5), abs=0.03)
    assert estimated.mean(1).var(0).sum() / expected.sum() == pytest.approx(0.3, abs=0.07)


def test_lost_frames_are_told_and_repeat_the_one_before(monkeypatch) -> None:
    model = invented(np.random.default_rng(2), lost=0.3)
    _, found = model.observe(np.zeros((1000, 52)), np.arange(1000) / 10, 3)
    assert 1 - found.mean() == pytest.approx(0.3, abs=0.05)
    monkeypatch.setattr("dfe_lib.cohort.error_model.pretrained_error_model", lambda: model)
    estimated = observed(np.zeros((1000, 52)), np.arange(1000) / 10, 3)
    lost = np.flatnonzero(~found[1:]) + 1
    np.testing.assert_array_equal(estimated[lost], estimated[lost - 1])
    assert not (estimated[1:] == estimated[:-1]).all(1)[found[1:]].any()


def test_the_shipped_model_has_the_estimators_channels_and_the_file_reads_back(tmp_path) -> None:
    model = pretrained_error_model()
    gains = dict(zip(ACTIONS, np.diag(model.response), strict=True))
    assert gains["jawOpen"] > 0.5 and gains["mouthSmileLeft"] > 0.4 and gains["jawForward"] < 0.1
    assert 0 < model.lasting < 1 and 0.1 < model.memory_s < 5 and model.lost == 0
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(pretrained_error_model(tmp_path / "m.safetensors").covariance, model.covariance)
    with pytest.raises(UserError, match="is missing: `python -m"):
        pretrained_error_model(tmp_path / "none.safetensors")


def test_the_same_seed_sees_the_same_and_strong_displays_are_seen() -> None:
    session = simulate_person(CohortConfig(1, 3, 10), 0)
    estimated = observed(session.psi, session.time_s, session.seed)
    np.testing.assert_array_equal(estimated, observed(session.psi, session.time_s, session.seed))
    assert not np.array_equal(estimated, observed(session.psi, session.time_s, session.seed + 1))
    assert estimated.dtype == np.float32 and estimated.min() >= 0 and estimated.max() <= 1
    jaw = ACTIONS.index("jawOpen")
    assert np.corrcoef(estimated[:, jaw], session.psi[:, jaw])[0, 1] > 0.7
