"""How sure the estimator is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dfe_lib.actors.benchmark_set import RenderedSet, rendered_set
from dfe_lib.fitting.calibration import calibrate, fit_calibration, fit_temperatures
from dfe_lib.fitting.estimator import CALIBRATION, PRETRAINED, ExpressionEstimator, pretrained_estimator


@pytest.fixture(scope="module")
def actors() -> RenderedSet:
    return rendered_set()


@pytest.fixture(scope="module")
def again(actors: RenderedSet, tmp_path_factory) -> Path:
    """The shipped models, their temperatures fitted anew."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(PRETRAINED, folder, dirs_exist_ok=True)
    for layout in ("478", "68"):
        (folder / layout / CALIBRATION).unlink()
    calibrate(folder, actors)
    return folder


def test_an_action_that_moves_seldom_gets_the_temperature_of_all() -> None:
    error = np.random.default_rng(1).normal(0, 0.3, (2000, 52))
    error[:, 3] *= 5
    moves = np.ones(error.shape, bool)
    often = fit_temperatures(error, np.full_like(error, 0.1), moves)
    assert abs(often[3] / 15 - 1) < 0.1 and abs(often[4] / 3 - 1) < 0.1
    moves[20:, 3] = False
    seldom = fit_temperatures(error, np.full_like(error, 0.1), moves)
    assert abs(seldom[3] / 3 - 1) < 0.1


@pytest.mark.parametrize("layout", ["478", "68"])
def test_the_shipped_temperatures_are_those_of_the_shipped_weights(again: Path, layout: str) -> None:
    ours, fitted = (json.loads((folder / layout / CALIBRATION).read_text()) for folder in (PRETRAINED, again))
    assert ours.keys() == fitted.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], fitted[name], rtol=0.01)


def test_temperatures_widen_sigma_and_leave_psi_alone(actors: RenderedSet, tmp_path: Path) -> None:
    own = actors.only(actors.actor == 1)
    shutil.copytree(PRETRAINED / "478", tmp_path / "478")
    (tmp_path / "478" / CALIBRATION).write_text(json.dumps({"landmarks": [2.0] * 52, "features": [3.0] * 52}))
    wide = ExpressionEstimator.from_pretrained(tmp_path / "478")
    (tmp_path / "478" / CALIBRATION).unlink()
    plain = ExpressionEstimator.from_pretrained(tmp_path / "478")
    features = own.features.copy()
    features[5] = np.nan
    seen = own.landmarks, own.scores
    rest = plain.neutral_of_frames(*(part[own.neutral] for part in (*seen, features)))
    one, other = (model.estimate(*seen, rest, features) for model in (plain, wide))
    np.testing.assert_array_equal(one.psi, other.psi)
    factor = other.sigma / one.sigma
    np.testing.assert_allclose(factor[5], 2, rtol=1e-5)
    np.testing.assert_allclose(np.delete(factor, 5, 0), 3, rtol=1e-5)


def test_table_of_the_shares(actors: RenderedSet) -> None:
    table = fit_calibration(actors, pretrained_estimator(), pretrained_estimator("68"))
    whole = table[table["actions"] == "all"].set_index(["method", "sigma", "frames"])
    assert len(whole) == 12 and (table["n"] > 0).all()
    away = (whole["within_1_sigma"] - 0.683).abs().unstack("sigma")
    moving = away.xs("moving", level="frames")
    assert (moving["calibrated"] < moving["networks"]).all() and (moving["calibrated"] < 0.12).all()
    assert whole.xs("moving", level="frames")["within_2_sigma"].between(0.9, 0.98).all()
