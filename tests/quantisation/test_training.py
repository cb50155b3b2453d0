import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from planted import PlantedDisplays, invented_metric
from scipy.optimize import linear_sum_assignment

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.morphable.metric import mesh_cosine, metric_root
from dfe_lib.quantisation import optimisation
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.initialisation import start_classically
from dfe_lib.quantisation.losses import mesh_loss
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.training import mirrored, split_subjects, train

METRIC = invented_metric()
DISPLAYS = PlantedDisplays.invented()
QUICK = TrainConfig(steps=20, start_rounds=3, start_frames=1500, batch_size=128, evaluate_every=10)


def small_model(**settings) -> RvqVae:
    return RvqVae(RvqVaeConfig(ACTIONS, **({"codebook_size": 64} | settings)))


@pytest.fixture(scope="module")
def split() -> tuple[np.ndarray, np.ndarray]:
    return DISPLAYS.sample(1500, seed=1)[0], DISPLAYS.sample(600, seed=2)[0]


@pytest.fixture(scope="module")
def trained(split) -> tuple[RvqVae, object]:
    model = small_model()
    return model, train(model, *split, METRIC, QUICK)


def test_mesh_loss_is_the_explicit_one_over_vertices():
    rng = np.random.default_rng(0)
    basis, difference = rng.normal(size=(52, 30, 3)), rng.normal(size=(9, 52))
    metric = np.einsum("ivc,jvc->ij", basis, basis) / 30
    explicit = np.square(np.einsum("ni,ivc->nvc", difference, basis)).sum(2).mean(1)
    loss = mesh_loss(torch.from_numpy(difference), torch.from_numpy(metric_root(metric)))
    np.testing.assert_allclose(loss, explicit.mean(), rtol=1e-10)
    np.testing.assert_allclose(error_mm(difference, 0 * difference, metric), np.sqrt(explicit), rtol=1e-10)


def test_metric_root_stands_a_coefficient_that_moves_nothing():
    metric = METRIC.copy()
    metric[3], metric[:, 3] = 0, 0
    root = metric_root(metric)
    np.testing.assert_allclose(root @ root.T, metric, atol=1e-4 * np.trace(metric) / 52)
    assert np.linalg.cond(root) < 1e4


@pytest.mark.parametrize("latent_dim", [52, 64])
def test_classical_start_is_linear_and_measures_in_mm(split, latent_dim):
    model = small_model(latent_dim=latent_dim).eval()
    psi = torch.from_numpy(split[0])
    start_classically(model, psi, METRIC, TrainConfig(start_rounds=0), torch.Generator().manual_seed(0))
    latent = model.latent(psi).detach()
    lengths = error_mm(split[0], np.broadcast_to(model.mean.numpy(), split[0].shape), METRIC)
    np.testing.assert_allclose(latent.norm(dim=1), lengths, rtol=1e-3)
    decoded = model.decode_vectors(latent[:, None]).detach()
    np.testing.assert_allclose(decoded, psi, atol=1e-3)


def test_narrow_latent_keeps_the_directions_that_matter(split):
    psi = torch.from_numpy(split[0])
    lost = {}
    for dim in (5, 20):
        model = small_model(latent_dim=dim).eval()
        start_classically(model, psi, METRIC, TrainConfig(start_rounds=0), torch.Generator().manual_seed(0))
        decoded = model.decode_vectors(model.latent(psi)[:, None]).detach().numpy()
        lost[dim] = np.square(error_mm(split[0], decoded, METRIC)).sum()
    root = metric_root(METRIC)
    spectrum = np.linalg.svd(split[0] @ root, compute_uv=False) ** 2
    np.testing.assert_allclose([lost[5], lost[20]], [spectrum[5:].sum(), spectrum[20:].sum()], rtol=1e-3)


