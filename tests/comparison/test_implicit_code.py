import numpy as np
import pytest
import torch

from dfe_lib.comparison.baselines import ResidualCode
from dfe_lib.comparison.face_code import FaceCode
from dfe_lib.comparison.implicit_code import ImplicitCode
from dfe_lib.quantisation.implicit import ImplicitQuantiser
from dfe_lib.quantisation.metrics import error_mm

METRIC = np.diag([4.0, 1.0, 9.0, 1.0, 2.0, 1.0])


def bent(count: int, seed: int) -> np.ndarray:
    """Points on a curved sheet, which fixed vectors that are added up follow badly."""
    a, b = np.random.default_rng(seed).uniform(0, 1, (2, count))
    return np.stack([a, b, a * b, np.sin(4 * a), np.cos(4 * b), a * a - b], 1).astype(np.float32)


@pytest.fixture(scope="module")
def code() -> ImplicitCode:
    return ImplicitCode(16, steps=150).fit(bent(2000, 0), METRIC, 8)


def test_it_errs_less_than_the_residual_quantiser_that_it_starts_at(code: ImplicitCode) -> None:
    new = bent(1000, 1)
    plain = ResidualCode(16).fit(bent(2000, 0), METRIC, 8)
    errors = [error_mm(new, np.asarray(each.decode(each.encode(new)), float), METRIC).mean() for each in (code, plain)]
    assert errors[0] < 0.8 * errors[1]


def test_it_is_a_code_like_the_others(code: ImplicitCode) -> None:
    symbols = code.encode(bent(10, 2))
    assert isinstance(code, FaceCode) and code.bits == 8 and symbols.shape == (10, 2)
    assert symbols.min() >= 0 and symbols.max() < 16 and code.templates().shape == (32, 6)


def test_the_same_seed_gives_the_same_code_and_another_one_another() -> None:
    first, again, other = (ImplicitCode(4, steps=3, seed=seed).fit(bent(200, 0), METRIC, 4) for seed in (0, 0, 1))
    assert torch.equal(first.quantiser.first, again.quantiser.first)
    assert not torch.equal(first.quantiser.first, other.quantiser.first)


def test_untrained_networks_leave_the_plain_codebooks() -> None:
    books, z = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0)), torch.randn(20, 4)
    quantiser = ImplicitQuantiser(books)
    codes = quantiser.encode(z, beam=8, shortlist=8)
    plain = sum(book[column] for book, column in zip(books, codes.T, strict=True))
    torch.testing.assert_close(quantiser.decode(codes), plain)


def test_a_wider_search_errs_no_more_on_the_whole(code: ImplicitCode) -> None:
    z = torch.as_tensor(code.axes(bent(500, 3)) / np.float32(code.scale))
    error = [
        (z - code.quantiser.decode(code.quantiser.encode(z, *width))).norm(dim=1).mean() for width in ((1, 4), (8, 16))
    ]
    assert error[1] < error[0]


def test_a_vector_is_coded_alone_as_among_others(code: ImplicitCode) -> None:
    psi = bent(300, 4)
    assert (code.encode(psi)[7:9] == code.encode(psi[7:9])).all()
