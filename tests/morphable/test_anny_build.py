import numpy as np
import pytest

from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.anny_build import build_anny_head
from dfe_lib.morphable.model import MorphableModel


@pytest.fixture(scope="module")
def fresh() -> MorphableModel:
    return build_anny_head()


def is_same_surface(faces: np.ndarray, others: np.ndarray) -> bool:
    """The same triangles, but for a few quads whose diagonals are equally long: rounding decides which one is cut."""
    differ = (faces != others).any(1)
    return differ.mean() < 0.005 and set(faces[differ].ravel()) == set(others[differ].ravel())


@pytest.mark.slow
def test_the_shipped_mesh_and_expressions_are_those_of_a_fresh_build(fresh: MorphableModel) -> None:
    shipped = anny_head()
    assert shipped.names == fresh.names and is_same_surface(shipped.faces, fresh.faces)
    np.testing.assert_allclose(shipped.template, fresh.template, atol=1e-6)  # a micrometre
    np.testing.assert_allclose(shipped.expression, fresh.expression, atol=1e-6)
    np.testing.assert_allclose(shipped.gram(), fresh.gram(), rtol=0.01, atol=0.01)


@pytest.mark.slow
def test_the_shipped_identities_vary_as_those_of_a_fresh_build(fresh: MorphableModel) -> None:
    """Components have a free sign, and those of nearly equal size mix; what they add up to has neither freedom."""
    shipped, built = (model.identity.reshape(len(model.identity), -1).astype(float) for model in (anny_head(), fresh))
    np.testing.assert_allclose(np.linalg.norm(shipped, axis=1), np.linalg.norm(built, axis=1), rtol=1e-3)
    np.testing.assert_allclose((shipped**2).sum(0), (built**2).sum(0), rtol=0.01, atol=1e-9)


@pytest.mark.slow
def test_the_shipped_landmarks_and_regions_are_those_of_a_fresh_build(fresh: MorphableModel) -> None:
    """Renderers of two machines draw edges differently: half a millimetre on average, and a few vertices."""
    shipped = anny_head()
    assert shipped.landmarks is not None and fresh.landmarks is not None
    apart = shipped.landmarks(shipped.template) - fresh.landmarks(shipped.template)
    assert np.linalg.norm(apart, axis=1).mean() < 5e-4
    assert shipped.regions.keys() == fresh.regions.keys()
    differ = {name: (mask != fresh.region(name)).mean() for name, mask in shipped.regions.items()}
    assert max(differ.values()) < 0.01, differ
