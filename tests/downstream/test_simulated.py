import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.cohort import CohortConfig
from dfe_lib.downstream.cohort_vectors import CohortReader
from dfe_lib.downstream.simulated import NULL, StudySettings, StudyTables, simulated_study
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

COHORT = CohortConfig(10, 0.3, 5, seed=1)
SETTINGS = StudySettings(
    (10,), repeats=1, divisions=1, draws=10, shuffles=1, powered=("token words",), linear_model_effects=("beyond",)
)
EFFECTS = ["beyond", NULL]


@pytest.fixture(scope="module")
def reader() -> CohortReader:
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=2)).eval()
    return CohortReader(model, CohortConfig(2, 0.3, 5, seed=2), data=("simulated",), au_sets=("openface17",))


@pytest.fixture(scope="module")
def tables(reader: CohortReader) -> StudyTables:
    return simulated_study(COHORT, EFFECTS, reader, SETTINGS)


def test_the_tables_have_their_columns_and_every_row_says_what_it_is(tables: StudyTables) -> None:
    columns = {"task", "effect", "representation", "metric", "mean", "ci_low", "ci_high", "n_subjects"}
    assert columns | {"data", "control"} <= set(tables.downstream)
    assert columns <= set(tables.power)
    for table in (tables.downstream, tables.comparisons, tables.power, tables.words):
        assert set(table.effect) == set(EFFECTS) and table.data.str.startswith("simulated").all()
    assert tables.downstream.control.value_counts()["shuffled"] > 0
    assert not tables.downstream.duplicated(
        ["task", "data", "effect", "frames", "confounds", "linear_model", "representation", "metric", "control"]
    ).any()


def test_controls_and_heads_are_where_they_were_asked_for(tables: StudyTables) -> None:
    rows = tables.downstream
    assert set(rows.frames) == {"all", "talking"} and set(rows.confounds) == {"kept", "removed"}
    assert set(rows[rows.effect == "beyond"]["linear_model"]) == {"ridge", "logistic", "svm"}
    assert set(rows[rows.effect == NULL]["linear_model"]) == {"ridge"}
    assert "confounds" not in set(rows.representation[rows.confounds == "removed"])
    assert set(tables.power.representation) == {"token words"}


def test_a_studys_people_choose_the_words_and_none_is_there_twice(tables: StudyTables) -> None:
    """Eight people train: four groups of 16 displays are not too many words for them, 16 displays are."""
    assert tables.words.word.str.startswith("group_").all()
    names = set(tables.downstream.representation)
    assert {"token words", "token words, counts", "token words, displays", "token words, codes"} <= names
    assert "token words, groups" not in names


def test_processes_change_nothing(tables: StudyTables, reader: CohortReader) -> None:
    again = simulated_study(COHORT, EFFECTS, reader, SETTINGS, workers=2)
    for name in ("downstream", "comparisons", "power", "words"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(tables, name))
