import numpy as np
import pytest
import torch

from dfe_lib.quantisation.dictionary import _renumber, _solve, code_counts, fit_codebook, residual_kmeans, revive_codes
from dfe_lib.quantisation.quantiser import ResidualQuantiser


def vectors(count: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def started(z: torch.Tensor, size: int, stages: int, levels: int = 1) -> ResidualQuantiser:
    quantiser = ResidualQuantiser(z.shape[1], size, stages, levels=levels)
    quantiser.codebook.data = residual_kmeans(quantiser, z, torch.Generator().manual_seed(1))
    return quantiser


def left(quantiser: ResidualQuantiser, z: torch.Tensor) -> torch.Tensor:
    return (z - quantiser.lookup(quantiser.search(z)).sum(1)).square().sum(1).mean()


@pytest.mark.parametrize("levels", [1, 4])
def test_least_squares_improves_on_kmeans(levels):
    z = vectors(500, 6)
    errors = {}
    for rounds in (0, 6):
        quantiser = started(z, 16, 3, levels)
        fit_codebook(quantiser, z, rounds)
        errors[rounds] = left(quantiser, z)
    assert errors[6] < 0.9 * errors[0]


def test_what_is_unused_is_moved_and_nothing_else():
    z = vectors(500, 6)
    quantiser = started(z, 16, 3)
    before = quantiser.codebook.detach().clone()
    revive_codes(quantiser, code_counts(quantiser, torch.tensor([[0, 1, 2], [2, 1, 0]])), z[:50])
    assert (quantiser.codebook != before).any(2)[0].tolist() == [False] * 3 + [True] * 13


def test_a_display_counts_by_all_its_levels():
    quantiser = ResidualQuantiser(6, 16, 3, levels=4)
    before = quantiser.codebook.detach().clone()
    revive_codes(quantiser, code_counts(quantiser, torch.tensor([[5, 9, 14]])), vectors(50, 6))
    assert (quantiser.codebook != before).any(2)[0].tolist() == [True, False, False, False]
    assert quantiser.strength[0, 0].tolist() == [0, 0.5, 0.75, 1]


def test_a_small_movement_that_nothing_explains_finds_a_code_before_the_rest_of_a_large_one():
    small, large = torch.tensor([[0.01, 0.0]]).expand(500, 2), torch.tensor([[0.0, 10.0]]).expand(500, 2)
    residual = torch.cat([small, large * 0.01])
    counts = torch.tensor([0, 9])
    for given, axis in ((torch.cat([small, large]), 0), (None, 1)):
        quantiser = ResidualQuantiser(dim=2, codebook_size=2, n_stages=1)
        revive_codes(quantiser, counts, residual, vectors=given)
        assert quantiser.codebook[0, 0].abs().argmax() == axis


def test_the_solution_is_the_least_squares_of_displays_and_strengths():
    """Vectors that are sums of displays at strengths are explained without a rest, once their codes are known."""
    generator = torch.Generator().manual_seed(5)
    quantiser = ResidualQuantiser(6, 16, 2, levels=4)
    quantiser.codebook.data.normal_(generator=generator)
    quantiser.strength[0, 1:] = torch.tensor([0.1, 0.3, 0.7, 1.0])
    codes = torch.randint(16, (4000, 2), generator=generator)
    codes = codes[codes[:, 0] // 4 != codes[:, 1] // 4]
    z = quantiser.lookup(codes).sum(1)
    truth = quantiser.codes.detach().clone()
    quantiser.codebook.data += 0.2 * torch.randn(quantiser.codebook.shape, generator=generator)
    quantiser.strength[0, 1:] = torch.tensor([0.25, 0.5, 0.75, 1.0])
    for _ in range(20):
        _solve(quantiser, z, codes, torch.ones(len(z), dtype=torch.float64), displays=True)
    torch.testing.assert_close(quantiser.codes.detach(), truth, rtol=0, atol=0.02)
    assert (quantiser.strength[..., -1] == 1).all() and quantiser.strength[0, 0, 0] == 0


def test_another_order_keeps_strengths_with_their_displays_and_rest_with_the_first():
    quantiser = ResidualQuantiser(3, 12, 2, levels=4)
    quantiser.codebook.data = torch.eye(3)[None].clone()
    quantiser.strength[0, 2] = torch.tensor([0.2, 0.3, 0.4, 1.0])
    _renumber(quantiser, torch.tensor([[2, 0, 1]]))
    assert quantiser.codebook[0, 0].tolist() == [0, 0, 1]
    np.testing.assert_allclose(quantiser.strength[0, 0], [0, 0.3, 0.4, 1], atol=1e-6)
    np.testing.assert_allclose(quantiser.strength[0, 1], [0.25, 0.5, 0.75, 1], atol=1e-6)


def test_a_code_alone_finds_where_most_is_left_over_without_lots():
    z = torch.cat([vectors(300, 4) * 0.01 + torch.tensor([0.0, 1, 0, 0]), vectors(300, 4, 1) * 0.01])
    books = []
    for noise in (0.0, 1e-4):
        quantiser = ResidualQuantiser(4, 2, 1)
        revive_codes(quantiser, torch.tensor([0, 5]), z + noise * vectors(600, 4, 2))
        books.append(quantiser.codebook[0, 0].detach())
    torch.testing.assert_close(books[0], books[1], rtol=0, atol=1e-3)
    torch.testing.assert_close(books[0], torch.tensor([0.0, 1, 0, 0]), rtol=0, atol=0.02)
