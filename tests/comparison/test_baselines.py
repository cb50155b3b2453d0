import numpy as np
import pytest
from planted import PlantedDisplays, invented_metric

from dfe_lib.comparison.baselines import KMeans, MeshAxes, PcaScalar, ProductCode, ResidualCode, stages_of
from dfe_lib.errors import UserError
from dfe_lib.quantisation.metrics import error_mm

METRIC = invented_metric(12)
PSI, _ = PlantedDisplays.invented(8, 12).sample(600)
CODES = {"residual": ResidualCode, "product": ProductCode}


def distances(psi: np.ndarray, face: np.ndarray) -> np.ndarray:
    return error_mm(psi, np.broadcast_to(face, psi.shape), METRIC)


@pytest.fixture(scope="module", params=CODES)
def fitted(request: pytest.FixtureRequest) -> ResidualCode | ProductCode:
    return CODES[request.param](codebook_size=16).fit(PSI, METRIC, 12)


def test_axes_measure_in_mm() -> None:
    axes = MeshAxes.of(PSI, METRIC)
    np.testing.assert_allclose(np.square(axes(PSI) - axes(PSI[:1])).sum(1) ** 0.5, distances(PSI, PSI[0]), rtol=1e-3)
    np.testing.assert_allclose(axes.back(axes(PSI)), PSI, atol=1e-4)
    assert (np.diff(axes(PSI).std(0)) < 1e-6).all()


def test_what_is_decoded_is_the_mean_and_a_code_of_each_stage(fitted: ResidualCode | ProductCode) -> None:
    codes = fitted.encode(PSI)
    assert codes.shape == (600, 3)
    assert fitted.bits == 12
    templates = fitted.templates().reshape(3, 16, 12)
    np.testing.assert_allclose(fitted.decode(codes), sum(templates[m, codes[:, m]] for m in range(3)), atol=1e-5)


def test_a_fitted_code_is_nearer_than_the_mean_face(fitted: ResidualCode | ProductCode) -> None:
    error = error_mm(PSI, fitted.decode(fitted.encode(PSI)), METRIC).mean()
    assert error < 0.6 * distances(PSI, PSI.mean(0)).mean()


def test_the_product_code_finds_the_nearest_code_of_each_part() -> None:
    code = ProductCode(codebook_size=4).fit(PSI, METRIC, 4)
    every = np.stack(np.meshgrid(range(4), range(4), indexing="ij"), -1).reshape(-1, 2)
    distance = np.stack([distances(PSI[:50], code.decode(row[None])[0]) for row in every])
    np.testing.assert_array_equal(code.encode(PSI[:50]), every[distance.argmin(0)])


def test_the_mesh_metric_helps() -> None:
    errors = []
    for whiten in (True, False):
        code = ResidualCode(16, whiten).fit(PSI, METRIC, 12)
        errors.append(error_mm(PSI, code.decode(code.encode(PSI)), METRIC).mean())
    assert errors[0] < errors[1]


def test_kmeans_takes_the_nearest_of_at_most_4096_codes() -> None:
    code = KMeans().fit(PSI[:300], METRIC, 6)
    codes = code.encode(PSI)
    distance = np.stack([distances(PSI, row) for row in code.templates()])
    np.testing.assert_array_equal(codes[:, 0], distance.argmin(0))
    assert code.bits == 6
    assert KMeans()._stages(32, 10**6) == 1


def test_kmeans_has_no_more_codes_than_frames_and_books_those() -> None:
    code = KMeans().fit(PSI, METRIC, 32)
    assert (code.codebook_size, code.bits) == (512, 9)
    assert code.templates().shape == (512, 12)
    assert code.encode(PSI).max() < 512


def test_a_bit_more_makes_the_scalar_code_better_and_the_first_bits_go_to_the_largest_axes() -> None:
    codes = [PcaScalar().fit(PSI, METRIC, bits) for bits in (1, 6, 24)]
    errors = [error_mm(PSI, code.decode(code.encode(PSI)), METRIC).mean() for code in codes]
    assert errors[0] > errors[1] > errors[2]
    assert [len(level) for level in codes[0].levels] == [2] + [1] * 11
    for code, bits in zip(codes, (1, 6, 24), strict=True):
        assert sum(np.log2(len(level)) for level in code.levels) == bits


@pytest.mark.parametrize("code", [ResidualCode(1024), ProductCode(1024), KMeans()])
def test_frames_too_few_for_the_codes_are_refused(code: ResidualCode | ProductCode | KMeans) -> None:
    few = PSI[:1] if isinstance(code, KMeans) else PSI
    with pytest.raises(UserError, match=f"at least as many frames, not {len(few)}"):
        code.fit(few, METRIC, 20)


def test_bits_that_no_stages_take_are_refused() -> None:
    with pytest.raises(UserError, match="no whole number of stages"):
        stages_of(30, 256)
