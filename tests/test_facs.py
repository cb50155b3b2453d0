import numpy as np
import pytest
from planted import PlantedDisplays, invented_metric
from scipy.optimize import lsq_linear, nnls

from dfe_lib.action_units import AU_SETS
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.facs import AU_PRESENT, LEVEL_EDGES, RIDGE, au_basis, au_binary, au_intensities, au_levels

METRIC = invented_metric()
PSI = PlantedDisplays.invented().sample(1100, seed=3)[0]


def root_and_goals(au_set):
    """The problem as a matrix and right-hand sides, with the pull to 0 as further rows."""
    weights = au_basis(au_set)[1]
    basis = np.linalg.cholesky(METRIC).T
    pull = np.diag(np.sqrt(RIDGE * np.einsum("ai,ij,aj->a", weights, METRIC, weights)))
    return np.vstack([basis @ weights.T, pull]), np.hstack([PSI @ basis.T, np.zeros((len(PSI), len(pull)))])


@pytest.mark.parametrize("au_set", ["openface17", "pyfeat20", "facs"])
def test_intensities_are_the_bounded_least_squares(au_set) -> None:
    found = au_intensities(PSI, METRIC, au_set)
    assert found.min() >= 0 and found.max() <= 1
    matrix, goals = root_and_goals(au_set)
    for row in range(0, len(PSI), 50):
        expected = lsq_linear(matrix, goals[row], (0, 1), method="bvls", tol=1e-14, max_iter=500).x
        assert found[row] == pytest.approx(expected, abs=1e-4)


def test_a_gentle_face_gives_the_non_negative_least_squares() -> None:
    matrix, goals = root_and_goals("openface17")
    found = au_intensities(0.05 * PSI, METRIC, "openface17")
    for row in range(0, len(PSI), 100):
        assert found[row] == pytest.approx(nnls(matrix, 0.05 * goals[row])[0], abs=1e-5)


def test_a_face_made_of_units_gives_them_back() -> None:
    true = np.random.default_rng(0).uniform(0, 1, (20, 17))
    found = au_intensities(true @ au_basis("openface17")[1], METRIC, "openface17")
    assert found == pytest.approx(true, abs=0.03)  # but for the pull to 0


def test_a_one_sided_smile_is_one_sided_in_the_full_set_alone() -> None:
    psi = np.eye(len(ACTIONS))[[ACTIONS.index("mouthSmileLeft")]]
    full = dict(zip(au_basis("facs")[0], au_intensities(psi, np.eye(52))[0], strict=True))
    assert full["AU12L"] > 0.99 and full["AU12R"] < 0.01
    assert au_intensities(psi, np.eye(52), ["AU12"]) == pytest.approx(0.5, abs=1e-3)


def test_a_frame_is_read_alike_whatever_its_company() -> None:
    assert au_intensities(PSI[1020:1030], METRIC) == pytest.approx(au_intensities(PSI, METRIC)[1020:1030], abs=1e-5)


def test_a_unit_that_the_metric_does_not_see_is_absent() -> None:
    blind = METRIC.copy()
    blind[-1] = blind[:, -1] = 0.0
    assert not au_intensities(PSI, blind, ["AU19", "AU26"])[:, 0].any()
    assert au_intensities(PSI[:0], METRIC).shape == (0, len(AU_SETS["facs"]))


def test_levels_begin_at_their_edges_and_presence_at_b() -> None:
    edges = np.array([LEVEL_EDGES])
    assert au_levels(edges).tolist() == [[1, 2, 3, 4, 5]] and au_levels(edges - 1e-9).tolist() == [[0, 1, 2, 3, 4]]
    assert np.array_equal(au_binary(edges), au_levels(edges) >= 2) and LEVEL_EDGES[1] == AU_PRESENT


def test_unknown_units_and_those_of_no_action_are_refused() -> None:
    with pytest.raises(UserError, match="openface17, pyfeat20"):
        au_basis("openface")
    with pytest.raises(UserError, match="AU38"):
        au_basis(["AU12", "AU38"])
