import numpy as np
import pandas as pd
import pytest

from dfe_lib.downstream.tasks import TASKS, Task, tasks_of
from dfe_lib.errors import UserError

SEVERITY = next(task for task in TASKS if task.name == "phq8_severity")


def test_phq8_bands_are_those_of_the_scale() -> None:
    labels = pd.DataFrame({"phq8": [0, 4, 5, 9, 10, 14, 15, 19, 20, 24]})
    assert SEVERITY.targets(labels)[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert SEVERITY.limits == (0, 4)


def test_tasks_are_those_that_have_labels() -> None:
    assert [task.name for task in tasks_of(["subject_id", "phq8", "stress"])] == ["stress", "phq8", "phq8_severity"]


def test_classes_are_a_column_of_0_and_1_each_in_the_order_of_their_names() -> None:
    task = Task("mood", "classes", ("mood",), levels=("calm", "sad", "tense"))
    assert task.targets(pd.DataFrame({"mood": ["tense", "calm"]})).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert task.metrics[0] == "balanced_accuracy"


def test_words_in_an_order_are_levels() -> None:
    task = Task("strain", "ordinal", ("strain",), levels=("low", "middle", "high"))
    assert task.targets(pd.DataFrame({"strain": ["high", "low"]}))[:, 0].tolist() == [2, 0]
    assert task.limits == (0, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Task("a", "counts", ("a",)), "binary, ordinal, regression"),
        (lambda: Task("a", "binary", ("a",), metrics=("accuracy",)), "no metric 'accuracy'"),
        (lambda: Task("a", "classes", ("a",), levels=("x", "y")), "three classes or more"),
        (
            lambda: Task("a", "binary", ("a",), levels=("x", "y")).targets(pd.DataFrame({"a": ["z"]})),
            "'z'.* none of x, y",
        ),
        (lambda: Task("a", "binary", ("b",)).targets(pd.DataFrame({"a": [1]})), "need a column b"),
        (lambda: Task("a", "binary", ("a",)).targets(pd.DataFrame({"a": [1, np.nan]})), "empty labels"),
        (lambda: Task("a", "binary", ("a",)).targets(pd.DataFrame({"a": [1, 2]})), "0 or 1"),
    ],
)
def test_what_is_no_task_or_label_is_explained(make, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
