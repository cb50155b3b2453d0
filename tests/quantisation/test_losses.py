import math

import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.losses import coefficient_fields, orthogonality_loss, sparsity_loss, usage_loss
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.training import train

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(800, seed=1)[0]


def test_sparsity_is_the_mean_length_of_the_displacements():
    rng = np.random.default_rng(0)
    fields, templates = rng.normal(size=(7, 3, 5)), rng.normal(size=(4, 5))
    explicit = np.linalg.norm(np.einsum("vce,ke->kvc", fields, templates), axis=2).mean()
    torch.testing.assert_close(
        sparsity_loss(torch.from_numpy(templates), torch.from_numpy(fields)).item(), explicit, rtol=1e-9, atol=0
    )


def test_of_two_templates_with_the_same_energy_the_sparse_one_costs_less():
    fields = coefficient_fields(np.eye(4))
    one, spread = torch.tensor([[2.0, 0, 0, 0]]), torch.ones(1, 4)
    assert sparsity_loss(one, fields) < 0.6 * sparsity_loss(spread, fields)


def test_orthogonality_is_the_mean_square_of_the_cosines_between_pairs():
    templates = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 3.0]])
    assert orthogonality_loss(templates, torch.eye(2)).item() == pytest.approx((0.5 + 0.5 + 0) / 3, rel=1e-5)


def test_usage_is_log_k_when_one_code_takes_all():
    codebook = torch.tensor([[0.0], [100.0], [200.0], [300.0]])
    assert usage_loss(torch.tensor([[0.1], [-0.1]]), codebook).item() == pytest.approx(math.log(4), rel=1e-4)


@pytest.mark.parametrize("term", ["sparsity", "orthogonality", "usage"])
def test_a_weight_makes_its_term_smaller(term):
    values = {}
    for weight in (0.0, 3.0):
        config = TrainConfig(
            steps=25, start_rounds=1, start_frames=800, batch_size=32, learning_rate=1e-3, **{term: weight}
        )
        model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=32, decoder="additive"))
        train(model, PSI, PSI[:0], METRIC, config)
        with torch.no_grad():
            templates, root = (torch.from_numpy(x).float() for x in (model.templates(), np.linalg.cholesky(METRIC)))
            values[weight] = {
                "sparsity": lambda t=templates: sparsity_loss(t, coefficient_fields(METRIC)),
                "orthogonality": lambda t=templates, r=root: orthogonality_loss(t, r),
                "usage": lambda m=model: usage_loss(m.latent(torch.from_numpy(PSI)), m.quantiser.codebook[0]),
            }[term]().item()
    assert values[3.0] < 0.97 * values[0.0]


def test_each_term_has_a_gradient_and_a_zero_template_does_not_break_it():
    templates = torch.zeros(3, 4, requires_grad=True)
    (sparsity_loss(templates, coefficient_fields(np.eye(4))) + orthogonality_loss(templates, torch.eye(4))).backward()
    assert torch.isfinite(templates.grad).all()