def test_training_learns_and_tells_its_history(split, trained):
    model, history = trained
    assert history["step"].tolist() == [0, 10, 20]
    assert not model.training
    codes = model.encode(torch.from_numpy(split[1]))
    error = error_mm(split[1], model.decode(codes).numpy(), METRIC).mean()
    assert history["heldout_mm"].iloc[-1] == pytest.approx(error)
    neutral = error_mm(split[1], np.broadcast_to(split[0].mean(0), split[1].shape), METRIC).mean()
    assert error < 0.35 * neutral
    assert history["usage"].iloc[-1] > 0.9


def test_gradient_steps_improve_on_a_rough_start(split):
    rough = TrainConfig(120, 128, learning_rate=1e-3, start_rounds=1, start_frames=1500, evaluate_every=120)
    history = train(small_model(), *split, METRIC, rough)
    assert history["train_mm"].iloc[-1] < 0.97 * history["train_mm"].iloc[0]


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def test_same_seed_gives_the_same_bytes_and_leaves_the_caller_alone(split, trained, tmp_path, three_threads):
    torch.manual_seed(11)
    state = torch.get_rng_state()
    again = small_model()
    train(again, *split, METRIC, QUICK)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == three_threads
    assert not torch.are_deterministic_algorithms_enabled()
    other = small_model()
    train(other, *split, METRIC, TrainConfig(**(vars(QUICK) | {"seed": 1})))
    for name, model in (("first", trained[0]), ("again", again), ("other", other)):
        model.save_pretrained(tmp_path / name)
    files = {name: (tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "again", "other")}
    assert files["first"] == files["again"] != files["other"]


def test_a_small_change_of_the_frames_leaves_the_displays_as_they_are(split):
    """Noise of 2e-4 in psi is what another processor makes of the same clips."""
    noise = np.random.default_rng(0).uniform(-2e-4, 2e-4, split[0].shape).astype(np.float32)
    models, errors = [], []
    for psi in (split[0], split[0] + noise):
        models.append(small_model(levels=4, decoder="additive"))
        history = train(models[-1], psi, split[1], METRIC, TrainConfig(steps=0, start_rounds=8, start_frames=1500))
        errors.append(history["heldout_mm"].iloc[-1])
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
    cosine = mesh_cosine(*(model.display_templates() for model in models), METRIC)
    rows, columns = linear_sum_assignment(-cosine)
    assert (cosine[rows, columns] >= 0.9).mean() >= 0.9


def test_a_balanced_model_notes_its_weights_and_explains_the_region_that_moves_least(split):
    root = np.linalg.cholesky(METRIC)
    regions = {"still": root[:, :5] @ root[:, :5].T / 400, "loud": root[:, 5:] @ root[:, 5:].T}
    metric = sum(regions.values())
    left = {}
    for kind in ("mm", "balanced"):
        model = small_model(metric=kind)
        history = train(model, *split, metric, TrainConfig(steps=0, start_rounds=4, start_frames=1500), regions=regions)
        decoded = model.decode(model.encode(torch.from_numpy(split[1]))).numpy()
        left[kind] = error_mm(split[1], decoded, regions["still"]).mean()
        assert history["heldout_mm"].iloc[-1] == pytest.approx(error_mm(split[1], decoded, metric).mean())
        assert ("heldout_balanced" in history) == (kind == "balanced")
        assert [region for region, _ in model.config.region_weights] == ([] if kind == "mm" else ["still", "loud"])
    assert left["balanced"] < 0.8 * left["mm"]


def test_a_balanced_metric_needs_regions(split):
    model = RvqVae(RvqVaeConfig(tuple(f"c{i}" for i in range(52)), codebook_size=64, metric="balanced"))
    with pytest.raises(UserError, match="regions of the face"):
        train(model, *split, METRIC, QUICK)


@pytest.mark.parametrize("judged_by", ["heldout_mm", "train_mm"])
def test_gradient_steps_that_only_harm_leave_the_start(split, judged_by):
    heldout = split[1] if judged_by == "heldout_mm" else split[1][:0]
    model, start = small_model(), small_model()
    harmful = TrainConfig(20, 128, learning_rate=1.0, start_rounds=3, start_frames=1500, evaluate_every=10)
    history = train(model, split[0], heldout, METRIC, harmful)
    train(start, split[0], heldout, METRIC, replace(harmful, steps=0))
    assert history[judged_by].iloc[-1] > history[judged_by].iloc[0]
    for name, value in start.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name


