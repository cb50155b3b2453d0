import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.distributed import train_in_processes
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.training import train

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(800, seed=1)[0]
CONFIG = TrainConfig(steps=51, start_rounds=1, start_frames=800, batch_size=64, evaluate_every=51, learning_rate=1e-3)


@pytest.mark.slow
def test_two_processes_train_the_model_of_one():
    models = [RvqVae(RvqVaeConfig(ACTIONS, codebook_size=32, decoder="additive")) for _ in range(2)]
    alone = train(models[0], PSI, PSI[:100], METRIC, CONFIG)
    both = train_in_processes(models[1], PSI, PSI[:100], METRIC, CONFIG, processes=2)
    np.testing.assert_allclose(both["heldout_mm"], alone["heldout_mm"], rtol=2e-3)
    books = [model.quantiser.codebook.detach() for model in models]
    moved = (books[0] - _start()).norm()
    assert moved > 0.1 and (books[0] - books[1]).norm() < 0.05 * moved
    codes = [model.encode(torch.from_numpy(PSI)) for model in models]
    errors = [
        error_mm(PSI, model.decode(code).numpy(), METRIC).mean() for model, code in zip(models, codes, strict=True)
    ]
    assert errors[1] == pytest.approx(errors[0], rel=2e-3)


def _start() -> torch.Tensor:
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=32, decoder="additive"))
    train(model, PSI, PSI[:0], METRIC, TrainConfig(**{**vars(CONFIG), "steps": 0}))
    return model.quantiser.codebook.detach()


def test_batches_that_cannot_be_divided_are_refused():
    with pytest.raises(UserError, match="multiple"):
        train_in_processes(RvqVae(RvqVaeConfig(ACTIONS)), PSI, PSI[:0], METRIC, CONFIG, processes=3)
