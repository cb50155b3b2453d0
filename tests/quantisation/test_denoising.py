import numpy as np
import pytest
import torch

from dfe_lib.errors import UserError
from dfe_lib.quantisation.denoising import DenoisingEncoder, NoisyFrames, fit_denoising


def people(count: int, noise: float = 0.2, frames: int = 200) -> list[NoisyFrames]:
    """Each holds one of two faces for the whole film, and is read with noise of its own in every frame."""
    rng, found = np.random.default_rng(0), []
    for place in range(count):
        truth = np.tile([0.2, 0.8] if place % 2 else [0.8, 0.2], (frames, 1))
        sigma = np.full(truth.shape, noise)
        found.append(NoisyFrames(truth + noise * rng.standard_normal(truth.shape), sigma, truth))
    return found


def errors(model: DenoisingEncoder, shown: list[NoisyFrames]) -> float:
    return float(np.mean([np.square(model.denoised(each) - each.truth).mean() for each in shown]))


def test_it_starts_at_the_estimate() -> None:
    (shown,) = people(1)
    np.testing.assert_array_equal(DenoisingEncoder(2, 3).denoised(shown), shown.estimated.astype(np.float32))


def test_noise_that_was_learnt_is_taken_away_and_more_of_it_with_frames_before() -> None:
    judged = people(4, frames=100)
    raw = errors(DenoisingEncoder(2, 0), judged)
    learnt = [fit_denoising(people(8), np.eye(2), context, 120, 32, 3e-3, seed=1) for context in (0, 6)]
    alone, after = (errors(model, judged) for model in learnt)
    assert after < alone < raw / 2


def test_no_frame_that_comes_later_is_read() -> None:
    (shown,), model = people(1), fit_denoising(people(2), np.eye(2), 4, 5)
    first = NoisyFrames(shown.estimated[:50], shown.sigma[:50], shown.truth[:50])
    np.testing.assert_allclose(model.denoised(shown)[:50], model.denoised(first), atol=1e-6)


def test_frames_that_are_no_film_stand_alone() -> None:
    (shown,), model = people(1), fit_denoising(people(2), np.eye(2), 4, 5)
    order = np.random.default_rng(1).permutation(len(shown.truth))
    stills = NoisyFrames(shown.estimated, shown.sigma, shown.truth, film=False)
    others = NoisyFrames(shown.estimated[order], shown.sigma[order], shown.truth[order], film=False)
    np.testing.assert_allclose(model.denoised(stills)[order], model.denoised(others), atol=1e-6)
    assert np.abs(model.denoised(stills) - model.denoised(shown)).max() > 1e-4


def test_people_are_not_mixed() -> None:
    one, two = people(2)
    model = fit_denoising([one, two], np.eye(2), 4, 5)
    again = fit_denoising([one, two], np.eye(2), 4, 5)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    joined = NoisyFrames(*(np.concatenate([getattr(each, name) for each in (one, two)])
                           for name in ("estimated", "sigma", "truth")))  # fmt: skip
    assert np.abs(model.denoised(joined)[len(one.truth)] - model.denoised(two)[0]).max() > 1e-4


def test_fewer_frames_than_none_are_refused() -> None:
    with pytest.raises(UserError, match="context must be 0"):
        DenoisingEncoder(2, -1)
