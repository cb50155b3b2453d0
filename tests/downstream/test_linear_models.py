import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference

from dfe_lib.downstream.linear_models import PENALTIES, Ridge, logistic, ridge, support_vectors
from dfe_lib.downstream.metrics import roc_auc
from dfe_lib.errors import UserError

RNG = np.random.default_rng(0)


def standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / x.std(0)


@pytest.mark.parametrize("width", [4, 60])
@pytest.mark.parametrize("rows_each", [1, 3])
def test_the_penalty_is_the_one_that_leaving_people_out_finds(width: int, rows_each: int) -> None:
    """Closed form against training anew without each subject, on features that need no scaling."""
    x = standardised(RNG.normal(size=(30, width)))
    y = x[:, :1] + RNG.normal(size=(30, 1))
    subjects = np.repeat(np.arange(30 // rows_each), rows_each)
    errors = []
    for penalty in PENALTIES * width:
        left = [Reference(penalty).fit(x[subjects != s], y[subjects != s]) for s in np.unique(subjects)]
        guess = np.concatenate([model.predict(x[subjects == s]) for s, model in enumerate(left)])
        errors.append(np.square(guess.ravel() - y.ravel()).mean())
    expected = Reference(PENALTIES[np.argmin(errors)] * width).fit(x, y)
    found = Ridge.fitted(x, y, subjects)
    np.testing.assert_allclose(found.weights[:, 0], expected.coef_.ravel(), rtol=1e-4, atol=1e-7)


def test_targets_do_not_disturb_each_other() -> None:
    x, y = RNG.normal(size=(20, 50)), RNG.normal(size=(20, 3))
    together = Ridge.fitted(x, y, np.arange(20)).predict(x)
    alone = Ridge.fitted(x, y[:, 1:2], np.arange(20)).predict(x)
    np.testing.assert_allclose(together.value[:, 1], alone.value[:, 0], atol=1e-9)
    np.testing.assert_allclose(together[1:2].score, alone.score, atol=1e-6)


def test_scores_are_the_training_peoples_standard_deviations() -> None:
    x = RNG.normal(size=(40, 5))
    y = x[:, :2] + 10
    score = Ridge.fitted(x, y, np.arange(40)).predict(x).score
    np.testing.assert_allclose(score.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(score.std(0), 1, atol=1e-6)


def test_the_predictions_of_the_training_people_have_their_mean() -> None:
    """Of words so rare that they are clipped: what is standardised then no longer averages to 0."""
    rng = np.random.default_rng(0)
    x = (rng.random((60, 40)) < 0.04) * rng.random((60, 40))
    y = x[:, :2] * 30 + 1
    found = Ridge.fitted(x, y, np.arange(60)).predict(x)
    np.testing.assert_allclose(found.value.mean(0), y.mean(0), rtol=1e-9)
    np.testing.assert_allclose(found.score.mean(0), 0, atol=1e-9)


def test_a_feature_that_never_varies_counts_nothing() -> None:
    x = np.column_stack([RNG.normal(size=20), np.full(20, 0.1)])
    model = Ridge.fitted(x, x[:, :1], np.arange(20))
    unseen = np.array([[0.0, 0.1], [0.0, 50.0]])
    values = model.predict(unseen).value
    assert values[0] == values[1]


def test_classes_of_unequal_size_are_told_by_the_middle_between_them() -> None:
    y = (np.arange(200) < 20).astype(float)[:, None]
    x = 3 * y + RNG.normal(size=(200, 1))
    label = ridge(x, y, np.arange(200), np.array([[0.0], [1.2], [1.8], [3.0]])).label
    assert label.ravel().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("linear_model", [ridge, logistic, support_vectors])
def test_every_linear_model_finds_a_signal_in_noise(linear_model) -> None:
    y = RNG.integers(0, 2, (120, 1)).astype(float)
    x = RNG.normal(size=(120, 20))
    x[:, :1] += 2 * y
    unseen = linear_model(x[:80], y[:80], np.arange(80), x[80:])
    assert roc_auc(y[80:, 0], unseen.score[:, 0], np.ones((1, 40)))[0] > 0.8
    assert set(np.unique(unseen.label)) == {0, 1}


def test_a_class_head_refuses_numbers() -> None:
    with pytest.raises(UserError, match="ridge"):
        logistic(np.eye(6), np.arange(6.0)[:, None], np.arange(6), np.eye(6))
