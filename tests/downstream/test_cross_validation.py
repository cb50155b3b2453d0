import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin

from dfe_lib.downstream.clip import Clip
from dfe_lib.downstream.cross_validation import (
    check_folds,
    constant_scores,
    fitted_vectors,
    fixed_vectors,
    holm,
    official_folds,
    predict_unseen,
    shuffled,
    subject_draws,
    subject_folds,
    task_scores,
    without_confounds,
)
from dfe_lib.downstream.metrics import correlation
from dfe_lib.downstream.tasks import Task
from dfe_lib.errors import UserError

SUBJECTS = [f"p{i // 3}" for i in range(60)]
RNG = np.random.default_rng(0)


def test_folds_cover_everyone_once_and_keep_people_together() -> None:
    folds = subject_folds(SUBJECTS, 5, seed=1)
    check_folds(folds, SUBJECTS)
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(60))
    assert [len(test) for _, test in folds] == [12] * 5
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(folds, subject_folds(SUBJECTS, 5, seed=2), strict=True))


def test_a_split_by_frame_or_clip_is_caught() -> None:
    by_clip = subject_folds([str(i) for i in range(60)], 5)
    with pytest.raises(UserError, match="split by subject"):
        check_folds(by_clip, SUBJECTS)
    with pytest.raises(UserError, match="split by subject"):
        predict_unseen(fixed_vectors(RNG.normal(size=(60, 2))), np.ones((60, 1)), SUBJECTS, by_clip)


def test_knowing_the_face_pays_only_in_a_leaky_split() -> None:
    """Features that hold nothing but who it is tell a label of people, unless the split is by subject."""
    identity = np.repeat(np.eye(20), 3, axis=0)
    label = np.repeat(RNG.integers(0, 2, 20), 3).astype(float)[:, None]
    one = np.ones((1, 60))
    alone = [str(i) for i in range(60)]  # every clip passes for a person of its own
    leaky = predict_unseen(fixed_vectors(identity), label, alone, subject_folds(alone, 5))
    sound = predict_unseen(fixed_vectors(identity), label, SUBJECTS, subject_folds(SUBJECTS, 5))
    assert correlation(label[:, 0], leaky.score[:, 0], one)[0] > 0.8
    assert abs(correlation(label[:, 0], sound.score[:, 0], one)[0]) < 0.3


def test_an_official_split_is_taken_and_a_leaky_one_refused() -> None:
    folds = official_folds(["train", "dev", "TEST", None])
    assert [rows.tolist() for rows in folds[0]] == [[0, 1], [2]]
    with pytest.raises(UserError, match="rows called test"):
        official_folds(["train", "dev"])
    with pytest.raises(UserError, match="p0"):
        check_folds(official_folds(["train", "test"]), ["p0", "p0"])


def test_rows_that_are_not_tested_do_not_count() -> None:
    task = Task("a", "regression", ("a",))
    truth = np.arange(6.0)[:, None]
    folds = official_folds(["train"] * 4 + ["test"] * 2)
    prediction = predict_unseen(fixed_vectors(truth), truth, list("abcdef"), folds)
    assert np.isnan(prediction.value[:4]).all()
    wild = truth.copy()
    wild[:4] = 1e9
    ones = np.ones((1, 6))
    assert task_scores(task, "mae", wild, prediction, ones) == task_scores(task, "mae", truth, prediction, ones)


class Shift(TransformerMixin, BaseEstimator):
    """Takes the training clips' mean away, and tells whom it was fitted on."""

    def fit(self, X, y=None):
        self.mean_ = np.mean([clip.time_s.mean() for clip in X])
        return self

    def transform(self, X):
        return np.array([[clip.time_s.mean() - self.mean_] for clip in X])


def test_a_transformer_is_fitted_on_the_training_people_alone() -> None:
    clips = [Clip(f"p{i}", np.array([float(i)])) for i in range(4)]
    vectors = fitted_vectors(Shift(), clips)
    np.testing.assert_array_equal(vectors(np.array([0, 1]))[:, 0], [-0.5, 0.5, 1.5, 2.5])


