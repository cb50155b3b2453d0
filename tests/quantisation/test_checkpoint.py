import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.training import train

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(700, seed=1)[0]
CONFIG = TrainConfig(
    steps=45, start_rounds=1, start_frames=600, batch_size=64, evaluate_every=15, learning_rate=1e-3, patience=9
)


class PowerCutError(Exception):
    pass


def fresh() -> RvqVae:
    return RvqVae(RvqVaeConfig(ACTIONS, codebook_size=32))


def cut(step: int, row: dict) -> None:
    if step == 30:
        raise PowerCutError


def test_an_interrupted_run_ends_in_the_very_same_model(tmp_path):
    whole, resumed = fresh(), fresh()
    expected = train(whole, PSI, PSI[:100], METRIC, CONFIG)
    with pytest.raises(PowerCutError):
        train(fresh(), PSI, PSI[:100], METRIC, CONFIG, progress=cut, checkpoint=tmp_path / "run.safetensors")
    steps = []
    history = train(
        resumed,
        PSI,
        PSI[:100],
        METRIC,
        CONFIG,
        lambda step, _: steps.append(step),
        checkpoint=tmp_path / "run.safetensors",
    )
    assert steps == [30, 45]  # the last checkpoint was at step 15
    assert history.equals(expected)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_finished_run_is_not_trained_again(tmp_path):
    first, again = fresh(), fresh()
    history = train(first, PSI, PSI[:100], METRIC, CONFIG, checkpoint=tmp_path / "run.safetensors")
    steps = []
    assert train(
        again,
        PSI,
        PSI[:100],
        METRIC,
        CONFIG,
        lambda step, _: steps.append(step),
        checkpoint=tmp_path / "run.safetensors",
    ).equals(history)
    assert not steps
    assert torch.equal(first.quantiser.codebook, again.quantiser.codebook)


def test_other_runs_and_other_files_are_refused(tmp_path):
    file = tmp_path / "run.safetensors"
    config = TrainConfig(**{**vars(CONFIG), "steps": 2})
    train(fresh(), PSI, PSI[:0], METRIC, config, checkpoint=file)
    with pytest.raises(UserError, match="other settings or frames"):
        train(fresh(), PSI[::-1], PSI[:0], METRIC, config, checkpoint=file)
    with pytest.raises(UserError, match="no checkpoint of this model"):
        train(RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16)), PSI, PSI[:0], METRIC, config, checkpoint=file)
    file.write_bytes(b"noise")
    with pytest.raises(UserError, match="no checkpoint"):
        train(fresh(), PSI, PSI[:0], METRIC, config, checkpoint=file)


def test_training_stops_when_the_heldout_error_no_longer_falls_and_keeps_the_best():
    config = TrainConfig(
        steps=400, start_rounds=6, start_frames=700, batch_size=64, evaluate_every=5, learning_rate=3e-2, patience=3
    )
    model = fresh()
    history = train(model, PSI, PSI[:200], METRIC, config)
    assert history["step"].iloc[-1] < 100
    codes = model.encode(torch.from_numpy(PSI[:200]))
    difference = PSI[:200] - model.decode(codes).numpy()
    error = np.sqrt(np.einsum("ni,ij,nj->n", difference, METRIC, difference)).mean()
    assert error == pytest.approx(history["heldout_mm"].min(), rel=1e-5)
