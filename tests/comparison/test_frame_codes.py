import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.action_units import AU_SETS
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.baselines import ResidualCode
from dfe_lib.comparison.frame_codes import FrameCode, compared_codes, token_codes, unit_codes
from dfe_lib.facs import AU_PRESENT, au_basis, au_intensities
from dfe_lib.morphable.metric import mesh_energy
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

METRIC = invented_metric()
TRAIN = PlantedDisplays.invented().sample(400, seed=1)[0].astype(float)
PSI = PlantedDisplays.invented().sample(120, seed=2)[0].astype(float)
MODEL = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=3))


def test_the_longest_token_code_is_the_models_own() -> None:
    codes = token_codes(MODEL, PSI)
    assert [code.bits for code in codes] == [4, 8, 12]
    tokens = MODEL.encode(torch.as_tensor(PSI, dtype=torch.float32))
    assert np.array_equal(codes[-1].symbols, tokens.numpy())
    assert codes[-1].decoded == pytest.approx(MODEL.decode(tokens).numpy(), abs=1e-6)
    assert np.array_equal(codes[0].symbols, codes[-1].symbols[:, :1])


def test_exact_intensities_are_the_bounded_least_squares() -> None:
    exact = unit_codes("disfa12", TRAIN, PSI, METRIC)[2]
    assert exact.decoded == pytest.approx(au_intensities(PSI, METRIC, "disfa12") @ au_basis("disfa12")[1])
    assert np.isnan(exact.bits) and np.isnan(exact.entropy_bits)


def test_strengths_are_the_best_for_the_training_people() -> None:
    binary, five, _ = unit_codes("openface17", TRAIN, TRAIN, METRIC)
    assert binary.bits == 17 and five.bits == pytest.approx(17 * np.log2(6))
    left = mesh_energy(TRAIN - binary.decoded, METRIC).sum()
    assert mesh_energy(TRAIN - five.decoded, METRIC).sum() < left
    shown = au_intensities(TRAIN, METRIC, "openface17") >= AU_PRESENT
    assert np.array_equal(binary.symbols, shown)
    for unit in range(17):  # no other strength of any unit does better
        for change in (-0.05, 0.05):
            other = binary.decoded + change * shown[:, [unit]] * au_basis("openface17")[1][unit]
            assert mesh_energy(TRAIN - other, METRIC).sum() >= left - 1e-6


def test_every_set_and_level_is_compared_once() -> None:
    other = ResidualCode(16).fit(TRAIN, METRIC, 12)
    codes = compared_codes(MODEL, TRAIN, PSI, METRIC, {"residual_kmeans": other}, regressed=("openface17",))
    names = [(code.representation, code.level, code.bits) for code in codes]
    assert len(names) == len({str(name) for name in names}) == 3 + 3 * len(AU_SETS) + 2 + 1
    by_name = {(code.representation, code.level): code for code in codes}
    assert np.array_equal(by_name["libreface12", "five"].symbols, by_name["disfa12", "five"].symbols)
    assert codes[-1].bits == 12 and len(codes[-1].decoded) == len(PSI)


def test_rows_and_entropy_of_a_code() -> None:
    symbols = np.array([[0, 0], [0, 1], [1, 2], [1, 3]])
    code = FrameCode("x", "tokens", 3.0, symbols, np.arange(8.0).reshape(4, 2), np.zeros((1, 2)))
    assert code.entropy_bits == pytest.approx(1 + 2)
    assert code[np.array([2])].symbols.tolist() == [[1, 2]] and code[np.array([2])].decoded.tolist() == [[4.0, 5.0]]
