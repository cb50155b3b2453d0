"""Every kind of predicate holds on an invented run, and no more once one number of a copied table is another."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from result_tables import edit, write_run

from dfe_lib.errors import UserError
from dfe_lib.io.paths import PROJECT
from dfe_lib.study.claims import FAILS, HOLDS, UNKNOWN, check_claims, read_claims, write_verdicts
from dfe_lib.study.values import Tables, Value

SENTENCE = "Ours leaves {ours} mm, the classical one {classical} mm."
VALUES = {
    "ours": {"table": "errors", "where": {"method": "ours"}, "column": "error_mm", "sd": "error_mm_sd"},
    "classical": {"table": "errors", "where": {"method": "classical"}, "column": "error_mm", "sd": "error_mm_sd"},
    "start": {"table": "seeds", "where": {"method": "ours"}, "column": "start_mm", "by": "seed"},
    "end": {"table": "seeds", "where": {"method": "ours"}, "column": "error_mm", "by": "seed"},
    "units": {
        "table": "tasks", "where": {"task": "stress", "representation": "units"}, "column": "difference",
        "interval": ["ci_low", "ci_high"],
    },
    "psi": {
        "table": "tasks", "where": {"representation": "psi"}, "column": "difference", "interval": ["ci_low", "ci_high"]
    },
    "worse": {"table": "tasks", "where": {"representation": "units"}, "share": {"ci_high": {"below": 0}}},
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "study")


def claims_of(folder: Path, predicate: dict, sentence: str = SENTENCE) -> list:
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump({"c": {"sentence": sentence, "values": VALUES, "holds": [predicate]}}))
    return read_claims(path)


@pytest.mark.parametrize(
    ("predicate", "spare", "change"),
    [
        ({"below": ["end", "start"], "margin": 0.0005}, 0.0005, ("seeds", 1, "error_mm", 0.1598)),
        ({"above": ["ours", "classical"], "margin": 0.002}, 0.001, ("errors", 0, "error_mm", 0.1565)),
        ({"near": ["ours", "classical"], "within": 0.05, "of_b": True}, 0.00475, ("errors", 0, "error_mm", 0.17)),
        ({"near": ["end", "start"], "within": 0.006}, 0.001, ("seeds", 2, "error_mm", 0.15)),
        ({"apart": ["units", 0]}, 0.2, ("tasks", 1, "difference", -0.05)),
        ({"not_apart": ["psi", 0]}, 0.05, ("tasks", 0, "difference", 0.2)),
        ({"not_apart": ["ours", "classical"]}, 0.00147, ("errors", 1, "error_mm", 0.15)),
        ({"above": ["worse", 1]}, 0.0, ("tasks", 2, "ci_high", 0.1)),
        ({"below": ["ours", 0.16]}, 0.002, ("errors", 0, "error_mm", 0.2)),
    ],
)
def test_a_predicate_holds_and_fails_once_a_table_says_otherwise(
    run: Path, predicate: dict, spare: float, change: tuple
) -> None:
    claims = claims_of(run, predicate)
    (verdict,) = check_claims(run, claims)
    assert verdict.verdict == HOLDS
    assert verdict.spare == pytest.approx(spare, abs=1e-5)
    edit(run, *change)
    (verdict,) = check_claims(run, claims)
    assert verdict.verdict == FAILS and verdict.spare < 0


def test_numbers_are_stated_with_their_spread(run: Path) -> None:
    tables = Tables(run)
    texts = {name: Value(**entry).of(tables).text for name, entry in VALUES.items()}
    assert texts == {
        "ours": "0.158 ± 0.002", "classical": "0.155 ± 0.001", "start": "0.16 to 0.162", "end": "0.157 to 0.159",
        "units": "-0.3 [-0.4, -0.2]", "psi": "0.01 [-0.05, 0.07]", "worse": "2 of 2",
    }  # fmt: skip
    shown = Value("errors", "error_mm", {"method": "ours"}, sd="error_mm_sd", percent=True).of(tables)
    assert shown.text == "15.8 ± 0.2 %"
    assert shown.half.tolist() == [0.004]


def test_what_is_not_there_is_not_measured(run: Path) -> None:
    claims = claims_of(run, {"below": ["ours", "classical"], "margin": -1})
    table = pd.read_csv(run / "tables" / "errors.csv")
    table.drop(columns="error_mm_sd").to_csv(run / "tables" / "errors.csv", index=False)
    (verdict,) = check_claims(run, claims)
    assert (verdict.verdict, verdict.reason) == (UNKNOWN, "errors.csv has no column error_mm_sd")
    assert verdict.sentence == "Ours leaves (not measured) mm, the classical one (not measured) mm."
    (run / "tables" / "errors.csv").unlink()
    assert check_claims(run, claims)[0].reason == "there is no table errors.csv"


def test_a_number_of_one_training_has_no_spread_to_state(run: Path) -> None:
    edit(run, "errors", 0, "error_mm_sd", float("nan"))
    (verdict,) = check_claims(run, claims_of(run, {"below": ["ours", 1]}))
    assert (verdict.verdict, verdict.reason) == (UNKNOWN, "error_mm_sd of errors.csv is empty there")


def test_verdicts_are_a_table(run: Path) -> None:
    verdicts = check_claims(run, claims_of(run, {"below": ["ours", 0.16]}))
    write_verdicts(run, verdicts)
    (row,) = pd.read_csv(run / "tables" / "claims.csv").to_dict("records")
    said = "Ours leaves 0.158 ± 0.002 mm, the classical one 0.155 ± 0.001 mm."
    assert row == {"claim": "c", "verdict": HOLDS, "spare": 0.002, "sentence": said}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"holds": [{"lower": ["ours", 1]}]}, "there is nothing called lower"),
        ({"holds": [{"below": ["ours"]}]}, "each of two values"),
        ({"holds": [{"below": ["our", 1]}]}, r"there is no value our; did you mean ours\?"),
        ({"holds": []}, "needs a sentence and a predicate"),
        ({"sentence": "{ourselves} mm"}, "which is none of its values"),
        ({"values": {"ours": {"table": "errors", "column": "error_mm"}}}, "just one of sd, interval"),
        ({"values": {"ours": {"tabel": "errors"}}}, r"did you mean table\?"),
        ({"values": {"ours": {"column": "error_mm", "exact": True}}}, "needs a table"),
        ({"because": "I say so"}, "nothing called because"),
    ],
)
def test_an_entry_that_is_not_understood_is_refused(tmp_path: Path, change: dict, complaint: str) -> None:
    entry = {"sentence": "{ours} mm", "values": {"ours": VALUES["ours"]}, "holds": [{"below": ["ours", 1]}]}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump({"c": entry | change}))
    with pytest.raises(UserError, match=complaint):
        read_claims(tmp_path / "claims.yaml")


def test_a_row_is_chosen_by_a_closed_set_of_words(run: Path) -> None:
    where = {"representation": ["psi", "units"], "difference": {"above": -0.4, "below": 0}, "task": {"other_than": "x"}}
    assert Value("tasks", "difference", where, exact=True).of(Tables(run)).number.tolist() == [-0.3]
    with pytest.raises(UserError, match="'matches'; use above, below or other_than"):
        Value("tasks", "difference", {"task": {"matches": ".*"}}, exact=True).of(Tables(run))


def test_no_claim_on_the_committed_results_fails() -> None:
    verdicts = check_claims(PROJECT / "results" / "study", read_claims())
    assert len(verdicts) > 8
    assert not [str(verdict) for verdict in verdicts if verdict.verdict == FAILS]
