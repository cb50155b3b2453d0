import numpy as np
import pytest

from dfe_lib.comparison.baselines import ResidualCode
from dfe_lib.comparison.denoising import denoising_table
from dfe_lib.quantisation.denoising import DenoisingEncoder, NoisyFrames


def shown(people: int, noise: float = 0.1) -> list[NoisyFrames]:
    rng = np.random.default_rng(0)
    truth = rng.random((people, 60, 2))
    read = np.clip(truth + noise * rng.standard_normal(truth.shape), 0, 1)
    return [NoisyFrames(each, np.full(each.shape, noise), own) for each, own in zip(read, truth, strict=True)]


class Oracle(DenoisingEncoder):
    """Knows the truth."""

    def denoised(self, frames: NoisyFrames) -> np.ndarray:
        return frames.truth.astype(np.float32)


@pytest.fixture(scope="module")
def code() -> ResidualCode:
    return ResidualCode(16).fit(np.random.default_rng(1).random((500, 2)).astype(np.float32), np.eye(2), 8)


def test_who_knows_the_truth_gains_and_who_does_nothing_does_not(code: ResidualCode) -> None:
    encoders = {"none": [None], "start": [DenoisingEncoder(2, 0, seed=seed) for seed in range(2)],
                "oracle": [Oracle(2, 0)]}  # fmt: skip
    table = denoising_table(code, encoders, {"invented": shown(5)}, np.eye(2)).set_index("encoder")
    assert table.ratio["oracle"] < 0.5 < 0.9 < table.ratio["none"]
    assert table.ratio["start"] == pytest.approx(table.ratio["none"], rel=1e-5)
    assert (table.ratio_low <= table.ratio).all() and (table.ratio <= table.ratio_high).all()
    assert table.psi_mm.nunique() == 1 and table.denoised_mm["oracle"] < 1e-6
    assert table.seed_sd["start"] < 1e-6 and np.isnan(table.seed_sd["none"])
    assert (table.frames == 300).all() and (table.people == 5).all()
