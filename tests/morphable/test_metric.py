import numpy as np
import pytest

from dfe_lib.blendshapes import REGIONS
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.metric import balanced_weights, mesh_cosine, mesh_energy, mesh_length, metric_root

RNG = np.random.default_rng(0)
PSI, OTHER = RNG.normal(size=(7, 52)), RNG.normal(size=(5, 52))


@pytest.fixture(scope="module")
def metric() -> np.ndarray:
    return anny_head().gram()


def test_energy_is_the_squared_displacement_of_the_mesh(metric: np.ndarray) -> None:
    head = anny_head()
    weight = head.areas() * head.region("face")
    moved = np.tensordot(PSI, head.expression.astype(float) * 1000, 1)
    explicit = np.square(moved).sum(2) @ weight / weight.sum()
    np.testing.assert_allclose(mesh_energy(PSI, metric), explicit, rtol=1e-10)
    np.testing.assert_allclose(mesh_length(PSI, metric), np.sqrt(explicit), rtol=1e-10)


def test_any_number_of_axes_may_come_before_the_coefficients(metric: np.ndarray) -> None:
    gaps = PSI[:, None] - OTHER
    one_by_one = [[mesh_length(gap[None], metric)[0] for gap in row] for row in gaps]
    np.testing.assert_allclose(mesh_length(gaps, metric), one_by_one, rtol=1e-12)


def test_single_precision_is_measured_in_double(metric: np.ndarray) -> None:
    np.testing.assert_array_equal(
        mesh_energy(PSI.astype(np.float32), metric), mesh_energy(PSI.astype(np.float32).astype(float), metric)
    )


def test_an_energy_that_rounds_below_nothing_is_nothing() -> None:
    flat = np.array([[1.0, 1 - 1e-16], [1 - 1e-16, 1 - 4e-16]])
    still = np.array([[1.0, -1.0]])
    assert still[0] @ flat @ still[0] < 0
    assert mesh_energy(still, flat).tolist() == mesh_length(still, flat).tolist() == [0.0]


def test_distances_of_rows_times_the_root_are_those_of_the_faces(metric: np.ndarray) -> None:
    root = metric_root(metric, least=0.0)
    np.testing.assert_allclose(root @ root.T, metric, atol=1e-12 * np.trace(metric))
    np.testing.assert_allclose(root, root.T, atol=1e-12 * np.abs(root).max())
    apart = np.linalg.norm((PSI[:, None] - OTHER) @ root, axis=2)
    np.testing.assert_allclose(apart, mesh_length(PSI[:, None] - OTHER, metric), rtol=1e-9)


def test_the_root_of_a_metric_with_still_directions_has_an_inverse() -> None:
    assert np.linalg.cond(metric_root(np.diag([1.0, 0.0]))) == pytest.approx(np.sqrt(2e6))
    assert metric_root(np.diag([4.0, 0.0]), least=0.0) == pytest.approx(np.diag([2.0, 0.0]))


def test_cosine_is_that_of_the_displacement_fields(metric: np.ndarray) -> None:
    root = metric_root(metric, least=0.0)
    one, other = (rows @ root / np.linalg.norm(rows @ root, axis=1, keepdims=True) for rows in (PSI, OTHER))
    np.testing.assert_allclose(mesh_cosine(PSI, OTHER, metric), one @ other.T, atol=1e-9)
    assert mesh_cosine(np.zeros((1, 52)), OTHER, metric).tolist() == [[0.0] * 5]
    np.testing.assert_allclose(mesh_cosine(3 * PSI, -PSI, metric).diagonal(), -1, atol=1e-12)


def test_in_the_balanced_metric_every_region_counts_alike(metric: np.ndarray) -> None:
    psi = np.abs(PSI) * np.linspace(0.1, 2, 52)
    regions = {region: anny_head().gram(region) for region in REGIONS}
    weights = balanced_weights(regions, psi, metric)
    energy = {region: weights[region] * mesh_energy(psi, gram).mean() for region, gram in regions.items()}
    np.testing.assert_allclose(list(energy.values()), mesh_energy(psi, metric).mean() / len(REGIONS))


def test_a_region_that_nothing_moves_gets_no_infinite_weight() -> None:
    regions = {"brows": np.diag([1.0, 0.0]), "jaw": np.diag([0.0, 1.0])}
    weights = balanced_weights(regions, np.array([[0.0, 1.0]]), np.eye(2))
    assert weights["brows"] == pytest.approx(1e4 * weights["jaw"]) and weights["jaw"] == pytest.approx(1)
