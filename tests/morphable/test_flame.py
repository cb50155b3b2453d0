import numpy as np
import pytest
from recorded_files import flame_arrays, write_flame
from scipy.spatial.transform import Rotation

from dfe_lib.errors import UserError
from dfe_lib.morphable.flame import flame_head
from dfe_lib.morphable.rendering import HeadRenderer
from dfe_lib.report.drawing import CARD
from dfe_lib.tracking.formats.flame_codes import flame_names


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_flame(tmp_path_factory.mktemp("flame") / "generic_model.pkl", eyelids=True)


@pytest.fixture(scope="module")
def head(model):
    return flame_head(model, flame_names(50))


def skinned(arrays, expression, jaw) -> np.ndarray:
    """FLAME's own formula, vertex by vertex: Li et al. 2017, equations 1 and 2, the other joints at rest."""
    shape = arrays["v_template"] + arrays["shapedirs"][:, :, 300 : 300 + len(expression)] @ expression
    turn = Rotation.from_rotvec(jaw).as_matrix()
    feature = np.zeros(36)
    feature[9:18] = (turn - np.eye(3)).ravel()
    posed = shape + arrays["posedirs"] @ feature
    joint = (arrays["J_regressor"] @ shape)[2]
    weight = arrays["weights"][:, 2]
    return np.stack([(1 - w) * v + w * (turn @ (v - joint) + joint) for w, v in zip(weight, posed, strict=True)])


def test_vertices_are_those_of_flames_own_formula(head) -> None:
    rng = np.random.default_rng(0)
    psi = np.c_[rng.normal(size=(4, 50)), rng.normal(0, 0.3, (4, 3))]
    arrays = flame_arrays()
    expected = np.stack([skinned(arrays, row[:50], row[50:]) for row in psi])
    np.testing.assert_allclose(head.vertices(psi), expected, atol=1e-12)
    np.testing.assert_allclose(head.vertices(psi[2]), expected[2], atol=1e-12)
    np.testing.assert_allclose(head.displacement_mm(psi), (expected - arrays["v_template"]) * 1000, atol=1e-9)


def test_no_coefficient_is_the_template(head) -> None:
    np.testing.assert_allclose(head.vertices(np.zeros(53)), head.template, atol=1e-15)


def test_the_metric_is_the_displacement_of_small_expressions(head) -> None:
    psi = np.zeros(53)
    psi[[3, 50]] = 0.01, 0.005
    weight = head.areas() * head.region("face")
    moved = np.square(head.displacement_mm(psi)).sum(-1)
    assert np.isclose(psi @ head.gram() @ psi, (weight @ moved) / weight.sum(), rtol=0.02)
    assert head.gram().shape == (53, 53) and np.linalg.eigvalsh(head.gram()).min() > -1e-9


def test_the_eyeballs_are_no_part_of_the_face(head) -> None:
    assert head.region("skin").sum() == 120 and not (head.region("face") & ~head.region("skin")).any()


def test_eyelids_come_from_smirks_files(model, tmp_path) -> None:
    head = flame_head(model, flame_names(50, eyelids=True))
    np.testing.assert_allclose(head.expression[53], np.load(model.with_name("l_eyelid.npy"))[0], atol=1e-7)
    alone = write_flame(tmp_path / "generic_model.pkl")
    with pytest.raises(UserError, match=r"beside generic_model\.pkl"):
        flame_head(alone, flame_names(50, eyelids=True))


def test_a_hundred_coefficients_without_a_jaw_and_an_npz(tmp_path) -> None:
    arrays = flame_arrays()
    arrays["J_regressor"] = arrays["J_regressor"].toarray()
    np.savez(tmp_path / "flame.npz", **arrays)
    head = flame_head(tmp_path / "flame.npz", flame_names(100, jaw=False))
    psi = np.random.default_rng(0).normal(size=100)
    np.testing.assert_allclose(head.vertices(psi), skinned(arrays, psi, np.zeros(3)), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shapedirs": np.zeros((160, 3, 100))}, "not the 300 of shape and 50 of expression"),
        ({"weights": np.zeros((159, 5))}, "do not belong together"),
        ({"v_template": "nothing"}, "lacks the arrays v_template"),
    ],
)
def test_a_file_that_is_no_flame_model_is_refused(tmp_path, changes, message) -> None:
    with pytest.raises(UserError, match=message):
        flame_head(write_flame(tmp_path / "a.pkl", **changes), flame_names(50))


def test_other_coefficients_are_refused(model) -> None:
    with pytest.raises(UserError, match="not FLAME's codes"):
        flame_head(model, ["jawOpen", "jawLeft"])


def test_it_can_be_rendered(head) -> None:
    with HeadRenderer(head.faces, len(head.template), CARD) as renderer:
        grey = np.full((len(head.template), 3), 0.8)
        still = renderer.render(head.vertices(np.zeros(53)), grey, np.eye(3))
        psi = np.zeros(53)
        psi[50] = 0.4
        moved = renderer.render(head.vertices(psi), grey, np.eye(3))
    assert np.ptp(still) > 100 and (still != moved).any()
