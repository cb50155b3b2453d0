import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from result_tables import edit, write_run

from dfe_lib.cli import main
from dfe_lib.errors import UserError
from dfe_lib.io.paths import PROJECT
from dfe_lib.study.compare import compare_runs, compare_tables

STUDY = PROJECT / "results" / "study"
CLAIM = {
    "sentence": "Ours leaves {ours} mm.",
    "values": {"ours": {"table": "errors", "where": {"method": "ours"}, "column": "error_mm", "sd": "error_mm_sd"}},
    "holds": [{"below": ["ours", 0.16]}],
}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump({"small_error": CLAIM}))
    return write_run(tmp_path / "a"), write_run(tmp_path / "b")


def test_equal_runs_agree_without_a_word(runs: tuple[Path, Path], tmp_path: Path) -> None:
    found = compare_runs(*runs, tmp_path / "claims.yaml")
    assert found.agrees and found.sentences == ()


def test_a_difference_within_the_spread_is_reported_and_agrees(runs: tuple[Path, Path], tmp_path: Path) -> None:
    edit(runs[1], "errors", 0, "error_mm", 0.159)
    found = compare_runs(*runs, tmp_path / "claims.yaml")
    assert found.agrees
    said = "errors differs in 1 columns of numbers, most in error_mm, by 0.001 (0.6%), within its spread (0.18 of it)."
    assert found.sentences == (said,)


def test_a_table_beyond_its_spread_and_a_changed_claim_do_not_agree(runs: tuple[Path, Path], tmp_path: Path) -> None:
    edit(runs[1], "errors", 0, "error_mm", 0.17)
    edit(runs[1], "tasks", 1, "difference", -0.1)
    found = compare_runs(*runs, tmp_path / "claims.yaml")
    assert not found.agrees
    errors, tasks, claim = found.sentences
    assert "beyond its spread (2.1 of it) in 1 of 2 rows" in errors
    assert "most in difference, by 0.2 (66.7%), beyond its spread (1.4 of it) in 1 of 3 rows" in tasks
    assert claim == "The claim small_error holds in the first run and does not hold in the second."


def test_one_row_in_twenty_may_lie_beyond_a_spread_of_95_percent(runs: tuple[Path, Path], tmp_path: Path) -> None:
    for run in runs:
        rows = pd.DataFrame({"person": [f"p{row}" for row in range(40)], "error_mm": 0.2, "error_mm_sd": 0.001})
        rows.to_csv(run / "tables" / "people.csv", index=False)
    for row in range(2):
        edit(runs[1], "people", row, "error_mm", 0.3)
    found = compare_runs(*runs, tmp_path / "claims.yaml")
    assert found.agrees and found.sentences[0].endswith("in 2 of 40 rows, of which 5% may be.")
    edit(runs[1], "people", 2, "error_mm", 0.3)
    assert not compare_runs(*runs, tmp_path / "claims.yaml").agrees


def test_claims_speak_of_the_study_alone(runs: tuple[Path, Path], tmp_path: Path) -> None:
    edit(runs[1], "seeds", 0, "error_mm", 0.4)
    edit(runs[1], "errors", 0, "error_mm", 0.162)
    edit(runs[1], "errors", 0, "error_mm_sd", 0.01)
    assert not compare_runs(*runs, tmp_path / "claims.yaml").agrees
    for run in runs:
        (run / "manifest.json").write_text('{"run": "smoke"}')
    assert compare_runs(*runs, tmp_path / "claims.yaml").agrees


def test_a_number_without_a_spread_is_reported_and_judged_by_the_claims_alone(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    edit(runs[1], "seeds", 1, "start_mm", 0.5)
    found = compare_runs(*runs, tmp_path / "claims.yaml")
    assert found.agrees and "most in start_mm, by 0.34 (68.0%), no spread is stated." in found.sentences[0]
    (runs[1] / "tables" / "seeds.csv").unlink()
    found = compare_runs(*runs, tmp_path / "claims.yaml")
    assert not found.agrees and found.sentences == ("seeds is in one run only.",)


def test_rows_are_matched_by_their_keys_in_whatever_order() -> None:
    one = pd.DataFrame({"method": ["a", "b", "c"], "error": [1.0, 2.0, 3.0], "n": [5, 6, 7]})
    two = one.iloc[[2, 0]].assign(error=[3.0, 1.5])
    (row,) = compare_tables(one, two).to_dict("records")
    assert (row["column"], row["rows"], row["largest"], row["beyond"]) == ("error", 2, 0.5, 0)


def test_a_missing_number_is_a_difference_without_end() -> None:
    one = pd.DataFrame({"method": ["a"], "error": [1.0], "error_sd": [0.1]})
    (row,) = compare_tables(one, one.assign(error=float("nan"))).to_dict("records")
    assert row["largest"] == float("inf") and row["beyond"] == 1


def test_the_study_agrees_with_itself_and_says_how_many_tokens_are_the_same(tmp_path: Path) -> None:
    for kind in ("tables", "model", "expressions"):
        shutil.copytree(STUDY / kind, tmp_path / "study" / kind)
    edit(tmp_path / "study", "coverage", 0, "explained", 0.9)
    found = compare_runs(STUDY, tmp_path / "study")
    assert found.agrees and found.sentences[0].startswith("coverage differs in 1 columns")
    assert found.sentences[-1] == "Of the templates 100% are the same under the same number, 100% under any."


def test_what_is_no_folder_of_results_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(UserError, match="is no folder of results, for it has no tables"):
        compare_runs(STUDY, tmp_path)
    assert main(["compare", str(tmp_path), str(STUDY)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
