"""Smoothing of expressions over time."""

import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.fitting import smoothing
from dfe_lib.fitting.smoothing import (
    RANGE_MM,
    WIDTH_S,
    WINDOW_S,
    metric_scale,
    on_grid,
    reach_s,
    smooth_expressions,
    smooth_frame,
)

TIME = np.arange(120) / 30
METRIC = 25 * np.eye(3)
METHODS = pytest.mark.parametrize("method", ["one_euro", "bilateral"])


@METHODS
def test_tremble_goes_and_onsets_stay(method: str) -> None:
    rng = np.random.default_rng(0)
    truth = np.full((120, 3), 0.1)
    truth[60:, 0] += np.minimum(np.arange(60) / 6, 1) * 0.8
    seen = truth + rng.normal(0, 0.02, truth.shape)
    smooth = smooth_expressions(seen, TIME, METRIC, method).psi
    assert np.abs(np.diff(smooth[:50], axis=0)).mean() < 0.4 * np.abs(np.diff(seen[:50], axis=0)).mean()
    assert np.abs(smooth - truth).mean() < 0.6 * np.abs(seen - truth).mean()
    assert abs(np.argmax(smooth[:, 0] > 0.5) - np.argmax(truth[:, 0] > 0.5)) <= 1
    assert smooth.min() >= seen.min() and smooth.max() <= seen.max()


def test_the_bilateral_filter_is_its_formula() -> None:
    rng = np.random.default_rng(1)
    psi, metric = rng.uniform(size=(40, 3)), np.cov(rng.normal(size=(3, 9)))
    time = np.cumsum(rng.uniform(0.01, 0.1, 40))
    away = (time[:, None] - time) / WIDTH_S
    gap = psi[:, None] - psi
    weight = np.exp(-(away**2 + np.einsum("nmi,ij,nmj->nm", gap, metric, gap) / RANGE_MM**2) / 2) * (np.abs(away) <= 3)
    expected = weight @ psi / weight.sum(1, keepdims=True)
    assert np.allclose(smooth_expressions(psi, time, metric).psi, expected)


def test_change_is_measured_in_the_metric() -> None:
    seen = np.random.default_rng(0).uniform(size=(120, 2))
    one, four = (smooth_expressions(seen, TIME, scale * np.eye(2), "one_euro").change_mm for scale in (1.0, 4.0))
    assert four == pytest.approx(2 * one) and one > 0.05
    assert smooth_expressions(seen, TIME, np.eye(2), "none").change_mm == 0
    assert smooth_expressions(seen, TIME, 1e9 * np.eye(2)).change_mm < 1e-6  # nothing looks alike


@METHODS
def test_a_gap_separates(method: str) -> None:
    seen = np.zeros((10, 1))
    seen[5:] = 1.0
    seen[4] = np.nan
    smooth = smooth_expressions(seen, TIME[:10], 100 * np.eye(1), method).psi
    assert np.isnan(smooth[4]).all()
    assert np.allclose(smooth[:4], 0) and np.allclose(smooth[5:], 1)
    late = np.r_[TIME[:5], TIME[5:10] + 2]
    steps = np.repeat([[0.0], [1.0]], 5, axis=0)
    assert np.allclose(smooth_expressions(steps, late, np.zeros((1, 1)), method).psi, steps)


@METHODS
def test_stills_empty_clips_and_unsorted_ones(method: str) -> None:
    assert smooth_expressions(np.zeros((0, 3)), np.zeros(0), METRIC, method).psi.shape == (0, 3)
    assert np.array_equal(
        smooth_expressions(np.full((1, 3), 0.3), np.zeros(1), METRIC, method).psi, np.full((1, 3), 0.3)
    )
    twice = smooth_expressions(np.full((3, 3), 0.3), np.array([1.0, 1.0, 2.0]), METRIC, method)
    assert np.allclose(twice.psi, 0.3)
    with pytest.raises(UserError, match="times fall"):
        smooth_expressions(np.zeros((2, 3)), np.array([1.0, 0.9]), METRIC, method)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UserError, match="bilateral"):
        smooth_expressions(np.zeros((2, 3)), TIME[:2], METRIC, "median")


def test_one_frame_of_a_window_is_what_the_whole_window_gives() -> None:
    rng = np.random.default_rng(0)
    psi = rng.random((120, 3)) * 0.2
    places = psi @ metric_scale(METRIC)
    whole = smooth_expressions(psi, TIME, METRIC, "bilateral").psi
    alone = np.stack([smooth_frame(psi, TIME, places, at) for at in (0, 40, 119)])
    np.testing.assert_allclose(alone, whole[[0, 40, 119]], atol=1e-12)
    near = np.abs(TIME - TIME[40]) <= WINDOW_S
    at = int(near[:40].sum())
    np.testing.assert_allclose(smooth_frame(psi[near], TIME[near], places[near], at), whole[40], atol=1e-12)


def test_finished_coefficients_do_not_depend_on_last_digits() -> None:
    psi = np.random.default_rng(0).random((200, 52)).astype(np.float32)
    steps = on_grid(psi)
    assert steps.dtype == np.float32
    np.testing.assert_array_equal(steps * 4096, np.round(psi * 4096))
    assert (on_grid(psi + np.float32(1e-6)) != steps).mean() < 0.01
    assert np.isnan(on_grid(np.full((1, 2), np.nan))).all()


@METHODS
def test_a_part_of_a_clip_is_smoothed_as_the_whole_clip_is(method: str, monkeypatch) -> None:
    """The bilateral filter bit for bit, whatever it holds at a time; the one-euro filter to far below a step of psi."""
    rng = np.random.default_rng(3)
    psi = np.cumsum(rng.normal(0, 0.02, (3000, 5)), axis=0).astype(np.float32)
    psi[rng.random(3000) < 0.05] = np.nan
    time = np.cumsum(rng.choice([0.0, 0.03, 0.04, 0.3], 3000, p=[0.05, 0.5, 0.44, 0.01]))
    metric = 25 * np.eye(5)
    whole = smooth_expressions(psi, time, metric, method).psi
    monkeypatch.setattr(smoothing, "BLOCK", 61)
    for start, stop in ((0, 700), (700, 701), (701, 2100), (2100, 3000)):
        near = (time >= time[start] - reach_s(method)) & (time <= time[stop - 1] + reach_s(method))
        first = int(near[:start].sum())
        part = smooth_expressions(psi[near], time[near], metric, method, slice(first, first + stop - start)).psi
        if method == "bilateral":
            np.testing.assert_array_equal(part, whole[start:stop])
        else:
            np.testing.assert_allclose(part, whole[start:stop], atol=1e-6)
