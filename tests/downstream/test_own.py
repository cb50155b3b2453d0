"""Twelve invented people with labels of three kinds, and what becomes of fewer."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_people import write_people

from dfe_lib.downstream.own import OwnSettings, own_study
from dfe_lib.errors import UserError
from dfe_lib.io.run import Study
from dfe_lib.morphable.space import read_space, write_space
from dfe_lib.quantisation.rvqvae import RvqVae


def study_of(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: object):
    monkeypatch.setenv("DFE_RESULTS", str(folder.parent))
    run = Study(folder.name)
    write_space(run.expressions)
    space, model = read_space(run.expressions), RvqVae.from_pretrained(run.model)
    return own_study(str(folder / "clips.csv"), run, space, model, OwnSettings(**settings))


def test_labels_of_three_kinds_are_tasks_and_what_is_left_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_people(tmp_path / "mine").assign(openness=lambda rows: np.linspace(0, 1, len(rows)), site="here")
    table["remarks"] = [f"remark {i}" for i in range(len(table))]
    table.to_csv(tmp_path / "mine" / "clips.csv", index=False)
    mine = study_of(tmp_path / "mine", monkeypatch)
    kinds = {each.task.name: each.task.kind for each in mine.studies}
    assert kinds == {"gad7": "regression", "diagnosed": "binary", "group": "classes", "openness": "regression"}
    left = mine.plan[mine.plan.status == "not a task"].set_index("task").reason
    assert left.to_dict() == {
        "age": "it is a covariate",
        "gender": "it is a covariate",
        "site": "it is here in every clip",
        "remarks": "it has 12 different words in 12 clips, too many for classes",
    }
    assert "covariates: age, gender = f, gender = m, pose (not known: talking)" in mine.notes
    assert "remarks (it has 12 different words" in mine.summary()


def test_too_few_people_get_a_number_of_people_and_no_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_people(tmp_path / "mine", count=5)
    mine = study_of(tmp_path / "mine", monkeypatch)
    assert mine.studies == ()
    row = mine.plan.set_index("task").loc["gad7"]
    assert row.status == "too few people" and row.people == 5
    assert row.reason == "only 5 people with this label: a score would be chance below 10"
    assert (row.people_large, row.people_medium, row.people_small) == (30, 85, 783)
    assert "3 have too few people (a large effect needs 30 or more)" in mine.summary()


def test_sessions_of_a_person_are_one_row_where_the_label_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_people(tmp_path / "mine", sessions=2)
    table["tense"] = [i % 2 for i in range(len(table))]
    table.to_csv(tmp_path / "mine" / "clips.csv", index=False)
    whole = study_of(tmp_path / "mine", monkeypatch)
    told = whole.plan.set_index("task")[["rows", "clips", "left_out", "levels", "covariates", "not_known"]]
    about = ["age, gender, pose", "talking"]
    assert told.loc["gad7"].tolist() == ["people", 24, 0, "", *about]
    assert told.loc["tense"].tolist() == ["clips", 24, 0, "0 | 1", *about]
    mine = {each.task.name: each for each in whole.studies}
    assert len(mine["gad7"].clips) == 24 and len(mine["gad7"].labels) == 12 and len(mine["tense"].labels) == 24
    assert mine["gad7"].notes == ("gad7: 24 clips of 12 people; the clips of a person are averaged",)
    assert "each clip is a row (the label differs between them)" in mine["tense"].notes[0]
    found = mine["gad7"].evaluate(draws=50, shuffles=0)
    assert (found.n_subjects == 12).all() and found["mean"].iloc[0] > 0.7
    kept = study_of(tmp_path / "mine", monkeypatch, sessions="keep", tasks=["gad7"]).studies[0]
    assert len(kept.labels) == 24 and kept.evaluate(50, 0)["mean"].iloc[0] > 0.7


def test_a_clip_that_could_not_be_read_is_left_out_and_one_that_was_not_tried_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_people(tmp_path / "mine")
    damaged = table.iloc[:1].assign(clip_id="cut", subject_id="cutter")
    pd.concat([table, damaged]).to_csv(tmp_path / "mine" / "clips.csv", index=False)
    with pytest.raises(UserError, match="has 1 clip that the run lacks, such as cut"):
        study_of(tmp_path / "mine", monkeypatch)
    (tmp_path / "mine" / "tables").mkdir(exist_ok=True)
    read = pd.DataFrame({"clip_id": [*table.clip_id, "cut"], "status": ["ok"] * len(table) + ["failed"]})
    read.to_csv(tmp_path / "mine" / "tables" / "clips.csv", index=False)
    mine = study_of(tmp_path / "mine", monkeypatch)
    assert "1 clip that could not be read left out, such as cut" in mine.notes
    assert {len(each.clips) for each in mine.studies} == {12}


def test_own_split_is_kept_with_averaged_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_people(tmp_path / "mine", count=24, sessions=2)
    table["split"] = ["train"] * 22 + ["test"] * 24 + ["", ""]
    table.to_csv(tmp_path / "mine" / "clips.csv", index=False)
    (gad7,) = study_of(tmp_path / "mine", monkeypatch, tasks=["gad7"]).studies
    ((train, test),) = gad7.folds[0]
    assert (len(train), len(test)) == (11, 12) and len(gad7.clips) == 46
    assert gad7.notes[0] == "gad7: 2 clips without the label or a split left out"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tasks": ["gad"]}, r"tasks names 'gad', which the table of clips lacks; did you mean gad7\?"),
        ({"tasks": ["gad7 as numbers"]}, "use binary, ordinal, regression, classes"),
        ({"tasks": ["group as regression"]}, "words are no numbers"),
        ({"covariates": ["weight"]}, "covariates names 'weight'"),
        ({"sessions": "mean"}, "sessions must be auto, average, keep"),
    ],
)
def test_what_is_not_there_is_explained(tmp_path: Path, monkeypatch, settings: dict, said: str) -> None:
    write_people(tmp_path / "mine", count=4)
    with pytest.raises(UserError, match=said):
        study_of(tmp_path / "mine", monkeypatch, **settings)
