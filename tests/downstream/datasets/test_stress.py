from pathlib import Path

import data_set_trees as trees
import numpy as np
import pytest

from dfe_lib.downstream.datasets.catalogue import read_dataset, write_dataset
from dfe_lib.downstream.datasets.stress import read_stressid, read_swell, read_ubfc_phys
from dfe_lib.downstream.recorded import labelled_clips
from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import table_clips
from dfe_lib.tracking import take_clips


def test_ubfc_phys_tasks_are_the_labels_and_it_says_that_talking_tells_them(tmp_path: Path) -> None:
    trees.ubfc_phys(tmp_path)
    found = read_ubfc_phys(tmp_path)
    rows = found.table.set_index("clip_id")
    assert sorted(rows["subject_id"].unique()) == ["s1", "s10", "s2"]
    assert rows.loc["vid_s10_T2", ["task", "stress", "talking"]].tolist() == ["speech", 1, 1]
    assert rows.loc["vid_s10_T1", "stress"] == 0
    assert any("talking alone predicts the label" in note for note in found.notes)


@pytest.mark.parametrize("name", ["s57/vid_s57_T1.avi", "s1/vid_s1_T4.avi"])
def test_people_and_tasks_beyond_ubfc_phys_are_refused(tmp_path: Path, name: str) -> None:
    trees.ubfc_phys(tmp_path)
    trees.touch(tmp_path / name)
    with pytest.raises(UserError, match="that UBFC-Phys does not have"):
        read_ubfc_phys(tmp_path)


def test_stressid_videos_meet_their_labels(tmp_path: Path) -> None:
    trees.stressid(tmp_path)
    found = read_stressid(tmp_path)
    rows = found.table.set_index("clip_id")
    assert rows.loc["2ea4_Counting1", ["subject_id", "task", "talking", "stress", "affect"]].tolist() == [
        "2ea4", "Counting1", 1, 1, 2
    ]  # fmt: skip
    assert rows.loc["2ea4_Breathing", "talking"] == 0
    assert rows["stress"].isna().sum() == 2
    assert "2 videos have no label" in found.notes[-1]


def test_stressid_without_labels_or_with_other_columns_is_explained(tmp_path: Path) -> None:
    trees.stressid(tmp_path)
    trees.text(tmp_path / "labels.csv", "subject/task,stress", "2ea4_Breathing,0")
    with pytest.raises(UserError, match=r"no column binary-stress; it has subject/task, stress"):
        read_stressid(tmp_path)
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(UserError, match=r"has no labels\.csv"):
        read_stressid(tmp_path)


def test_swell_goes_from_minutes_of_units_to_clips_of_the_study(tmp_path: Path) -> None:
    trees.swell(tmp_path / "swell")
    found = read_dataset("swell", tmp_path / "swell")
    assert found.table["clip_id"].tolist() == ["pp1_N_block1", "pp1_T_block2", "pp2_N_block1", "pp2_T_block2"]
    assert found.table["stress"].tolist() == [2, 7.5, 1, 4]
    assert found.table["time_pressure"].tolist() == [0, 1, 0, 1]
    table = write_dataset(found, tmp_path / "out")
    summary = take_clips(table_clips(table), tmp_path / "frames")
    assert summary["status"].tolist() == ["ok"] * 4, summary["reason"].tolist()
    clip = labelled_clips(table, frames=tmp_path / "frames").clips[1]
    assert clip.subject_id == "pp1" and clip.au_names == ("AU01", "AU12")
    assert clip.time_s.tolist() == [0, 120]  # the minute with a 999 shows no face
    np.testing.assert_allclose(clip.aus, [[0.5, 0.2], [0.5, 0.2]])


def test_swell_people_in_numbers_stay_who_they_are_where_a_row_names_nobody(tmp_path: Path) -> None:
    trees.swell(tmp_path)
    for path in tmp_path.rglob("*.csv"):
        lines = path.read_text().replace("PP1", "1").replace("PP2", "2").splitlines()
        path.write_text("\n".join([*lines, "," + lines[-1].split(",", 1)[1]]) + "\n")
    assert set(read_swell(tmp_path).table["subject_id"]) == {"pp1", "pp2"}


def test_swell_without_questionnaires_has_the_conditions_alone(tmp_path: Path) -> None:
    trees.swell(tmp_path, labels=False)
    found = read_swell(tmp_path)
    assert "stress" not in found.table
    assert found.notes[-1] == "labels.csv is not there: the conditions are the only labels"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("2,T", "2,X"), r"other people or conditions .*: X\."),
        (("0.5,0.2", "0.5,40"), "has SAu12_LipCornerPull of 40"),
        (("SAu", "Smile"), "no columns of action units"),
    ],
)
def test_swell_of_another_kind_is_refused(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    trees.swell(tmp_path)
    (path,) = (tmp_path / "per sensor").iterdir()
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(UserError, match=sentence):
        read_swell(tmp_path)
