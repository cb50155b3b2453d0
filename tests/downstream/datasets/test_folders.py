from pathlib import Path

import pytest

from dfe_lib.downstream.datasets.folders import read_labels
from dfe_lib.errors import UserError


def test_labels_are_numbers_but_for_the_words_asked_for(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("ID , PP,score,\n007,1,0.5,\n,,,\nNA,2,NA,\n", encoding="utf-8-sig")
    table = read_labels(tmp_path / "labels.csv", ("ID", "absent"))
    assert table.columns[:3].tolist() == ["ID", "PP", "score"]
    assert table.ID.tolist() == ["007", "NA"] and table.index.tolist() == [0, 1]
    assert table.PP.tolist() == [1, 2] and table.PP.dtype == "int64", "an empty row makes no decimals"
    assert table.score.isna().tolist() == [False, True]


def test_an_empty_cell_among_words_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("ID;score\n;1,5\nb;2\n")
    table = read_labels(tmp_path / "labels.csv", ["ID"])
    assert table.ID.isna().tolist() == [True, False] and table.score.tolist() == [1.5, 2]


def test_a_line_with_more_values_than_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("ID,score\na,1\nb,0,5\n")
    with pytest.raises(UserError, match=r"labels\.csv has 3 values for 2 columns in line 3: put quotes"):
        read_labels(tmp_path / "labels.csv")
