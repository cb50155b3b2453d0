import numpy as np
import pandas as pd
import pytest

from dfe_lib.downstream.cross_validation import fixed_vectors, subject_folds
from dfe_lib.downstream.evaluation import compare, evaluate
from dfe_lib.downstream.tasks import BIG_FIVE, tasks_of

RNG = np.random.default_rng(0)
N = 60
TRUTH = RNG.normal(size=(N, 3))
LABELS = pd.DataFrame(
    {
        "subject_id": [f"p{i}" for i in range(N)],
        "stress": (TRUTH[:, 0] > 0).astype(int),
        "phq8": np.clip(np.round(8 + 5 * TRUTH[:, 1]), 0, 24),
    }
    | {trait: np.clip(0.5 + 0.1 * TRUTH[:, 2] + 0.05 * RNG.normal(size=N), 0, 1) for trait in BIG_FIVE}
)
TASKS = tasks_of(LABELS)
GOOD = TRUTH + 0.5 * RNG.normal(size=(N, 3))
NOISE = RNG.normal(size=(N, 10))


@pytest.fixture(scope="module")
def evaluation():
    vectors = {"token words": fixed_vectors(GOOD), "au words": fixed_vectors(NOISE)}
    return evaluate(vectors, LABELS, TASKS, n_draws=200, n_shuffles=20)


def main_rows(evaluation, representation: str, control: str) -> pd.DataFrame:
    table = evaluation.table
    rows = table[(table.representation == representation) & (table.control == control)]
    return rows.groupby("task", sort=False).first()


def test_a_signal_is_found_in_every_task_and_its_interval_is_above_chance(evaluation) -> None:
    rows = main_rows(evaluation, "token words", "none")
    assert rows.index.tolist() == [task.name for task in TASKS]
    assert (rows.ci_low > rows.constant).all()
    assert (rows["mean"].between(rows.ci_low, rows.ci_high)).all()
    assert (rows.p_shuffled < 0.05).all()


@pytest.mark.parametrize("representation", ["token words", "au words"])
def test_shuffled_labels_are_at_chance(evaluation, representation: str) -> None:
    rows = main_rows(evaluation, representation, "shuffled")
    assert (rows.ci_low < rows.constant).all() and (rows.constant < rows.ci_high).all()


def test_every_metric_of_a_task_has_its_row(evaluation) -> None:
    for task in TASKS:
        rows = evaluation.table[evaluation.table.task == task.name]
        assert rows.groupby(["representation", "control"]).metric.apply(tuple).map(set).eq(set(task.metrics)).all()


def test_differences_are_paired_and_adjusted(evaluation) -> None:
    table = compare(evaluation, "token words")
    assert (table.ci_high < 0).all() and (table.p_holm < 0.05).all()
    same = evaluate({"a": fixed_vectors(GOOD), "b": fixed_vectors(GOOD)}, LABELS, TASKS, n_draws=50, n_shuffles=0)
    row = compare(same, "a").iloc[0]
    assert (row.difference, row.ci_low, row.ci_high, row.p) == (0, 0, 0, 1)


def test_the_same_seed_gives_the_same_table(evaluation) -> None:
    again = evaluate({"token words": fixed_vectors(GOOD)}, LABELS, TASKS, n_draws=200, n_shuffles=20)
    first = evaluation.table[evaluation.table.representation == "token words"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.table, first)


def test_several_divisions_into_folds_are_averaged() -> None:
    one, two = ([subject_folds(LABELS.subject_id, seed=seed)] for seed in (1, 2))
    vectors = {"a": fixed_vectors(GOOD)}
    settings = {"n_draws": 5, "n_shuffles": 0}
    means = [evaluate(vectors, LABELS, TASKS, folds, **settings).table["mean"] for folds in (one, two, one + two)]
    np.testing.assert_allclose(means[2], (means[0] + means[1]) / 2)
