import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.morphable.metric import mesh_cosine, mesh_energy, mesh_length
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.shaping import ALIKE, Shaping, known_displays, plain_displays

METRIC = invented_metric()
PSI = torch.as_tensor(PlantedDisplays.invented().sample(1500, seed=1)[0])
TEMPLATES = np.random.default_rng(0).normal(size=(30, len(ACTIONS)))


def halves() -> dict[str, np.ndarray]:
    """Two parts of the face whose metrics add up to the whole's."""
    basis = np.linalg.cholesky(METRIC)
    return {"upper": basis[:, :26] @ basis[:, :26].T, "lower": basis[:, 26:] @ basis[:, 26:].T}


def test_no_two_displays_are_nearer_than_the_limit_and_each_keeps_its_length():
    alike = np.concatenate([TEMPLATES, TEMPLATES[:10] + 0.3 * TEMPLATES[10:20]])
    cosine = {}
    for limit in (1.0, 0.6):
        apart = Shaping(METRIC, TrainConfig(start_overlap=limit))._apart(alike)
        cosine[limit] = mesh_cosine(apart, apart, METRIC) - np.eye(len(apart))
        np.testing.assert_allclose(mesh_length(apart, METRIC), mesh_length(alike, METRIC), rtol=1e-6)
    assert cosine[1.0].max() > 0.9 and cosine[0.6].max() < 0.75
    assert (cosine[0.6].max(1) > 0.61).mean() < 0.1


def test_what_is_there_twice_is_there_once():
    twice = np.concatenate([TEMPLATES[:3], 0.5 * TEMPLATES[:1]])
    apart = Shaping(METRIC, TrainConfig())._apart(twice)
    assert not apart[3].any() and np.array_equal(apart[:3], twice[:3])


def test_locality_draws_a_display_into_one_region():
    shares = {}
    for weight in (0.0, 1.0):
        shaping = Shaping(METRIC, TrainConfig(start_locality=weight), halves())
        local = shaping._local(TEMPLATES.copy())
        energy = np.stack([mesh_energy(local, part) for part in halves().values()])
        shares[weight] = (energy.max(0) / energy.sum(0)).mean()
    assert shares[1.0] > shares[0.0] + 0.1


def test_sparsity_takes_so_many_mm_from_every_coefficient():
    sparse = Shaping(METRIC, TrainConfig(start_sparsity=0.5))._sparse(TEMPLATES)
    size = np.sqrt(np.diag(METRIC))
    moved, left = np.abs(TEMPLATES) * size, np.abs(sparse) * size
    np.testing.assert_allclose(
        left, np.maximum(moved - 0.5 * size / np.maximum(size, 0.01 * size.mean()), 0), atol=1e-9
    )
    assert (sparse == 0).any()


@pytest.mark.parametrize("shared", [True, False])
def test_displays_start_as_single_movements_that_differ(shared):
    config = RvqVaeConfig(ACTIONS, 64, 3, levels=2, shared_codebook=shared)
    displays = plain_displays(PSI, METRIC, config, 32).numpy()
    assert displays.shape == (1 if shared else 3, 32, len(ACTIONS))
    book = displays[0][np.abs(displays[0]).max(1) > 0]
    assert 12 <= len(book) <= 24 and (np.count_nonzero(book, axis=1) <= 2).all()
    assert (mesh_cosine(book, book, METRIC) - np.eye(len(book))).max() <= ALIKE + 1e-6
    assert book.max() <= PSI.max()


@pytest.mark.parametrize("books", [1, 2])
def test_displays_of_another_model_are_dealt_out_with_their_strengths(books):
    names, even = ("jawOpen", "jawLeft"), torch.arange(1, 5) / 4
    known = RvqVae(RvqVaeConfig(names, codebook_size=16, n_stages=2, latent_dim=2, levels=4))
    known.quantiser.codebook.data.normal_(generator=torch.Generator().manual_seed(0))
    known.quantiser.strength[0] = torch.tensor([0.1, 0.2, 0.3, 1.0])
    given = torch.as_tensor(known.display_templates(), dtype=torch.float32)
    config = RvqVaeConfig(names, codebook_size=12, n_stages=2, levels=4, shared_codebook=books == 1)
    displays, strengths = known_displays(known, config)
    rows = torch.arange(4).chunk(books)
    for book, mine in enumerate(rows):
        mine = mine[:3]
        torch.testing.assert_close(displays[book, : len(mine)], given[mine])
        torch.testing.assert_close(strengths[book, 1 : len(mine)], known.quantiser.strength[0, mine[1:]])
        assert strengths[book, 0, 0] == 0 and not displays[book, len(mine) :].any()
        assert (strengths[book, len(mine) :] == even).all()
    other_levels = known_displays(known, RvqVaeConfig(names, codebook_size=8, n_stages=2, levels=2))[1]
    assert other_levels[0, 1:].tolist() == [[0.5, 1.0]] * 3


def test_displays_of_other_coefficients_are_no_start():
    known = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=4))
    with pytest.raises(UserError, match="coefficients"):
        known_displays(known, RvqVaeConfig(ACTIONS, codebook_size=4))
