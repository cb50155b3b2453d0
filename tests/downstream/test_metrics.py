import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn import metrics as reference

from dfe_lib.downstream.metrics import METRICS, concordance, correlation, f1, roc_auc

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 40)
SCORES = np.round(LABELS + RNG.normal(size=40), 1)  # rounded: ties must count half
DRAWS = RNG.multinomial(40, np.full(40, 1 / 40), size=6).astype(float)
ONE = np.ones((1, 40))


def drawn(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The people of a draw, as often as they were drawn."""
    return np.repeat(values, weights.astype(int))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auc", reference.roc_auc_score),
        ("f1", lambda true, score: reference.f1_score(true, score > 0.5)),
        ("balanced_accuracy", lambda true, score: reference.balanced_accuracy_score(true, score > 0.5)),
        ("mae", reference.mean_absolute_error),
        ("rmse", reference.root_mean_squared_error),
        ("pcc", lambda true, value: pearsonr(true, value).statistic),
        ("mean_accuracy", lambda true, value: 1 - reference.mean_absolute_error(true, value)),
    ],
)
def test_a_score_of_weights_is_the_score_of_people_repeated(name: str, expected) -> None:
    metric = METRICS[name]
    guess = (SCORES > 0.5).astype(float) if metric.reads == "label" else SCORES
    found = metric.score(LABELS, guess, DRAWS)
    one_by_one = [expected(drawn(LABELS, weights), drawn(SCORES, weights)) for weights in DRAWS]
    np.testing.assert_allclose(found, one_by_one, atol=1e-12)


def test_concordance_of_levels_is_quadratic_kappa() -> None:
    true, guess = RNG.integers(0, 5, 40), RNG.integers(0, 5, 40)
    expected = reference.cohen_kappa_score(true, guess, weights="quadratic")
    assert concordance(true, guess, ONE)[0] == pytest.approx(expected)


def test_concordance_punishes_shift_and_scale_that_correlation_forgives() -> None:
    true = np.linspace(0, 1, 40)
    assert correlation(true, 2 * true + 3, ONE)[0] == pytest.approx(1)
    assert concordance(true, true, ONE)[0] == pytest.approx(1)
    assert concordance(true, 2 * true + 3, ONE)[0] < 0.1


def test_a_constant_has_no_correlation_and_a_draw_of_one_class_no_auc() -> None:
    assert correlation(SCORES, np.full(40, 0.1), ONE)[0] == 0
    assert concordance(SCORES, np.full(40, SCORES.mean()), ONE)[0] == pytest.approx(0)
    assert np.isnan(roc_auc(np.ones(40), SCORES, ONE)[0])
    assert np.isnan(f1(np.zeros(40), np.zeros(40), ONE)[0])
