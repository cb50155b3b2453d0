"""psi with features: nearer to the truth than from landmarks alone, and the same as that where there are none."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dfe_lib.actors.benchmark_set import RenderedSet, rendered_set
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.fitting.benchmark import actor_psi
from dfe_lib.fitting.estimator import CHUNK, ExpressionEstimator, pretrained_estimator
from dfe_lib.fitting.estimator_training import TrainingConfig, scene_of
from dfe_lib.fitting.feature_network import FeatureConfig, FeatureNetwork
from dfe_lib.fitting.feature_training import FeatureFootage, train_features
from dfe_lib.morphable.anny import anny_head


@pytest.fixture(scope="module")
def frames() -> RenderedSet:
    """All frames of eight actors."""
    shown = rendered_set()
    return shown.only(shown.actor < 8)


@pytest.fixture(scope="module")
def model() -> ExpressionEstimator:
    return pretrained_estimator()


def errors(frames: RenderedSet, psi: np.ndarray) -> float:
    fields = scene_of(anny_head()).fields.reshape(52, -1)
    away = ((psi - frames.psi[~frames.neutral]) @ fields).reshape(len(psi), -1, 3)
    return float(np.linalg.norm(away, axis=2).mean())


def every_actor(frames: RenderedSet, model: ExpressionEstimator, features: bool) -> np.ndarray:
    found = np.zeros_like(frames.psi)
    for actor in np.unique(frames.actor):
        rows = frames.actor == actor
        found[rows] = actor_psi(frames, rows, model, features)
    return found[~frames.neutral]


def test_features_bring_psi_nearer_to_the_truth(frames: RenderedSet, model: ExpressionEstimator) -> None:
    with_them, without = (every_actor(frames, model, features) for features in (True, False))
    assert errors(frames, with_them) < 0.93 * errors(frames, without)
    puffed = ACTIONS.index("cheekPuff")
    truth = frames.psi[~frames.neutral, puffed]
    assert np.corrcoef(with_them[:, puffed], truth)[0, 1] > np.corrcoef(without[:, puffed], truth)[0, 1]


def test_frames_without_features_are_estimated_from_landmarks(frames: RenderedSet, model: ExpressionEstimator) -> None:
    one = frames.only(frames.actor == 0)
    neutral = model.neutral_of_frames(one.landmarks[:4], one.scores[:4], one.features[:4])
    some = one.features.copy()
    some[6:] = np.nan
    found = model.estimate(one.landmarks, one.scores, neutral, some)
    alone = model.estimate(one.landmarks, one.scores, neutral)
    assert np.array_equal(found.psi[6:], alone.psi[6:])
    assert found.valid.all() and not np.allclose(found.psi[:6], alone.psi[:6])


def test_a_frame_does_not_depend_on_its_batch(frames: RenderedSet, model: ExpressionEstimator) -> None:
    one = frames.only(frames.actor == 1)
    neutral = model.neutral_of_clip(one.landmarks, one.scores, one.features)
    assert neutral.features is not None
    whole = model.estimate(one.landmarks, one.scores, neutral, one.features).psi
    alone = model.estimate(one.landmarks[3:4], one.scores[3:4], neutral, one.features[3:4]).psi
    assert np.array_equal(whole[3:4], alone)


def test_a_frame_is_the_same_in_a_clip_of_several_passes(frames: RenderedSet, model: ExpressionEstimator) -> None:
    one = frames.only(frames.actor == 1)
    neutral = model.neutral_of_clip(one.landmarks, one.scores, one.features)
    rows = np.arange(CHUNK + 5) % len(one.psi)
    seen = one.landmarks[rows], one.scores[rows], neutral, one.features[rows]
    short, long = model.estimate(one.landmarks, one.scores, neutral, one.features), model.estimate(*seen)
    for name in ("psi", "sigma", "unexplained"):
        assert np.array_equal(getattr(long, name), getattr(short, name)[rows])


def test_the_wrong_number_of_features_is_refused(frames: RenderedSet, model: ExpressionEstimator) -> None:
    with pytest.raises(UserError, match=r"features of shape \(2, 448\)"):
        model.estimate(frames.landmarks[:2], frames.scores[:2], None, frames.features[:2, :7])


def test_saved_and_loaded(tmp_path: Path) -> None:
    network = FeatureNetwork(FeatureConfig(n_features=5, hidden=8, blend=0.25))
    network.save_pretrained(tmp_path)
    again = FeatureNetwork.from_pretrained(tmp_path)
    assert again.config == network.config
    inputs = torch.ones(2, 5), torch.zeros(2, 3)
    assert torch.equal(again(*inputs)[1], network.eval()(*inputs)[1])


def test_training_learns_and_repeats() -> None:
    rng = np.random.default_rng(0)
    psi = rng.uniform(0, 1, (400, 52)) * (rng.uniform(size=(400, 52)) < 0.1)
    components = (psi @ rng.normal(size=(52, 60))).astype(np.float32)
    footage = FeatureFootage(components, np.zeros((400, 3), np.float32), psi.astype(np.float32), 20)
    scene, config = scene_of(anny_head()), FeatureConfig(n_features=60, hidden=64, dropout=0.0)
    one, two = (train_features(components, footage, scene, config, TrainingConfig(steps=150, batch=64)) for _ in "ab")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    read = one(torch.from_numpy(components), torch.zeros(400, 3))[0].clamp(0, 1).numpy()
    fields = scene.fields.reshape(52, -1)
    assert np.square((read - psi) @ fields).sum() < 0.5 * np.square(psi @ fields).sum()
