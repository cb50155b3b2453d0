import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS, mirror_permutation
from dfe_lib.errors import UserError
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.model import MorphableModel


@pytest.fixture(scope="module")
def head() -> MorphableModel:
    return anny_head()


def unit(*names: str) -> np.ndarray:
    return np.isin(ACTIONS, names).astype(float)


def test_zero_coefficients_give_the_template(head: MorphableModel) -> None:
    assert np.array_equal(head.vertices(np.zeros(52), np.zeros(60)), head.template)


def test_the_metric_is_the_rms_displacement_over_the_region(head: MorphableModel) -> None:
    psi = np.random.default_rng(0).uniform(0, 1, 52)
    weight = head.areas() * head.region("mouth")
    explicit = np.sqrt((weight * (head.displacement_mm(psi) ** 2).sum(1)).sum() / weight.sum())
    assert np.sqrt(psi @ head.gram("mouth") @ psi) == pytest.approx(explicit, rel=1e-5)


def test_areas_add_up_to_the_surface(head: MorphableModel) -> None:
    a, b, c = head.template[head.faces].astype(float).transpose(1, 0, 2)
    assert head.areas().sum() == pytest.approx(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_axes_are_left_up_and_forward(head: MorphableModel) -> None:
    jaw, left_blink = (head.displacement_mm(unit(name)) for name in ("jawOpen", "eyeBlinkLeft"))
    assert jaw[np.linalg.norm(jaw, axis=1).argmax(), 1] < -20
    assert head.template[np.linalg.norm(left_blink, axis=1).argmax(), 0] > 0.02
    nose = head.landmarks(head.template)[4]
    assert nose[2] == pytest.approx(head.template[head.region("nose")][:, 2].max(), abs=0.004)


def test_the_metric_knows_left_from_right_as_mirror_images(head: MorphableModel) -> None:
    swapped = mirror_permutation()
    gram = head.gram()
    assert np.allclose(gram, gram[np.ix_(swapped, swapped)], rtol=0.08, atol=0.3)


def test_regions_part_the_visible_face(head: MorphableModel) -> None:
    parts = [head.region(name) for name in ("brows", "eyes", "nose", "cheeks", "mouth", "jaw")]
    assert (np.sum(parts, axis=0) == head.region("face")).all()
    assert not (head.region("face") & head.region("inner_mouth")).any()


def test_an_unknown_region_names_the_known_ones(head: MorphableModel) -> None:
    with pytest.raises(UserError, match=r"no region 'chin'; it has .*mouth"):
        head.region("chin")


def test_a_saved_model_is_the_same_model(head: MorphableModel, tmp_path) -> None:
    head.save(tmp_path / "head.safetensors")
    again = MorphableModel.load(tmp_path / "head.safetensors")
    assert again.names == head.names and again.agreement_mm == head.agreement_mm
    assert np.array_equal(again.gram("eyes"), head.gram("eyes"))
    assert np.array_equal(again.landmarks(again.template), head.landmarks(head.template))


def test_landmarks_of_a_batch_are_those_of_each(head: MorphableModel) -> None:
    psi = np.random.default_rng(1).uniform(0, 1, (3, 52))
    small = head.landmark_model()
    batch = head.landmarks(head.vertices(psi))
    assert np.allclose(batch[1], head.landmarks(head.vertices(psi[1])))
    assert np.allclose(batch, small.vertices(psi), atol=1e-6)
