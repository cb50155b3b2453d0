"""The expression estimator: the shipped model on rendered test actors, bad input, and a small training run."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from dfe_lib.actors.benchmark_set import RenderedSet, rendered_set
from dfe_lib.blendshapes import ACTIONS, BLENDSHAPES, mirror_permutation
from dfe_lib.errors import UserError
from dfe_lib.fitting.estimator import CHUNK, EstimatorConfig, ExpressionEstimator, pretrained_estimator
from dfe_lib.fitting.estimator_training import TrainingConfig, read_footage, scene_of, train_estimator
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.procrustes import LAYOUT_68, align, lifted
from dfe_lib.morphable.rendering import turn

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(scope="module")
def frames() -> RenderedSet:
    """All frames of three actors."""
    shown = rendered_set()
    return shown.only(shown.actor < 3)


@pytest.fixture(scope="module")
def model() -> ExpressionEstimator:
    return pretrained_estimator()


def person(frames: RenderedSet, actor: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = frames.actor == actor
    return frames.landmarks[rows].astype(np.float32), frames.scores[rows].astype(np.float32), frames.neutral[rows]


def test_alignment_undoes_any_pose() -> None:
    rng = np.random.default_rng(0)
    template, weights = rng.normal(0, 40, (1, 478, 3)), np.full(478, 1 / 478)
    poses = np.stack([turn(30, -20, 10), turn(-15, 5, -30)])
    seen = (np.einsum("nij,lj->nli", poses, template[0]) * 2.5 + [300, -200, 4]) * [1, -1, -1]
    found = align(*(torch.from_numpy(x) for x in (seen, template, weights)))
    assert found.valid.all()
    assert torch.allclose(found.points, torch.from_numpy(template).expand(2, -1, -1), atol=1e-9)
    assert np.allclose(np.degrees(found.angles.numpy()), [[30, -20, 10], [-15, 5, -30]])
    assert np.allclose(found.rotation.numpy(), poses)
    assert np.allclose(found.scale.numpy(), 0.4)


def test_plane_landmarks_get_the_depth_of_the_template() -> None:
    rng = np.random.default_rng(0)
    template, weights = torch.from_numpy(rng.normal(0, 40, (1, 68, 3))), torch.full((68,), 1 / 68).double()
    seen = torch.einsum("ij,nlj->nli", torch.from_numpy(turn(25, 10, 5)), template) * 3 * torch.tensor([1.0, -1, -1])
    found = align(lifted(seen[..., :2], template, weights), template, weights)
    assert torch.allclose(found.points, template, atol=1e-6)


def test_psi_is_in_the_box_and_better_than_calibrated_scores(frames: RenderedSet, model: ExpressionEstimator) -> None:
    metric, errors = anny_head().gram(), {"ours": [], "scores": []}
    for actor in range(3):
        landmarks, scores, rest = person(frames, actor)
        found = model.estimate(landmarks, scores, model.neutral_of_frames(landmarks[rest], scores[rest]))
        assert found.valid.all() and found.calibrated
        assert found.psi.dtype == np.float32 and found.psi.min() >= 0 and found.psi.max() <= 1
        calibrated = np.pad(np.clip(scores - scores[rest].mean(0), 0, 1), ((0, 0), (0, 1)))
        for name, psi in (("ours", found.psi), ("scores", calibrated)):
            gap = (psi - frames.psi[frames.actor == actor])[~rest]
            errors[name].append(np.sqrt(np.einsum("ni,ij,nj->n", gap, metric, gap)).mean())
    assert np.mean(errors["ours"]) < 0.85 * np.mean(errors["scores"])


def test_sigma_tells_large_errors_from_small_ones(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, rest = person(frames)
    found = model.estimate(landmarks, scores, model.neutral_of_frames(landmarks[rest], scores[rest]))
    error = np.abs(found.psi - frames.psi[frames.actor == 0])
    sure = found.sigma < np.median(found.sigma)
    assert error[sure].mean() < 0.5 * error[~sure].mean()


def test_a_frame_is_the_same_alone_in_a_batch_and_in_another_order(
    frames: RenderedSet, model: ExpressionEstimator
) -> None:
    landmarks, scores, rest = person(frames)
    neutral = model.neutral_of_frames(landmarks[rest], scores[rest])
    batch = model.estimate(landmarks, scores, neutral).psi
    alone = np.concatenate([model.estimate(landmarks[i : i + 1], scores[i : i + 1], neutral).psi for i in range(8)])
    np.testing.assert_array_equal(alone, batch[:8])
    order = np.random.default_rng(0).permutation(len(batch))
    np.testing.assert_array_equal(model.estimate(landmarks[order], scores[order], neutral).psi, batch[order])
    long = np.resize(np.arange(len(batch)), 2 * CHUNK + 5)
    np.testing.assert_array_equal(model.estimate(landmarks[long], scores[long], neutral).psi, batch[long])


def test_place_size_and_roll_in_the_picture_do_not_matter(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, rest = person(frames)
    neutral = model.neutral_of_frames(landmarks[rest], scores[rest])
    moved = (landmarks * 1.7 + np.array([120, -40, 30])).astype(np.float32)
    there, here = model.estimate(moved, scores, neutral), model.estimate(landmarks, scores, neutral)
    assert np.abs(there.psi - here.psi).max() < 1e-3


def test_the_mirrored_face_has_the_mirrored_expression(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, rest = person(frames)
    swap = scene_of(anny_head()).mirror
    flipped = (landmarks * np.array([-1, 1, 1], np.float32))[:, swap]
    turned = scores[:, mirror_permutation(BLENDSHAPES)]
    one = model.estimate(landmarks, scores, model.neutral_of_frames(landmarks[rest], scores[rest]))
    two = model.estimate(flipped, turned, model.neutral_of_frames(flipped[rest], turned[rest]))
    gap = np.abs(two.psi[:, mirror_permutation(ACTIONS)] - one.psi)
    assert gap.mean() < 0.02  # the template is not quite symmetrical
    assert np.corrcoef(two.psi[:, mirror_permutation(ACTIONS)].ravel(), one.psi.ravel())[0, 1] > 0.97


def test_a_clip_without_labels_calibrates_almost_as_well(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, rest = person(frames, 1)
    given, clip = model.neutral_of_frames(landmarks[rest], scores[rest]), model.neutral_of_clip(landmarks, scores)
    assert (given.source, clip.source, model.population.source) == ("given", "clip", "none")
    gap = (clip.landmarks - given.landmarks).norm(dim=1).mean()
    assert gap < 0.6 * (model.population.landmarks - given.landmarks).norm(dim=1).mean()


def test_a_single_still_says_that_it_is_not_calibrated(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, _ = person(frames)
    found = model.estimate(landmarks[:1], scores[:1], model.neutral_of_clip(landmarks[:1], scores[:1]))
    assert not found.calibrated and found.valid.all() and np.isfinite(found.psi).all()


def test_what_is_no_upright_face_is_an_invalid_row(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, rest = person(frames)
    neutral = model.neutral_of_frames(landmarks[rest], scores[rest])
    bad = np.repeat(landmarks[:1], 6, axis=0)
    bad[1, 5] = np.nan
    bad[2, :, 0] *= -1
    bad[3, :, :2] *= -1
    bad[4] = 0
    bad[5] = np.random.default_rng(0).permutation(bad[5])
    found = model.estimate(bad, scores[:6], neutral)
    assert found.valid.tolist() == [True] + [False] * 5
    assert np.isfinite(found.psi[0]).all() and np.isnan(found.psi[1:]).all() and np.isnan(found.sigma[1:]).all()
    wrong = scores[:6].copy()
    wrong[0, 3] = np.nan
    assert not model.estimate(landmarks[:6], wrong, neutral).valid[0]


def test_an_empty_table_and_wrong_shapes(frames: RenderedSet, model: ExpressionEstimator) -> None:
    landmarks, scores, _ = person(frames)
    empty = model.estimate(landmarks[:0], scores[:0])
    assert empty.psi.shape == (0, 52) and empty.valid.shape == (0,)
    assert model.neutral_of_clip(landmarks[:0], scores[:0]).source == "none"
    for call in (
        lambda: model.estimate(landmarks[:, :468], scores),
        lambda: model.estimate(landmarks[..., :2], scores),
        lambda: model.estimate(landmarks, None),
        lambda: model.neutral_of_frames(np.full((2, 478, 3), np.nan), scores[:2]),
    ):
        with pytest.raises(UserError):
            call()


def test_the_68_landmark_model_reads_jaw_and_lids(frames: RenderedSet) -> None:
    small = pretrained_estimator("68")
    estimated, truth = [], []
    for actor in range(3):
        landmarks, _, rest = person(frames, actor)
        points = landmarks[:, LAYOUT_68, :2]
        found = small.estimate(points, neutral=small.neutral_of_frames(points[rest]))
        estimated.append(found.psi[~rest])
        truth.append(frames.psi[frames.actor == actor][~rest])
    estimated, truth = np.concatenate(estimated), np.concatenate(truth)
    for name in ("jawOpen", "eyeBlinkLeft"):
        k = ACTIONS.index(name)
        assert np.corrcoef(estimated[:, k], truth[:, k])[0, 1] > 0.5, name


def film(frames: RenderedSet, actor: int, path) -> None:
    """Writes an actor as `filming.film_actors` would."""
    rows = frames.actor == actor
    save_file(
        {
            "landmarks": frames.landmarks[rows].astype(np.float32), "scores": frames.scores[rows].astype(np.float32),
            "psi": frames.psi[rows].astype(np.float32), "detected": np.ones(rows.sum(), bool),
            "condition": np.ones(rows.sum(), np.int8), "response": np.linalg.qr(np.eye(52))[0].astype(np.float32),
        },
        path,
    )  # fmt: skip


def test_training_learns_is_repeatable_and_survives_the_disk(frames: RenderedSet, tmp_path) -> None:
    scene = scene_of(anny_head())
    scene = replace(scene, change=np.eye(52))
    paths = [tmp_path / f"actor_{actor:05d}.safetensors" for actor in range(3)]
    for actor, path in enumerate(paths):
        film(frames, actor, path)
    footage = read_footage(paths, scene)
    config = EstimatorConfig(n_even=12, n_odd=8, hidden=32, depth=1)
    before, after, again = (
        train_estimator(footage, scene, config, TrainingConfig(steps=steps, batch=64)) for steps in (1, 120, 120)
    )
    landmarks, scores, rest = person(frames)

    def error(model: ExpressionEstimator) -> float:
        psi = model.estimate(landmarks, scores, model.neutral_of_frames(landmarks[rest], scores[rest])).psi
        gap = psi - frames.psi[frames.actor == 0]
        return float(np.sqrt(np.einsum("ni,ij,nj->n", gap, anny_head().gram(), gap)).mean())

    assert error(after) < 0.9 * error(before)
    assert error(after) == error(again)
    after.save_pretrained(tmp_path / "model")
    assert error(ExpressionEstimator.from_pretrained(tmp_path / "model")) == error(after)


def test_no_actors_and_no_model_are_said_clearly(tmp_path) -> None:
    with pytest.raises(UserError, match="film some"):
        read_footage([], scene_of(anny_head()))
    with pytest.raises(UserError, match="make estimator"):
        ExpressionEstimator.from_pretrained(tmp_path)
    with pytest.raises(UserError, match="layout"):
        EstimatorConfig(layout="5")


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=NO_GPU)])
@pytest.mark.parametrize("layout", ["478", "68"])
def test_the_estimator_runs_where_it_is(frames: RenderedSet, device: str, layout: str) -> None:
    landmarks, scores, _ = person(frames)
    small = layout == "68"
    inputs = (landmarks[:, LAYOUT_68, :2], None) if small else (landmarks, scores)
    here = pretrained_estimator(layout)
    there = copy.deepcopy(here).to(device)
    if device == "meta":  # shapes without values: one tensor left on the CPU, and the arithmetic would stop before
        with pytest.raises(NotImplementedError, match="no data"):
            there.estimate(*inputs)
        return
    estimated = there.estimate(*inputs, there.neutral_of_clip(*inputs)).psi
    assert np.abs(estimated - here.estimate(*inputs, here.neutral_of_clip(*inputs)).psi).max() < 1e-3
