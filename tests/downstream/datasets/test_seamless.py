from pathlib import Path

import data_set_trees as trees
import pytest

from dfe_lib.downstream.cross_validation import check_folds, official_folds
from dfe_lib.downstream.datasets.catalogue import read_dataset, write_dataset
from dfe_lib.downstream.datasets.seamless import read_seamless_folder
from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import table_clips
from dfe_lib.tracking import take_clips


def test_clips_have_their_people_sessions_and_traits(tmp_path: Path) -> None:
    trees.seamless(tmp_path)
    found = read_dataset("seamless", tmp_path)
    rows = found.table.set_index("clip_id")
    first = rows.loc["V00_S0001_I00000129_P0001A"]
    assert first[["subject_id", "session", "task", "split"]].tolist() == ["P0001", "V00_S0001", "improvised", "train"]
    traits = first[["openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism"]]
    assert traits.tolist() == pytest.approx([1.0, 0.5, 0.125, 0.25, 0.75])
    assert rows.loc["V01_S0004_I00000400_P0006", "path"].endswith(".npz") and first["path"].endswith(".mp4")
    assert rows["extraversion"].isna().sum() == 1  # person 6 is not in the table
    assert any("1 to 5 brought to 0 to 1" in note for note in found.notes)


def test_neither_a_person_nor_a_session_is_on_both_sides(tmp_path: Path) -> None:
    trees.seamless(tmp_path)
    table = read_seamless_folder(tmp_path).table
    split = table.set_index("clip_id")["split"]
    assert split["V00_S0002_I00000200_P0003"] == "" and split["V01_S0004_I00000400_P0003"] == "test"
    assert split["V00_S0005_I00000201_P0004"] == "" and split["V00_S0005_I00000300_P0005"] == "dev"
    for column in ("subject_id", "session"):
        check_folds(official_folds(table["split"].tolist()), table[column].tolist())


def test_features_without_a_video_give_the_facs_side(tmp_path: Path) -> None:
    trees.seamless(tmp_path)
    path = write_dataset(read_dataset("seamless", tmp_path), tmp_path / "out")
    clips = [clip for clip in table_clips(path) if clip.path.suffix == ".npz"]
    summary = take_clips(clips, tmp_path / "frames")
    assert summary.status.tolist() == ["ok"] and "action units alone" in summary.reason[0]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("participant_id,extraversion,agreeableness,conscientiousness,neuroticism", "1,2,2,2,2", "none of openness"),
        ("name,openness,extraversion,agreeableness,conscientiousness,neuroticism", "x,2,2,2,2,2", "none of people"),
        (
            "pid,open_a,open_b,extraversion,agreeableness,conscientiousness,neuroticism",
            "1,2,2,2,2,2,2",
            "several of open",
        ),
        (
            "pid,openness,extraversion,agreeableness,conscientiousness,neuroticism",
            "1,-2,0.5,0,1,2",
            "scores from -2 to 2",
        ),
    ],
)
def test_columns_that_cannot_be_told_apart_are_asked_for(tmp_path: Path, header: str, row: str, message: str) -> None:
    trees.seamless(tmp_path, personality=False)
    trees.text(tmp_path / "participants.csv", header, row)
    with pytest.raises(UserError, match=message):
        read_seamless_folder(tmp_path)


def test_domains_are_told_from_their_facets_and_sums_from_means(tmp_path: Path) -> None:
    trees.seamless(tmp_path, personality=False)
    names = "PID,openness,openness_facet_a,extraversion,agreeableness,conscientiousness,negative_emotionality"
    trees.text(tmp_path / "participants.csv", names, "1,60,9,12,36,24,48", "2,30,9,12,36,24,48")
    rows = read_seamless_folder(tmp_path).table.set_index("subject_id")
    assert rows.loc["P0001", ["openness", "extraversion", "agreeableness"]].tolist() == pytest.approx([1, 0, 0.5])
