"""The one-euro filter on expressions."""

import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.smoothing import smooth_expressions

TIME = np.arange(120) / 30


def test_tremble_goes_and_onsets_stay() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((120, 3))
    truth[60:, 0] = np.minimum(np.arange(60) / 6, 1) * 0.8
    seen = truth + rng.normal(0, 0.02, truth.shape)
    smooth = smooth_expressions(seen, TIME).psi
    assert np.abs(np.diff(smooth[:50], axis=0)).mean() < 0.4 * np.abs(np.diff(seen[:50], axis=0)).mean()
    assert np.abs(smooth - truth).mean() < 0.6 * np.abs(seen - truth).mean()
    assert abs(np.argmax(smooth[:, 0] > 0.4) - np.argmax(truth[:, 0] > 0.4)) <= 1


def test_change_is_measured_in_the_metric_and_vanishes_with_the_gain() -> None:
    seen = np.random.default_rng(0).uniform(size=(120, 2))
    one, four = (smooth_expressions(seen, TIME, metric=scale * np.eye(2)).change for scale in (1.0, 4.0))
    assert four == pytest.approx(2 * one) and one > 0.05
    assert smooth_expressions(seen, TIME, cutoff_hz=1e9).change < 1e-6


def test_a_gap_separates() -> None:
    seen = np.zeros((10, 1))
    seen[5:] = 1.0
    seen[4] = np.nan
    smooth = smooth_expressions(seen, TIME[:10]).psi
    assert np.isnan(smooth[4]).all()
    assert np.allclose(smooth[:4], 0) and np.allclose(smooth[5:], 1)
    late = np.r_[TIME[:5], TIME[5:10] + 2]
    assert np.allclose(smooth_expressions(np.repeat([[0.0], [1.0]], 5, axis=0), late).psi[:, 0], np.repeat([0, 1], 5))


def test_empty_and_unsorted() -> None:
    assert smooth_expressions(np.zeros((0, 52)), np.zeros(0)).psi.shape == (0, 52)
    with pytest.raises(UserError, match="times must rise"):
        smooth_expressions(np.zeros((2, 52)), np.array([1.0, 1.0]))
