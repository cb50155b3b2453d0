"""The other codes that the codebook is compared with: dictionary of regions, finite scalars, action units, VQ-VAEs."""

import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.au_code import AuCode
from dfe_lib.comparison.face_code import FaceCode
from dfe_lib.comparison.fsq import FiniteScalar
from dfe_lib.comparison.region_dictionary import RegionDictionary, region_columns
from dfe_lib.comparison.rvqvae_code import TrainedCode, VqCode
from dfe_lib.facs import au_basis
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

METRIC = invented_metric()
PSI, _ = PlantedDisplays.invented(10).sample(400)
SMALL = RvqVaeConfig(ACTIONS, codebook_size=16, latent_dim=16, width=16, decoder_width=32)
BRIEF = TrainConfig(steps=2, start_rounds=3, start_frames=400)
CODES = {
    "dictionary": lambda: RegionDictionary(ACTIONS, 64),
    "finite_scalar": lambda: FiniteScalar(2, steps=60),
    "vq": lambda: VqCode(SMALL, BRIEF),
    "rvq": lambda: TrainedCode(SMALL, BRIEF),
}


@pytest.fixture(scope="module", params=CODES)
def code(request: pytest.FixtureRequest) -> FaceCode:
    bits = {"dictionary": 12, "vq": 6}.get(request.param, 8)
    return CODES[request.param]().fit(PSI, METRIC, bits)


def test_a_face_comes_back_nearer_than_the_mean_face(code: FaceCode) -> None:
    decoded = code.decode(code.encode(PSI))
    mean = np.broadcast_to(PSI.mean(0), PSI.shape)
    assert error_mm(PSI, decoded, METRIC).mean() < 0.9 * error_mm(PSI, mean, METRIC).mean()
    assert np.isfinite(code.templates()).all()


def test_the_bits_hold_all_symbols(code: FaceCode) -> None:
    codes = code.encode(PSI)
    sizes = code.levels.tolist() if isinstance(code, FiniteScalar) else [code.codebook_size] * codes.shape[1]
    assert (codes >= 0).all()
    assert (codes < np.array(sizes)).all()
    assert np.log2(sizes).sum() == code.bits


def test_what_is_fitted_does_not_hang_on_the_callers_random_state() -> None:
    first = [FiniteScalar(2, steps=3).fit(PSI, METRIC, 8).decode(np.zeros((1, 4), int)) for _ in range(2)]
    np.testing.assert_array_equal(*first)


def test_a_dictionary_s_atom_moves_one_region() -> None:
    atoms = RegionDictionary(ACTIONS, 64).fit(PSI, METRIC, 12).templates()
    parts = np.stack([np.abs(atoms[:, columns]).sum(1) > 1e-9 for columns in region_columns(ACTIONS).values()])
    assert (parts.sum(0) <= 1).all()
    assert sorted(column for columns in region_columns(ACTIONS).values() for column in columns) == list(range(52))


@pytest.mark.parametrize(
    ("codebook_size", "bits", "symbols", "booked"), [(16, 8, 16, 8), (32, 10, 32, 10), (8, 9, 16, 8), (8, 3, 16, 4)]
)
def test_a_dictionary_s_bits_tell_all_its_symbols(codebook_size: int, bits: int, symbols: int, booked: int) -> None:
    """Where one region moves most, too; each of the four has an atom at four strengths at least."""
    weight = np.full(52, 0.05)
    weight[region_columns(ACTIONS)["mouth_jaw"]] = 1
    code = RegionDictionary(ACTIONS, codebook_size).fit(weight * PSI, METRIC, bits)
    assert len(code.symbols) == code.codebook_size == symbols
    assert code.bits == code.encode(PSI).shape[1] * np.log2(symbols) == booked


def test_units_are_encoded_at_five_levels_and_decoded_to_their_templates() -> None:
    unit = au_basis("openface17")[1][8]
    code = AuCode().fit(PSI, METRIC, 32)
    symbols = code.encode(np.stack([0.0 * unit, 0.4 * unit, unit]))
    assert symbols[:, 8].tolist() == [0, 2, 5]
    np.testing.assert_allclose(
        code.decode(symbols)[:, unit > 0], [0.0 * unit[unit > 0], 0.4 * unit[unit > 0], unit[unit > 0]]
    )
    np.testing.assert_allclose(code.bits, 17 * np.log2(6))
    assert AuCode(binary=True).bits == 17


@pytest.mark.parametrize("binary", [False, True])
def test_a_regressed_reading_of_the_units_is_at_least_as_near(binary: bool) -> None:
    errors = []
    for regressed in (False, True):
        code = AuCode(binary=binary, regressed=regressed).fit(PSI, np.eye(52), 32)
        errors.append(np.square(PSI - code.decode(code.encode(PSI))).sum())
    assert errors[1] < errors[0]


def test_a_trained_model_is_taken_as_it_is() -> None:
    model = RvqVae(SMALL, seed=3).eval()
    code = TrainedCode.of(model)
    np.testing.assert_array_equal(code.encode(PSI), model.encode(torch.as_tensor(PSI)).numpy())
    assert code.bits == 16
    assert code.templates().shape == (16, 52)
