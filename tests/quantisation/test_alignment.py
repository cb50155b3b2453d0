import numpy as np
import pytest
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.quantisation.alignment import aligned_order, alignment_table
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.encoder import DiscreteFacialEncoder
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(1500, seed=1)[0]
QUICK = TrainConfig(steps=0, start_rounds=6, start_frames=1500)


def encoder(**settings) -> DiscreteFacialEncoder:
    return DiscreteFacialEncoder(64, 3, metric=METRIC, training=QUICK, **settings)


def test_displays_that_come_back_keep_their_numbers_and_others_take_the_free_ones():
    displays = np.eye(5)
    known = np.stack([displays[3], -displays[0], displays[1], displays[0]])
    order = aligned_order(displays, known, np.eye(5), np.array([4, 3, 2, 1, 0]))
    assert order.tolist() == [3, 4, 1, 0, 2]


def test_more_displays_are_known_than_there_are():
    order = aligned_order(np.eye(3)[:2], np.eye(3)[[2, 1, 0]], np.eye(3), np.array([0, 1]))
    assert order.tolist() == [0, 1]  # the first has number 2 there, which is not to be had here


@pytest.mark.parametrize("levels", [1, 4])
def test_a_retrained_codebook_keeps_the_names_of_its_displays(levels):
    first = encoder(levels=levels).fit(PSI)
    mixed = RvqVae(first.model_.config)
    mixed.load_state_dict(first.model_.state_dict())
    swap = np.random.default_rng(0).permutation(64 // levels)
    mixed.quantiser.codebook.data = mixed.quantiser.codebook.data[:, swap]
    again = encoder(levels=levels, seed=0).fit(PSI, align_to=mixed)
    table = alignment_table(again.model_, mixed, METRIC)
    assert table["matched"].mean() > 0.9 and table["cosine"].median() > 0.95
    assert (again.model_.strengths()[0, 0] == 0) == (levels > 1)
    alone = encoder(levels=levels).fit(PSI)
    assert alignment_table(alone.model_, mixed, METRIC)["matched"].mean() < 0.5


def test_models_of_other_coefficients_are_not_compared():
    models = [RvqVae(RvqVaeConfig(names, codebook_size=4)) for names in (("jawOpen",), ACTIONS)]
    with pytest.raises(UserError, match="coefficients"):
        alignment_table(*models, METRIC)


def test_a_start_at_known_displays_keeps_them_on_half_of_the_frames():
    """Where a start from nothing keeps about 40 of 100; 2e-4 of noise, which two machines make of one clip, is less."""
    first = encoder(levels=4).fit(PSI)
    noise = np.random.default_rng(0).uniform(-2e-4, 2e-4, PSI.shape).astype(np.float32)
    for psi in (PSI[::2], PSI + noise):
        again = encoder(levels=4).fit(psi, align_to=first)
        assert (alignment_table(again.model_, first.model_, METRIC)["cosine"] >= 0.9).mean() >= 0.9
