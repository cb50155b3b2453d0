import json
import pickle
from pathlib import Path

import data_set_trees as trees
import pytest

from dfe_lib.downstream.cross_validation import check_folds, official_folds
from dfe_lib.downstream.datasets.catalogue import read_dataset
from dfe_lib.downstream.datasets.personality import read_chalearn, read_udiva
from dfe_lib.errors import UserError


class Trap:
    """A pickle of this runs a function when it is opened."""

    def __reduce__(self) -> tuple:
        return (print, ("opened",))


def test_chalearn_clips_have_traits_and_nobody_is_on_both_sides(tmp_path: Path) -> None:
    trees.chalearn(tmp_path)
    found = read_chalearn(tmp_path)
    rows = found.table.set_index("clip_id")
    assert rows.loc["-bbbb_bbbbb.001", ["subject_id", "session", "split"]].tolist() == ["-bbbb_bbbbb", "001", "train"]
    assert rows.loc["-bbbb_bbbbb.001", ["openness", "neuroticism", "interview"]].tolist() == pytest.approx(
        [0.1, 0.5, 0.1]
    )
    assert rows["split"].to_dict() == {
        "aaaaaaaaaaa.000": "", "-bbbb_bbbbb.001": "train", "ccccccccccc.000": "dev", "aaaaaaaaaaa.005": "test"
    }  # fmt: skip
    assert "the official split shares 1 people: 1 of their clips" in found.notes[-1]
    assert "annotation_training.pkl has 2 clips, and not 6000" in found.notes
    check_folds(official_folds(found.table["split"].tolist()), found.table["subject_id"].tolist())


def test_the_annotation_is_read_without_running_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    trees.chalearn(tmp_path)
    (tmp_path / "annotation_test.pkl").write_bytes(
        pickle.dumps({trait: {"a.000.mp4": Trap()} for trait in trees.TRAITS})
    )
    with pytest.raises(UserError, match=r"asks for (builtins|__builtin__)\.print, which is no array"):
        read_chalearn(tmp_path)
    assert capsys.readouterr().out == ""


def test_annotations_may_be_json(tmp_path: Path) -> None:
    trees.chalearn(tmp_path)
    (tmp_path / "annotation_test.pkl").unlink()
    labels = {trait: {"aaaaaaaaaaa.005.mp4": 0.75} for trait in trees.TRAITS}
    (tmp_path / "annotation_test.json").write_text(json.dumps(labels))
    assert read_chalearn(tmp_path).table.set_index("clip_id").openness["aaaaaaaaaaa.005"] == 0.75


def test_annotations_of_another_kind_are_refused(tmp_path: Path) -> None:
    trees.chalearn(tmp_path)
    (tmp_path / "annotation_test.pkl").write_bytes(pickle.dumps({"openness": {"a.000.mp4": 0.5}}))
    with pytest.raises(UserError, match="no conscientiousness of each clip"):
        read_chalearn(tmp_path)


def test_udiva_tells_who_sits_before_which_camera(tmp_path: Path) -> None:
    trees.udiva(tmp_path)
    found = read_dataset("udiva", tmp_path)
    rows = found.table.set_index("clip_id")
    assert len(rows) == 12
    assert rows.loc["001002_FC2_T", ["subject_id", "task", "session", "split"]].tolist() == [
        "2",
        "talk",
        "001002",
        "train",
    ]
    assert rows.loc["001002_FC2_T", ["openness_z", "neuroticism_z"]].tolist() == pytest.approx([0.2, 2])
    # person 3 sits in a session of the validation split and in one of the test split
    assert rows["split"].value_counts().to_dict() == {"train": 4, "test": 4, "dev": 2, "": 2}
    check_folds(official_folds(found.table["split"].tolist()), found.table["subject_id"].tolist())


def test_udiva_with_a_session_that_the_metadata_lack_is_refused(tmp_path: Path) -> None:
    trees.udiva(tmp_path)
    trees.touch(tmp_path / "train" / "recordings" / "talk_recordings_train" / "009009" / "FC1_T.mp4")
    with pytest.raises(UserError, match="session 009009"):
        read_udiva(tmp_path)