def test_a_long_training_says_how_long_and_ends_as_if_it_had_not(split, monkeypatch):
    monkeypatch.setattr(optimisation, "FEW_STEPS", 2)
    quick = replace(QUICK, steps=2)
    silent, talking, short = small_model(encoder="mlp"), small_model(encoder="mlp"), []
    train(silent, *split, METRIC, quick, say=short.append)
    assert short == []
    monkeypatch.setattr(optimisation, "LONG_S", 0.0)
    said, steps = [], []
    train(talking, *split, METRIC, quick, lambda step, row: steps.append((step, len(said))), say=said.append)
    assert steps == [(0, 0), (2, 1)]  # before the first step
    assert re.fullmatch(r"training takes about 1 minute: 2 steps of \S+ s on this machine", said[0])
    for name, value in silent.state_dict().items():
        assert torch.equal(value, talking.state_dict()[name]), name


def test_small_corpus_is_filled_up_and_generalises_better_for_it():
    rng = np.random.default_rng(0)
    psi = DISPLAYS.sample(60, seed=3)[0]
    heldout = np.clip(psi * rng.uniform(0.6, 1.4, psi.shape), 0, 1).astype(np.float32)
    errors = {}
    for jitter in (0.0, 0.5):
        config = TrainConfig(steps=0, start_rounds=3, start_frames=1000, jitter=jitter)
        errors[jitter] = train(small_model(), psi, heldout, METRIC, config)["heldout_mm"].iloc[0]
    assert errors[0.5] < 0.95 * errors[0.0]


def test_mirrored_twice_is_the_same_face(split):
    psi = torch.from_numpy(split[0])
    once = mirrored(psi, ACTIONS)
    assert torch.equal(mirrored(once, ACTIONS), psi)
    left, right = ACTIONS.index("jawLeft"), ACTIONS.index("jawRight")
    assert torch.equal(once[:, left], psi[:, right])
    assert torch.equal(mirrored(psi, ACTIONS, both=True), torch.cat([psi, once]))


def test_mirroring_in_training_serves_mirrored_faces():
    psi = DISPLAYS.sample(300, seed=4)[0]
    psi[:, [i for i, name in enumerate(ACTIONS) if name.endswith("Right")]] = 0
    heldout = mirrored(torch.from_numpy(psi), ACTIONS).numpy()
    errors = {}
    for mirror in (False, True):
        config = TrainConfig(steps=0, start_rounds=2, start_frames=1000, mirror=mirror)
        errors[mirror] = train(small_model(), psi, heldout, METRIC, config)["heldout_mm"].iloc[0]
    assert errors[True] < 0.5 * errors[False]


@pytest.mark.parametrize("encoder", ["mlp", "linear"])
def test_other_encoders_train_and_are_read_back(split, tmp_path, encoder):
    model = small_model(encoder=encoder)
    history = train(model, *split, METRIC, QUICK)
    assert history["heldout_mm"].iloc[-1] < error_mm(split[1], 0 * split[1], METRIC).mean() / 2
    model.save_pretrained(tmp_path)
    psi = torch.from_numpy(split[1])
    assert torch.equal(RvqVae.from_pretrained(tmp_path).encode(psi), model.encode(psi))
    linear = (psi - model.mean) @ model.analysis.T
    assert torch.equal(model.latent(psi), linear) == (encoder == "linear")


def test_mixed_precision_trains_to_about_the_same_model(split, trained):
    half = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    history = train(small_model(), *split, METRIC, QUICK, fabric=half)
    loss, full = history["loss"].iloc[-1], trained[1]["loss"].iloc[-1]
    assert loss != full and loss == pytest.approx(full, rel=0.05)
    assert history["heldout_mm"].iloc[-1] == pytest.approx(trained[1]["heldout_mm"].iloc[-1], rel=0.02)


def test_progress_is_called_with_each_row(split):
    steps = []
    train(
        small_model(), *split, METRIC, TrainConfig(**(vars(QUICK) | {"steps": 0})), lambda step, row: steps.append(step)
    )
    assert steps == [0]


