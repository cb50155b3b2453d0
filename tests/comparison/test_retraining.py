import numpy as np
import pandas as pd
import pytest
from frame_sets import faces
from planted import PlantedDisplays, invented_metric

from dfe_lib.comparison.baselines import PcaScalar, ResidualCode
from dfe_lib.comparison.reconstruction import FIRST_FOLD, compare
from dfe_lib.comparison.recovery import recovery_table
from dfe_lib.comparison.retraining import (
    NOISE,
    compared_again,
    reconstruction_over_seeds,
    recovery_over_seeds,
    trained_again,
    training_table,
)
from dfe_lib.comparison.rvqvae_code import TrainedCode
from dfe_lib.errors import UserError
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import RvqVaeConfig

METRIC = invented_metric(6)
PLANTED = PlantedDisplays.invented(5, 6)
PSI, _ = PLANTED.sample(300)
CONFIG = RvqVaeConfig(
    tuple(f"exp{i}" for i in range(1, 7)), codebook_size=8, n_stages=2, latent_dim=6, width=8, heads=2, decoder_width=16
)
BRIEF = TrainConfig(steps=2, start_rounds=2, start_frames=200, evaluate_every=1)
HELDOUT = {"simulated": faces(["a"], 100, PSI[:100])}


@pytest.fixture(scope="module")
def codes() -> dict:
    methods = {"ours": TrainedCode(CONFIG, BRIEF, PSI[:50]), "faiss_rq": ResidualCode(8), "pca_scalar": PcaScalar()}
    return {name: code.fit(PSI, METRIC, 6) for name, code in methods.items()}


@pytest.fixture(scope="module")
def again(codes: dict) -> dict:
    return trained_again(codes, ("ours", "faiss_rq", "none"), PSI, METRIC, n_seeds=3)


def test_each_training_is_another_one_of_the_same_method(codes: dict, again: dict) -> None:
    names = ["seed 0", "seed 1", "seed 2", "noise"]
    assert {method: list(trainings) for method, trainings in again.items()} == {"ours": names, "faiss_rq": names}
    for method, trainings in again.items():
        assert trainings["seed 0"] is codes[method]
        assert len({code.templates().tobytes() for code in trainings.values()}) == 4
        assert {code.bits for code in trainings.values()} == {6.0}
    assert trained_again(codes, ["ours"], PSI, METRIC, 1) == {"ours": {"seed 0": codes["ours"]}}
    assert NOISE == 2e-4


def test_noise_starts_where_the_first_did_and_further_seeds_from_nothing(codes: dict) -> None:
    known = codes["ours"].model
    first = TrainedCode(CONFIG, BRIEF, align_to=known)
    assert first.reseeded(0).align_to is known and first.reseeded(1).align_to is None


def test_what_has_no_seed_is_not_trained_again(codes: dict) -> None:
    with pytest.raises(UserError, match="leave the others out"):
        trained_again(codes, ["pca_scalar"], PSI, METRIC, 2)


def test_tables_hold_means_and_deviations_over_seeds_without_the_noisy_corpus(codes: dict, again: dict) -> None:
    once = compare(codes, HELDOUT, {"face": METRIC})[0]
    table = reconstruction_over_seeds(once, compared_again(again, HELDOUT, METRIC)).set_index("method")
    errors = [_error(again["ours"][f"seed {seed}"]) for seed in range(3)]
    np.testing.assert_allclose(table.error_mm["ours"], np.mean(errors))
    np.testing.assert_allclose(table.error_mm_sd["ours"], np.std(errors, ddof=1))
    assert table.n_seeds.to_dict() == {"ours": 3, "faiss_rq": 3, "pca_scalar": 1}
    assert np.isnan(table.error_mm_sd["pca_scalar"]) and table.error_mm["pca_scalar"] == once.error_mm[2]
    assert [name for name in table if name not in ("error_mm_sd", "n_seeds")] == list(once.columns[1:])

    planted = PLANTED.primitives
    found = recovery_over_seeds(recovery_table(codes, list("abcde"), planted, METRIC)[0], again, planted, METRIC)
    assert (found.set_index("method").found_share_sd[["ours", "faiss_rq"]] >= 0).all()


def test_people_left_out_of_a_training_of_their_own_are_not_mixed_with_those_whom_none_has_seen(again: dict) -> None:
    compared = compared_again(again, {"real": faces(["a"], 100, PSI[:100])}, METRIC, folds=True)
    row = {"method": "ours", "error_mm": 0.1}
    table = reconstruction_over_seeds(pd.DataFrame([row | {"data": FIRST_FOLD}, row | {"data": "real"}]), compared)
    assert table.n_seeds.tolist() == [3, 1] and table.error_mm[1] == 0.1


def test_every_training_has_its_errors_and_the_templates_that_come_again(again: dict) -> None:
    table = training_table(again, compared_again(again, HELDOUT, METRIC), METRIC)
    first = table[table.training == "seed 0"]
    assert (first.templates_again == 1).all() and table.templates_again.between(0, 1).all()
    here = table.set_index(["method", "training", "data"]).error_mm
    np.testing.assert_allclose(here["faiss_rq", "noise", "simulated"], _error(again["faiss_rq"]["noise"]))
    ours = table[(table.method == "ours") & (table.data == "all")]
    histories = [code.history.heldout_mm for code in again["ours"].values()]
    assert ours.start_mm.tolist() == [history.iloc[0] for history in histories]
    assert ours.error_mm.tolist() == [history.iloc[-1] for history in histories]
    assert pd.isna(table[table.method == "faiss_rq"].start_mm).all()


def _error(code: object) -> float:
    return error_mm(PSI[:100], np.asarray(code.decode(code.encode(PSI[:100])), float), METRIC).mean()
