import re
from pathlib import Path

import pandas as pd
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import (
    check_clip_table,
    held_back,
    is_clip_table,
    read_clip_table,
    table_clips,
    write_clip_table,
)
from dfe_lib.study.runner import _files_named
from dfe_lib.tracking.sources import find_sources

SPLIT = {"clip_id": ["01", "02", "03"], "subject_id": ["a", "a", "b"], "split": ["Train", "training", "TEST"]}
ROWS = pd.DataFrame(SPLIT | {"phq8": [3, None, 12]})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("01", "02", "03"):
        (tmp_path / f"{name}.mp4").touch()
    write_clip_table(tmp_path / "clips.csv", ROWS.assign(path=[f"{name}.mp4" for name in ROWS.clip_id]))
    return tmp_path / "clips.csv"


def test_the_people_of_the_test_split_are_known(table: Path) -> None:
    assert held_back(table) == ["b"]
    table.write_text("clip_id,subject_id,split\n01,a,train\n02,b,dev\n")
    assert held_back(table) == ["b"]
    table.write_text("clip_id,subject_id\n01,a\n02,b\n")
    assert held_back(table) == []


def test_names_stay_words_splits_get_their_names_and_what_is_empty_is_unknown(table: Path) -> None:
    read = read_clip_table(table)
    assert read.clip_id.tolist() == ["01", "02", "03"]
    assert read.split.tolist() == ["train", "train", "test"]
    assert read.phq8.isna().tolist() == [False, True, False]


def test_a_table_made_on_a_german_computer_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("clip_id;subject_id;split;stress\n01;a;;0,5\n02;b;;1\n", encoding="utf-8-sig")
    assert read_clip_table(tmp_path / "clips.csv").stress.tolist() == [0.5, 1.0]


def test_the_initials_na_are_a_name_while_elsewhere_they_are_no_value(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("clip_id , subject_id,split,stress\nNA,na ,NA,NA\n02,b,,1\n")
    read = read_clip_table(tmp_path / "clips.csv")
    assert read.clip_id.tolist() == ["NA", "02"] and read.subject_id.tolist() == ["na", "b"]
    assert read.split.tolist() == ["", ""] and read.stress.isna().tolist() == [True, False]


def test_commas_that_end_every_line_and_empty_rows_are_no_columns_and_no_clips(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("clip_id,subject_id,stress\nanna_1,anna,1,\n,,,\n\nben_1,ben,0,,\n , ,\n")
    read = read_clip_table(tmp_path / "clips.csv")
    assert read.to_dict("list") == {"clip_id": ["anna_1", "ben_1"], "subject_id": ["anna", "ben"], "stress": [1, 0]}
    assert read.index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a,1,one, two.mp4\nb,2,three.mp4\n", "4 values for 3 columns in line 2: put quotes around"),
        ("a,1,one.mp4,\nb,2,two, three.mp4,\n", "5 values for 3 columns in line 3: put quotes around"),
        ('a,1,"one.mp4\nb,2,two.mp4\n', "cannot be read from line 2 on (unexpected end of data)"),
        (",,\na,1,one.mp4\nb,,two.mp4\n", "an empty subject_id in line 4"),
        ("a,1,x.mp4\n" * 8000 + "b,2,\xfc.mp4\n", "a character in line 8002 that is no utf-8"),
        (",,\n", "has no rows"),
    ],
)
def test_a_line_that_is_no_row_of_the_table_is_named(tmp_path: Path, rows: str, sentence: str) -> None:
    (tmp_path / "clips.csv").write_bytes(f"clip_id,subject_id,path\n{rows}".encode("latin-1"))
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_clip_table(tmp_path / "clips.csv")


def test_paths_are_from_the_tables_folder_and_the_table_stands_for_its_clips(table: Path) -> None:
    assert is_clip_table(table)
    clips = find_sources([str(table)])
    assert clips == table_clips(table)
    assert [(clip.clip_id, clip.subject_id, clip.path.name) for clip in clips][2] == ("03", "b", "03.mp4")
    assert len(_files_named(str(table))) == 4  # the table and its clips: a change of either runs the step again


def test_a_clip_that_is_a_folder_stands_for_its_files(table: Path) -> None:
    (table.parent / "02.mp4").unlink()
    (table.parent / "02.mp4").mkdir()
    (table.parent / "02.mp4" / "0001.npy").touch()
    assert [path.name for path in _files_named(str(table))] == ["clips.csv", "01.mp4", "0001.npy", "03.mp4"]


@pytest.mark.parametrize("text", ["", "one line\n", "clip_id,subject_id\na,b\n"])
def test_other_text_is_no_table_of_clips(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert not is_clip_table(tmp_path / "a.csv")


def test_a_table_stands_alone(table: Path) -> None:
    with pytest.raises(UserError, match=r"clips\.csv beside other files"):
        find_sources([str(table), "single_face.mp4"])


def test_a_missing_file_is_named(table: Path) -> None:
    (table.parent / "02.mp4").unlink()
    with pytest.raises(UserError, match=r"names 1 file not to be found, such as that of 02"):
        table_clips(table)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"split": ["train", "test", "test"]}, "1 subject in more than one split, such as a (test and train)"),
        ({"split": ["train", "fold3", "test"]}, "a split called 'fold3'"),
        ({"clip_id": ["01", "01", "03"]}, "the clip 01 more than once"),
        ({"subject_id": ["a", None, "b"]}, "an empty subject_id in line 3"),
        ({"phq8": ["3", "mild", "4"]}, "'mild' in the column phq8"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(changes: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        check_clip_table(ROWS.assign(**changes), "mine.csv")


def test_a_column_of_another_name_is_pointed_out() -> None:
    with pytest.raises(UserError, match=r"no column subject_id; .*: rename subject\?"):
        check_clip_table(ROWS.rename(columns={"subject_id": "subject"}), "mine.csv")


def test_somebody_without_a_split_may_be_anywhere() -> None:
    assert check_clip_table(ROWS.assign(split=["train", "", "test"]), "mine.csv").split.tolist() == [
        "train",
        "",
        "test",
    ]


@pytest.mark.parametrize("end", ["c", "c,3", "c,3,x.mp4\nd"])
def test_a_table_that_was_cut_off_is_not_read_as_if_it_were_whole(tmp_path: Path, end: str) -> None:
    (tmp_path / "clips.csv").write_text(f"clip_id,subject_id,path\na,1,x.mp4\nb,2,x.mp4\n{end}")
    with pytest.raises(UserError, match=r"[12] values for 3 columns in line [45]: it was cut off"):
        read_clip_table(tmp_path / "clips.csv")


def test_words_are_labels_and_a_word_among_numbers_is_a_slip(tmp_path: Path) -> None:
    path = tmp_path / "clips.csv"
    path.write_text("clip_id,subject_id,group,therapy\n1,a,control,none\n2,b,,drug\n")
    read = read_clip_table(path)
    assert read.group.isna().tolist() == [False, True] and read.therapy.tolist() == ["none", "drug"]
    path.write_text("clip_id,subject_id,gad7\n1,a,12\n2,b,l3\n")
    with pytest.raises(UserError, match="'l3' in the column gad7, beside numbers"):
        read_clip_table(path)
