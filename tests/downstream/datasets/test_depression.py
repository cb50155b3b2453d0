from pathlib import Path

import data_set_trees as trees
import numpy as np
import pytest

from dfe_lib.downstream.cross_validation import check_folds, official_folds
from dfe_lib.downstream.datasets.catalogue import read_dataset
from dfe_lib.downstream.datasets.depression import (
    read_avec,
    read_d_vlog_folder,
    read_daic_woz_folder,
    read_e_daic_folder,
)
from dfe_lib.errors import UserError


def test_daic_woz_sessions_have_their_labels_under_either_release_names(tmp_path: Path) -> None:
    trees.daic_woz(tmp_path)
    found = read_daic_woz_folder(tmp_path)
    rows = found.table.set_index("clip_id")
    assert rows["split"].to_dict() == {"300": "train", "301": "test", "373": "dev", "409": "train"}
    assert rows["phq8"].to_dict() == {"300": 2, "301": 20, "373": 14, "409": 10}
    assert rows["depressed"].to_dict() == {"300": 0, "301": 1, "373": 1, "409": 0}
    assert rows["gender"].to_dict() == {"300": 1, "301": 1, "373": 0, "409": 0}
    assert rows.loc["300", "path"].endswith("300_P/300_CLNF_features.txt")
    assert rows["interrupted"].to_dict() == {"300": 0, "301": 0, "373": 1, "409": 0}
    notes = " ".join(found.notes)
    assert "the binary label of 409 is not that of a PHQ-8" in notes
    assert "1 labelled recordings are not there, such as 302" in notes


def test_without_the_test_labels_it_says_that_dev_is_tested_on(tmp_path: Path) -> None:
    trees.daic_woz(tmp_path, test=False)
    found = read_daic_woz_folder(tmp_path)
    assert np.isnan(found.table.set_index("clip_id").phq8["301"])
    assert found.notes[0] == "full_test_split.csv is missing: the test sessions have no labels, and dev is tested on"


def test_a_session_that_daic_woz_does_not_have_is_refused(tmp_path: Path) -> None:
    trees.daic_woz(tmp_path)
    session = tmp_path / "394_P"
    session.mkdir()
    (session / "394_CLNF_features.txt").write_bytes((tmp_path / "300_P" / "300_CLNF_features.txt").read_bytes())
    with pytest.raises(UserError, match="a session 394, which DAIC-WOZ does not have"):
        read_daic_woz_folder(tmp_path)


def test_a_score_that_no_phq_8_has_is_refused(tmp_path: Path) -> None:
    trees.daic_woz(tmp_path)
    path = tmp_path / "full_test_split.csv"
    path.write_text(path.read_text().replace("301,1,20", "301,1,27"))
    with pytest.raises(UserError, match=r"full_test_split\.csv has phq8 of 27, and only 0 to 24"):
        read_daic_woz_folder(tmp_path)


@pytest.mark.parametrize("row", [",,,", ",0,7,1"])
def test_a_row_of_labels_without_a_participant_is_nobodys(tmp_path: Path, row: str) -> None:
    trees.daic_woz(tmp_path)
    path = tmp_path / "full_test_split.csv"
    path.write_text(f"{path.read_text()}{row}\n")
    rows = read_daic_woz_folder(tmp_path).table.set_index("clip_id")
    assert rows["phq8"].to_dict() == {"300": 2, "301": 20, "373": 14, "409": 10}


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("Participant_ID,PHQ8_Score\n", r"no labels of the train split"),
        ("Participant_ID,PHQ8_Score\nP300,2\n", r"AVEC2017\.csv has a participant P300, and only whole numbers"),
        ("Participant_ID,PHQ8_Score\n300.5,2\n", r"AVEC2017\.csv has a participant 300\.5, and only whole numbers"),
    ],
)
def test_labels_of_nobody_that_daic_woz_knows_are_refused(tmp_path: Path, labels: str, sentence: str) -> None:
    trees.daic_woz(tmp_path)
    (tmp_path / "train_split_Depression_AVEC2017.csv").write_text(labels)
    with pytest.raises(UserError, match=sentence):
        read_daic_woz_folder(tmp_path)