def test_without_heldout_frames_there_are_no_heldout_figures(split):
    history = train(small_model(), split[0], split[1][:0], METRIC, TrainConfig(**(vars(QUICK) | {"steps": 0})))
    assert "heldout_mm" not in history


def test_tiny_corpora_train():
    history = train(small_model(), DISPLAYS.sample(3)[0], DISPLAYS.sample(2)[0], METRIC,
                    TrainConfig(steps=2, start_rounds=2, start_frames=50, batch_size=8, jitter=0.0))  # fmt: skip
    assert np.isfinite(history[["train_mm", "heldout_mm"]]).all(axis=None)


def test_split_is_by_subject_and_not_by_order():
    subjects = [f"s{i % 10}" for i in range(100)]
    held = split_subjects(subjects, 0.3, seed=4)
    names = np.array(subjects)
    assert not set(names[held]) & set(names[~held])
    assert len(set(names[held])) == 3
    shuffled = np.random.default_rng(0).permutation(100)
    assert set(names[shuffled][split_subjects(names[shuffled], 0.3, seed=4)]) == set(names[held])
    assert any(set(names[split_subjects(subjects, 0.3, seed)]) != set(names[held]) for seed in range(5))
    assert set(names[split_subjects(subjects, ["s4", "s7"])]) == {"s4", "s7"}


@pytest.mark.parametrize(
    ("heldout", "word"),
    [(["s9"], "s9"), (1.5, "share"), (["s0", "s1"], "none is left")],
    ids=["unknown", "share", "all"],
)
def test_impossible_splits_are_explained(heldout, word):
    with pytest.raises(UserError, match=word):
        split_subjects(["s0", "s1", "s0"], heldout)


@pytest.mark.parametrize(
    ("setting", "word"), [({"batch_size": 0}, "batch_size"), ({"device": "tpu"}, "device"), ({"jitter": 2.0}, "jitter")]
)
def test_config_names_the_setting_that_is_wrong(setting, word):
    with pytest.raises(UserError, match=word):
        TrainConfig(**setting)


def test_losses_change_their_weights_and_nothing_else():
    losses = {"sparsity": 1, "start_rarity": 0.05}
    assert vars(QUICK.with_losses(losses)) == vars(QUICK) | losses
    assert QUICK.with_losses({}) == QUICK


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({"sparcity": 0.1}, "no parameter called sparcity; did you mean sparsity?"),
        ({"sparsity": "1e-3"}, "sparsity must be float, not the str '1e-3'.*write 1.0e-3"),
        ({"steps": 3}, "no parameter called steps; choose from commitment, orthogonality"),
        ({"usage": True}, "usage must be float, not the bool"),
        ({"usage": -1.0}, "usage must be a number of at least 0, not -1.0"),
        ({"usage": float("nan")}, "usage must be a number of at least 0, not nan"),
    ],
)
def test_losses_that_are_none_are_explained(losses, message):
    with pytest.raises(UserError, match=message):
        QUICK.with_losses(losses)


def test_bad_data_are_explained(split):
    psi, heldout = split
    with pytest.raises(UserError, match="52 columns"):
        train(small_model(), psi[:, :51], heldout, METRIC)
    with pytest.raises(UserError, match="not finite"):
        train(small_model(), np.where(np.arange(52) == 4, np.nan, psi).astype(np.float32), heldout, METRIC)
    with pytest.raises(UserError, match="symmetric"):
        train(small_model(), psi, heldout, METRIC[:51, :51])


def test_a_coefficient_that_never_varied_keeps_still(split):
    psi, metric = split[0].copy(), METRIC.copy()
    psi[:, 3] = 0.25
    metric[3], metric[:, 3] = 0, 0
    model = small_model()
    train(model, psi, psi[:0], metric, QUICK)
    decoded = model.decode(model.encode(torch.from_numpy(psi))).numpy()
    np.testing.assert_allclose(decoded[:, 3], 0.25, atol=1e-6)
