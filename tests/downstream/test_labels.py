import numpy as np
import pandas as pd
import pytest

from dfe_lib.downstream.labels import label_tasks
from dfe_lib.downstream.tasks import BIG_FIVE
from dfe_lib.errors import UserError

N = 20
EVEN, STEPS = np.arange(N) % 2, np.arange(N) % 4


def task_of(cells: object, wanted: str = "all", column: str = "mine"):
    (task,) = label_tasks(pd.DataFrame({"clip_id": map(str, range(N)), column: cells}), wanted).tasks
    return task


@pytest.mark.parametrize(
    ("cells", "kind", "levels"),
    [
        (np.linspace(0, 21, N), "regression", ()),
        (EVEN, "binary", (0.0, 1.0)),
        (EVEN + 1, "binary", (1.0, 2.0)),
        (np.where(EVEN, True, False), "binary", (0.0, 1.0)),
        (np.where(EVEN, "no", "yes"), "binary", ("no", "yes")),
        (np.where(EVEN, "patient", "control"), "binary", ("control", "patient")),
        (np.array(["a", "b", "c", "d"])[STEPS], "classes", ("a", "b", "c", "d")),
        (STEPS + 1, "ordinal", (1.0, 2.0, 3.0, 4.0)),
        (STEPS * 10, "regression", ()),
    ],
)
def test_the_kind_follows_from_the_values(cells: np.ndarray, kind: str, levels: tuple) -> None:
    task = task_of(cells)
    assert (task.kind, task.levels) == (kind, levels)
    assert np.isfinite(task.targets(pd.DataFrame({"mine": cells}))).all()


def test_the_kind_and_the_order_of_words_can_be_named() -> None:
    assert task_of(STEPS, "mine as regression").kind == "regression"
    task = task_of(np.array(["low", "middle", "high", "low"])[STEPS], "mine as low < middle < high")
    assert (task.kind, task.levels) == ("ordinal", ("low", "middle", "high"))


def test_one_trait_is_a_task_and_five_are_six() -> None:
    assert task_of(np.linspace(0, 1, N), column="openness").bounds == (0.0, 1.0)
    five = pd.DataFrame({trait: np.linspace(0, 1, N) for trait in BIG_FIVE})
    assert [task.name for task in label_tasks(five).tasks] == ["personality", *BIG_FIVE]


def test_labels_of_the_field_keep_their_scores_where_the_values_are_theirs() -> None:
    assert task_of(EVEN, column="stress").levels == ()
    assert task_of(STEPS + 1, column="stress").kind == "ordinal"  # a rating, not the two conditions
    table = pd.DataFrame({"phq8": np.linspace(0, 24, N).round()})
    assert [(task.name, task.kind) for task in label_tasks(table).tasks] == [
        ("phq8", "regression"),
        ("phq8_severity", "ordinal"),
    ]


def test_what_is_not_asked_for_or_no_label_is_left_with_its_reason() -> None:
    table = pd.DataFrame({"gad7": np.linspace(0, 21, N), "age": 30 + EVEN, "empty": np.nan})
    assert label_tasks(table).left == {"age": "it is a covariate", "empty": "it is empty"}
    found = label_tasks(table, ["age"])
    assert [task.name for task in found.tasks] == ["age"] and found.left["gad7"] == "tasks does not name it"
    with pytest.raises(UserError, match="tasks names 'empty', which is no label: it is empty"):
        label_tasks(table, ["empty"])