def test_e_daic_is_action_units_and_tells_who_talked_to_a_machine(tmp_path: Path) -> None:
    trees.e_daic(tmp_path)
    found = read_e_daic_folder(tmp_path)
    rows = found.table.set_index("clip_id")
    assert rows["split"].to_dict() == {"300": "train", "301": "dev", "600": "test"}
    assert rows["ai_interviewer"].to_dict() == {"300": 0, "301": 0, "600": 1}
    assert rows["gender"].to_dict() == {"300": 0, "301": 1, "600": 1}
    assert "they alone, talked to a machine" in found.notes[-1]


def test_d_vlog_words_become_numbers(tmp_path: Path) -> None:
    trees.d_vlog(tmp_path)
    table = read_dataset("d-vlog", tmp_path).table.set_index("clip_id")
    assert table["depressed"].to_dict() == {"0": 1, "1": 0, "2": 0}
    assert table["split"].to_dict() == {"0": "train", "1": "dev", "2": "test"}
    assert table["gender"].to_dict() == {"0": 1, "1": 0, "2": 1}
    assert table["duration_s"].tolist() == [300.5, 200, 100]


def test_a_gender_that_is_not_told_is_not_known(tmp_path: Path) -> None:
    trees.d_vlog(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_text(path.read_text().replace(",m,", ",,"))
    gender = read_dataset("d-vlog", tmp_path).table.set_index("clip_id")["gender"]
    assert gender[["0", "2"]].tolist() == [1, 1] and np.isnan(gender["1"])


def test_a_row_of_labels_without_a_vlog_takes_nobodys_labels_away(tmp_path: Path) -> None:
    trees.d_vlog(tmp_path)
    path = tmp_path / "labels.csv"
    path.write_text(f"{path.read_text()},normal,50,m,test\n")
    assert read_d_vlog_folder(tmp_path).table["depressed"].tolist() == [1, 0, 0]


def test_d_vlog_with_other_words_or_shapes_is_refused(tmp_path: Path) -> None:
    trees.d_vlog(tmp_path)
    labels = tmp_path / "labels.csv"
    whole = labels.read_text()
    labels.write_text(whole.replace("1,normal", "1,healthy"))
    with pytest.raises(UserError, match="says 'healthy' in the column label"):
        read_d_vlog_folder(tmp_path)
    labels.write_text(whole)
    np.save(tmp_path / "1" / "1_visual.npy", np.zeros((5, 204), "f4"))
    with pytest.raises(UserError, match=r"1_visual\.npy has another shape"):
        read_d_vlog_folder(tmp_path)


def test_avec_people_with_sessions_in_two_splits_are_not_trained_on(tmp_path: Path) -> None:
    trees.avec(tmp_path)
    found = read_avec(tmp_path)
    rows = found.table.set_index("clip_id")
    assert rows.loc["203_1_Freeform_video", ["split", "subject_id", "session", "task", "bdi"]].tolist() == [
        "", "203", "1", "Freeform", 17.0
    ]  # fmt: skip
    assert rows["split"].value_counts().to_dict() == {"": 2, "train": 2, "dev": 2, "test": 2}
    assert found.notes[-1].startswith("the official split shares 1 people: 2 of their clips")
    check_folds(official_folds(found.table["split"].tolist()), found.table["subject_id"].tolist())


def test_avec_2013_recordings_have_no_task_in_their_names(tmp_path: Path) -> None:
    trees.touch(tmp_path / "train" / "210_1_cut_audio_video.mp4")
    trees.text(tmp_path / "labels" / "210_1_Depression.csv", "63")
    assert read_avec(tmp_path).table[["task", "bdi", "split"]].to_numpy().tolist() == [["", 63.0, "train"]]


@pytest.mark.parametrize(("label", "sentence"), [("64", "a BDI-II of 64"), ("17 3", "should hold one number")])
def test_a_label_that_is_no_bdi_is_refused(tmp_path: Path, label: str, sentence: str) -> None:
    trees.avec(tmp_path)
    trees.text(tmp_path / "DepressionLabels" / "203_1_Depression.csv", label)
    with pytest.raises(UserError, match=sentence):
        read_avec(tmp_path)
