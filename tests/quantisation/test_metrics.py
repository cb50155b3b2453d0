import numpy as np
import pytest

from dfe_lib.comparison.reconstruction import words_used
from dfe_lib.errors import UserError
from dfe_lib.quantisation.metrics import (
    bits_per_frame,
    error_mm,
    error_summary,
    perplexity,
    usage,
    usage_table,
)


def test_usage_over_a_split_is_not_the_mean_over_batches():
    codes = np.arange(64).reshape(16, 4)
    by_batch = np.mean([usage(batch, 64) for batch in np.split(codes, 4)])
    assert usage(codes, 64) == 1.0
    assert by_batch == 0.25
    assert perplexity(codes, 64) == pytest.approx(64)


def test_perplexity_knows_its_ends():
    assert perplexity(np.zeros((9, 2), int), 256) == 1.0
    assert perplexity(np.array([0, 0, 0, 1]), 2) == pytest.approx(np.exp(0.562335), rel=1e-5)
    scattered = np.random.default_rng(0).integers(0, 256, (100_000, 1))
    assert 254 < perplexity(scattered, 256) <= 256


def test_usage_table_counts_each_stage_by_itself():
    codes = np.array([[0, 1], [0, 2], [0, 3]])
    table = usage_table(codes, 4)
    assert table["stage"].tolist() == ["all", "0", "1"]
    assert table["usage"].tolist() == [1.0, 0.25, 0.75]
    assert table["perplexity"].tolist()[1:] == pytest.approx([1.0, 3.0])


def test_separate_codebooks_are_counted_book_by_book():
    codes = np.tile([0, 1], (5, 1))
    table = usage_table(codes, 2, shared=False)
    assert table["usage"].tolist() == [0.5, 0.5, 0.5]
    assert table["perplexity"].tolist() == [1.0, 1.0, 1.0]
    rng = np.random.default_rng(0)
    for shared in (True, False):
        codes = rng.integers(0, (3, 7), (50, 2))
        whole = usage_table(codes, 8, shared).iloc[0]
        assert whole[["usage", "perplexity"]].to_dict() == words_used(codes, 8, shared)


def test_error_is_the_rms_over_the_vertices():
    rng = np.random.default_rng(0)
    basis, psi, decoded = rng.normal(size=(5, 20, 3)), rng.normal(size=(7, 5)), rng.normal(size=(7, 5))
    metric = np.einsum("ivc,jvc->ij", basis, basis) / 20
    moved = np.einsum("ni,ivc->nvc", psi - decoded, basis)
    expected = np.sqrt(np.mean(np.sum(moved**2, axis=2), axis=1))
    np.testing.assert_allclose(error_mm(psi, decoded, metric), expected, rtol=1e-12)


def test_errors_are_summed_up_by_mean_median_and_90th_percentile():
    summary = error_summary(np.array([1.0, 2.0, 3.0, 4.0]))
    assert list(summary.values()) == pytest.approx([2.5, 2.5, 3.7])
    assert bits_per_frame(4, 2) == 4.0


def test_empty_splits_and_foreign_codes_are_explained():
    with pytest.raises(UserError, match="no codes"):
        usage(np.zeros((0, 4), int), 8)
    with pytest.raises(UserError, match="no frame"):
        error_summary(np.zeros(0))
    with pytest.raises(UserError, match="another codebook"):
        perplexity(np.array([3, 8]), 8)
    with pytest.raises(UserError, match="another codebook"):
        usage(np.array([-1, 2]), 8)
