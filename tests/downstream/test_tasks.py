import numpy as np
import pandas as pd
import pytest

from dfe_lib.downstream.tasks import BIG_FIVE, TASKS, Task, left_labels, tasks_of
from dfe_lib.errors import UserError

SEVERITY = next(task for task in TASKS if task.name == "phq8_severity")


def test_phq8_bands_are_those_of_the_scale() -> None:
    labels = pd.DataFrame({"phq8": [0, 4, 5, 9, 10, 14, 15, 19, 20, 24]})
    assert SEVERITY.targets(labels)[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert SEVERITY.limits == (0, 4)


def test_tasks_are_those_that_have_labels() -> None:
    assert [task.name for task in tasks_of(["subject_id", "phq8", "stress"])] == ["stress", "phq8", "phq8_severity"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["clip_id", "subject_id", "path", "split", "talking", "stress"], ""),
        ([*BIG_FIVE, "phq8"], ""),
        (["stress", "gad7"], "gad7 is not evaluated: there is no task for gad7."),
        (["openness"], "openness is not evaluated: personality needs all five traits."),
    ],
)
def test_labels_that_no_task_takes_are_named(columns: list[str], said: str) -> None:
    assert left_labels(columns) == said


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Task("a", "counts", ("a",)), "binary, ordinal, regression"),
        (lambda: Task("a", "binary", ("a",), metrics=("accuracy",)), "no metric 'accuracy'"),
        (lambda: Task("a", "binary", ("b",)).targets(pd.DataFrame({"a": [1]})), "need a column b"),
        (lambda: Task("a", "binary", ("a",)).targets(pd.DataFrame({"a": [1, np.nan]})), "empty labels"),
        (lambda: Task("a", "binary", ("a",)).targets(pd.DataFrame({"a": [1, 2]})), "0 or 1"),
    ],
)
def test_what_is_no_task_or_label_is_explained(make, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
