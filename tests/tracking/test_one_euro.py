import numpy as np

from dfe_lib.tracking.one_euro import OneEuro

POINTS = np.random.default_rng(0).normal(size=(5, 3)) * 40
NOISE = np.random.default_rng(1).normal(size=(60, 5, 3)) * 0.2


def smoothed(frames, step_ms=40):
    smooth = OneEuro()
    return np.array([smooth(frame, step_ms * i) for i, frame in enumerate(frames)])


def test_a_still_face_stays_and_one_that_trembles_calms_down():
    assert np.array_equal(smoothed([POINTS] * 5), np.array([POINTS] * 5))
    calm = smoothed(POINTS + NOISE)
    assert np.abs(np.diff(calm, axis=0))[20:].mean() < 0.5 * np.abs(np.diff(NOISE, axis=0))[20:].mean()


def test_a_quick_face_is_not_held_back():
    """At a tenth of its size a frame it lags by less than a fifth of a step."""
    step = 0.1 * np.ptp(POINTS[:, :2], axis=0).mean()
    moving = POINTS + step * np.arange(30)[:, None, None]
    assert np.abs(smoothed(moving) - moving)[10:].max() < 0.2 * step


def test_size_does_not_matter_and_places_are_apart():
    frames = POINTS + NOISE
    np.testing.assert_allclose(smoothed(3 * frames), 3 * smoothed(frames))
    away = np.array([100, -50, 7])
    np.testing.assert_allclose(smoothed(frames + away), smoothed(frames) + away)


def test_another_face_begins_anew():
    smooth = OneEuro()
    for i, frame in enumerate(POINTS + NOISE):
        smooth(frame, 40 * i)
    smooth.forget()
    assert np.array_equal(smooth(2 * POINTS, 9000), 2 * POINTS)
