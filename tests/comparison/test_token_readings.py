import numpy as np
import pytest
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.token_readings import BEYOND, retrained_templates, token_shares, token_stability, token_units
from dfe_lib.facs import au_basis
from dfe_lib.morphable.anny import anny_head
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig


def test_a_token_made_of_units_is_read_as_those() -> None:
    smile, brow, jaw = au_basis(["AU12", "AU04L", "AU30R"])[1]
    table = token_units(np.stack([0.5 * smile, brow - 0.4 * smile, jaw, 0 * jaw]), anny_head())
    assert table.reading[0] == "AU12 +0.50" and table.r2[0] == pytest.approx(1.0)
    assert set(table.units[1].split()) == {"AU04L", "AU12"} and "AU12 -0.40" in table.reading[1]
    assert table.units[2] == "AU30R" and table.r2[2] > 0.99 and table.region[2] == "jaw"
    assert table.reading[3] == "" and table.r2[3] == 0


def test_what_detectors_have_no_units_for_is_beyond_facs() -> None:
    names = ("jawLeft", "jawForward", "cheekPuff", "mouthSmileLeft", "jawOpen")
    templates = np.eye(len(ACTIONS))[[ACTIONS.index(name) for name in names]]
    both = templates[3] + np.eye(len(ACTIONS))[ACTIONS.index("mouthSmileRight")]
    mixed = templates[4] - 0.5 * both  # the jaw drops and a smile goes
    table = token_units(np.vstack([templates, both, mixed]), anny_head())
    assert table.beyond_facs.tolist() == [True, True, True, True, False, False, False]
    assert table.r2_detectors[5:].to_numpy() == pytest.approx(np.ones(2), abs=1e-3) and table.r2_detectors[3] < 0.6
    assert (table.beyond_facs == (table.r2_detectors < BEYOND)).all()


def test_partners_are_found_one_to_one() -> None:
    metric = invented_metric()
    templates = np.random.default_rng(0).normal(size=(8, 52))
    shuffled = 2.0 * templates[::-1]
    assert token_stability(templates, [shuffled], metric) == pytest.approx(np.ones(8))
    missing = token_stability(templates, [shuffled[:5]], metric)
    assert (missing > 0.999).sum() == 5 and (missing == 0).sum() == 3
    assert token_stability(templates, [-templates, templates], metric).max() < 1


def test_trainings_from_other_seeds_are_others_and_repeat() -> None:
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=8, n_stages=2))
    psi = PlantedDisplays.invented().sample(300)[0].astype(float)
    first, second = retrained_templates(model, psi, invented_metric(), 2, 64)
    again = retrained_templates(model, psi, invented_metric(), 1, 64)[0]
    assert first.shape == (8, 52) and np.array_equal(first, again) and not np.allclose(first, second)


def test_a_token_counts_once_a_frame() -> None:
    assert token_shares(np.array([[1, 1], [1, 2]]), 4).tolist() == [0, 1, 0.5, 0]
