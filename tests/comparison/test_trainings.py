import numpy as np
from planted import PlantedDisplays, invented_metric

from dfe_lib.comparison.baselines import ResidualCode
from dfe_lib.comparison.rvqvae_code import TrainedCode
from dfe_lib.comparison.trainings import Training, fit_all
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.rvqvae import RvqVaeConfig

METRIC = invented_metric(6)
PSI, _ = PlantedDisplays.invented(5, 6).sample(300)
CONFIG = RvqVaeConfig(
    tuple(f"exp{i}" for i in range(1, 7)), codebook_size=8, n_stages=2, latent_dim=6, width=8, heads=2, decoder_width=16
)
BRIEF = TrainConfig(steps=2, start_rounds=2, start_frames=200, evaluate_every=1)


def test_codes_are_the_same_from_any_number_of_processes_and_come_in_the_order_given() -> None:
    found = {}
    for workers in (1, 2):
        trainings = {
            ("ours", 0): Training(TrainedCode(CONFIG, BRIEF, PSI[:50]), PSI, 6),
            ("faiss_rq", 0): Training(ResidualCode(8), PSI, 6),
            ("ours", 1): Training(TrainedCode(CONFIG, BRIEF), PSI[::2], 3),
        }
        found[workers] = fit_all(trainings, METRIC, workers)
        assert list(found[workers]) == list(trainings)
    for name, code in found[1].items():
        other = found[2][name]
        np.testing.assert_array_equal(code.templates(), other.templates())
        np.testing.assert_array_equal(code.encode(PSI), other.encode(PSI))
        assert code.bits == other.bits
    assert found[2]["ours", 0].history.equals(found[1]["ours", 0].history)
    assert found[2]["ours", 1].bits == 3
