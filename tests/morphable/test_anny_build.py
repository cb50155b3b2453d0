import numpy as np
import pytest

from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.anny_build import HeadSampler, mesh_parts
from dfe_lib.morphable.embedding import embed_landmarks, facial_regions
from dfe_lib.morphable.model import MorphableModel

PEOPLE = 24
"""Of the 400 whose mean and components are shipped: the first ones of the same seed."""


@pytest.fixture(scope="module")
def sampler() -> HeadSampler:
    return HeadSampler()


def is_same_surface(faces: np.ndarray, others: np.ndarray) -> bool:
    """The same triangles, but for a few quads whose diagonals are equally long: rounding decides which one is cut."""
    differ = (faces != others).any(1)
    return differ.mean() < 0.005 and set(faces[differ].ravel()) == set(others[differ].ravel())


@pytest.mark.slow
def test_the_shipped_mesh_and_expressions_are_those_of_a_fresh_build(sampler: HeadSampler) -> None:
    shipped = anny_head()
    assert is_same_surface(shipped.faces, sampler.faces)
    np.testing.assert_allclose(shipped.expression, sampler.expression, atol=1e-6)  # a micrometre


@pytest.mark.slow
def test_fresh_people_lie_in_the_shipped_identity_space(sampler: HeadSampler) -> None:
    """As close as 60 of 400 components bring them, and as far from the mean as the shipped spread says."""
    shipped = anny_head()
    people = sampler.identities(PEOPLE, np.random.default_rng(0)).reshape(PEOPLE, -1).astype(float)
    basis = shipped.identity.reshape(len(shipped.identity), -1).astype(float)
    away = people - shipped.template.ravel()
    amounts = np.linalg.lstsq(basis.T, away.T, rcond=None)[0]
    left = np.square(away - amounts.T @ basis).sum() / np.square(away).sum()
    assert left < 0.02
    assert 0.8 < np.sqrt(np.square(amounts).mean()) < 1.2


@pytest.mark.slow
def test_the_shipped_landmarks_and_regions_are_those_of_a_fresh_embedding() -> None:
    """Renderers of two machines draw edges differently: half a millimetre on average, and a few vertices."""
    shipped = anny_head()
    parts = mesh_parts(shipped.template, shipped.faces)
    bare = MorphableModel(shipped.template, shipped.identity, shipped.expression, shipped.names, shipped.faces, parts)
    landmarks, _ = embed_landmarks(bare)
    assert shipped.landmarks is not None
    apart = shipped.landmarks(shipped.template) - landmarks(shipped.template)
    assert np.linalg.norm(apart, axis=1).mean() < 5e-4
    regions = parts | facial_regions(bare, landmarks)
    assert shipped.regions.keys() == regions.keys()
    differ = {name: (mask != regions[name]).mean() for name, mask in shipped.regions.items()}
    assert max(differ.values()) < 0.01, differ