def test_confounds_are_removed_by_a_model_of_the_training_people() -> None:
    confound = RNG.normal(size=(50, 1))
    other = RNG.normal(size=(50, 1))
    train, test = np.arange(30), np.arange(30, 50)
    other[test] += 5 * confound[test]  # unseen people follow another rule: it must not be learnt from them
    left = without_confounds(fixed_vectors(2 * confound + other), fixed_vectors(confound))(train)
    assert abs(np.corrcoef(left[train, 0], confound[train, 0])[0, 1]) < 1e-9
    assert np.corrcoef(left[test, 0], confound[test, 0])[0, 1] > 0.9


def test_draws_are_paired_and_by_subject() -> None:
    draws = subject_draws(SUBJECTS, 20, seed=3)
    np.testing.assert_array_equal(draws, subject_draws(SUBJECTS, 20, seed=3))
    assert (draws[0] == 1).all()
    assert (draws.reshape(21, 20, 3).std(2) == 0).all()
    assert (draws.sum(1) == 60).all()


def test_shuffles_move_people_or_rows_within_people() -> None:
    of_people = np.repeat(np.arange(20.0), 3)[:, None]
    moved = shuffled(of_people, SUBJECTS, np.random.default_rng(0))
    assert (moved.reshape(20, 3).std(1) == 0).all()
    assert sorted(moved.ravel()) == sorted(of_people.ravel()) and (moved != of_people).any()
    of_rows = np.arange(60.0)[:, None]
    moved = shuffled(of_rows, SUBJECTS, np.random.default_rng(0), within=True)
    np.testing.assert_array_equal(np.sort(moved.reshape(20, 3)), of_rows.reshape(20, 3))
    assert (moved != of_rows).any()
    moved = shuffled(of_rows, SUBJECTS, np.random.default_rng(0))  # whole people, and the rows of each
    people = np.sort(moved.reshape(20, 3))
    np.testing.assert_array_equal(people[np.argsort(people[:, 0])], of_rows.reshape(20, 3))
    assert (people != of_rows.reshape(20, 3)).any() and (moved.reshape(20, 3) != people).any()


def test_a_label_that_differs_between_clips_of_few_people_is_shuffled_in_everybody() -> None:
    """Within each person alone, whoever has one clip would keep the label, and so its prediction."""
    subjects = ["a", "a", *(f"p{i}" for i in range(12))]
    label = np.array([0.0, 1, *([0] * 6), *([1] * 6)])[:, None]
    moved = [shuffled(label, subjects, np.random.default_rng(seed)) for seed in range(300)]
    assert all(sorted(each.ravel()) == sorted(label.ravel()) for each in moved)
    alike = [np.corrcoef(each.ravel(), label.ravel())[0, 1] for each in moved]
    assert abs(np.mean(alike)) < 0.08 and np.std(alike) > 0.2


def test_shuffled_labels_are_at_chance_on_average() -> None:
    """Without scores in standard deviations the pooled correlation of noise would be clearly below 0."""
    x, rng = RNG.normal(size=(60, 100)), np.random.default_rng(1)
    y = rng.normal(size=(60, 150))
    alone = [str(i) for i in range(60)]
    score = predict_unseen(fixed_vectors(x), y, alone, subject_folds(alone)).score
    found = [correlation(y[:, k], score[:, k], np.ones((1, 60)))[0] for k in range(150)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(150)


def test_the_constant_has_the_score_of_the_training_mean() -> None:
    task = Task("a", "regression", ("a",), (0.0, 10.0))
    truth = np.array([[0.0], [2.0], [4.0]])
    constants = constant_scores(task, truth, official_folds(["train", "train", "test"]))
    assert constants == {"pcc": 0.0, "ccc": 0.0, "mae": 3.0, "rmse": 3.0}


def test_holm_never_lowers_and_keeps_the_order() -> None:
    p = RNG.random(9) / 9
    adjusted = holm(p)
    assert (adjusted >= p).all() and (np.diff(adjusted[np.argsort(p)]) >= 0).all()
