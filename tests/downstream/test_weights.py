import numpy as np
import pytest

from dfe_lib.downstream.weights import word_weights

RNG = np.random.default_rng(0)


def test_the_words_that_tell_come_first_and_their_intervals_leave_zero_out() -> None:
    matrix = RNG.normal(size=(120, 12))
    target = 2 * matrix[:, 3] - matrix[:, 7] + 0.5 * RNG.normal(size=120)
    table = word_weights(matrix, [f"token_{k}" for k in range(12)], target, n_draws=50)
    assert table.word[:2].tolist() == ["token_3", "token_7"]
    assert table.weight[0] == pytest.approx(2 * matrix[:, 3].std(), abs=0.3)
    sure = (table.ci_low > 0) | (table.ci_high < 0)
    assert sure[:2].all() and sure[2:].sum() <= 2
    assert table.correlation[0] == pytest.approx(np.corrcoef(matrix[:, 3], target)[0, 1])
