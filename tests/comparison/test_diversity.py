import numpy as np
import pytest
from frame_sets import faces

from dfe_lib.comparison.diversity import diversity_table, mean_pairwise_mm
from dfe_lib.comparison.frame_codes import FrameCode

RNG = np.random.default_rng(0)
FACES = faces(list("ab"), each=50, psi=RNG.uniform(0, 1, (100, 52)))
METRIC = np.eye(52)


def code(symbols, decoded):
    return FrameCode("dfe", "tokens", 4.0, symbols, decoded, np.eye(52)[:3])


def test_codes_are_counted_whole() -> None:
    symbols = np.stack([np.arange(100) % 2, np.arange(100) % 4], axis=1)
    row = diversity_table([code(symbols, FACES.psi)], FACES, METRIC, "real").iloc[0]
    assert row.distinct_codes == 4 and row.code_entropy_bits == pytest.approx(2.0)
    assert row.covered == 1.0 and row.template_distance_mm == pytest.approx(np.sqrt(2))


def test_faces_far_from_every_decoded_one_are_not_covered() -> None:
    far = diversity_table([code(np.zeros((100, 1), int), FACES.psi + 10)], FACES, METRIC, "real").iloc[0]
    one = diversity_table(
        [code(np.zeros((100, 1), int), np.tile(FACES.psi[:1], (100, 1)))], FACES, METRIC, "real"
    ).iloc[0]
    assert far.covered == 0 and 0.01 <= one.covered < 0.5


def test_exact_intensities_are_no_finite_code() -> None:
    exact = FrameCode("facs", "continuous", float("nan"), np.empty((100, 0), int), FACES.psi, np.eye(52)[:3])
    assert diversity_table([exact], FACES, METRIC, "real").empty


def test_the_mean_distance_is_over_all_pairs() -> None:
    templates = RNG.normal(size=(6, 52))
    pairs = [np.linalg.norm(templates[i] - templates[j]) for i in range(6) for j in range(i)]
    assert mean_pairwise_mm(templates, METRIC) == pytest.approx(np.mean(pairs))
