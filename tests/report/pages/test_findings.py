from pathlib import Path

import pandas as pd
from PIL import Image
from playwright.sync_api import Browser

from dfe_lib.report.pages.findings import Finding, RunTables, control_said, findings, who_was_studied
from dfe_lib.report.pages.run_report import write_run_report


def write_tables(run: Path) -> None:
    """One clip of one person, in which something hides the face, and one that cannot be read."""
    (run / "tables").mkdir()
    clips = {
        "clip_id": ["a", "b"], "subject_id": ["anna", "ben"], "status": ["ok", "failed"], "reason": ["", "damaged."],
        "duration_s": [60.0, 0.0], "frames": [100, 0], "frames_with_face": [90, 0],
    }  # fmt: skip
    pd.DataFrame(clips).to_csv(run / "tables" / "clips.csv", index=False)
    pd.DataFrame({"clip_id": ["a"], "covered": [0.2], "neutral": ["none"]}).to_csv(
        run / "tables" / "fit.csv", index=False
    )


def test_one_of_something_is_said_in_the_singular(tmp_path: Path) -> None:
    write_tables(tmp_path)
    assert who_was_studied(RunTables(tmp_path)) == [
        "1 person in 1 clip, 1.0 minutes and 100 frames in all. A face was found in 90 % of the frames.",
        "1 clip could not be read, such as b: damaged.",
        "In 1 clip (a) something hides the face in more than a tenth of the frames.",
        "Of 1 clip (a) the face at rest could not be estimated: read the tokens with care.",
    ]


def test_clips_without_a_face_and_the_first_few_of_many_are_named(tmp_path: Path) -> None:
    write_tables(tmp_path)
    names = [f"c{i}" for i in range(5)]
    clips = pd.DataFrame({"clip_id": names, "subject_id": names, "status": "ok", "reason": "", "duration_s": 1.0,
                          "frames": 10, "frames_with_face": [10, 10, 10, 10, 0]})  # fmt: skip
    clips.to_csv(tmp_path / "tables" / "clips.csv", index=False)
    fit = pd.DataFrame({"clip_id": names[:4], "covered": 0.2, "neutral": "clip"})
    fit.to_csv(tmp_path / "tables" / "fit.csv", index=False)
    said = who_was_studied(RunTables(tmp_path))
    assert said[1] == "In 1 clip (c4) no face was found: nothing of it is in what follows."
    assert said[2].startswith("In 4 clips (c0, c1, c2, ...) something hides the face")


def one_label(run: Path, mean: float, low: float, high: float, p: float, **plan: object) -> Finding:
    """What is said of a label of two values whose tokens have this score."""
    (run / "tables").mkdir(exist_ok=True)
    about = {"task": "remitted", "metric": "auc", "constant": 0.5, "p_shuffled": p, "data": "real", "confounds": "kept",
             "n_subjects": 15}  # fmt: skip
    rows = [
        about | {"representation": name, "control": control, "mean": score, "ci_low": start, "ci_high": end}
        for name in ("token words", "covariates")
        for control, score, start, end in (("none", mean, low, high), ("shuffled", 0.5, 0.4, 0.6))
    ]
    pd.DataFrame(rows).to_csv(run / "tables" / "downstream.csv", index=False)
    needed = {"effect": "AUC", "detectable": 0.8, "people_large": 57, "people_medium": 131, "people_small": 724}
    known = {"people": 15, "clips": 15, "left_out": 0, "rows": "people", "levels": "ill | well"}
    pd.DataFrame([{"task": "remitted"} | known | needed | plan]).to_csv(run / "tables" / "own_tasks.csv", index=False)
    (found,) = findings(RunTables(run))
    return found


def test_a_label_is_found_where_shuffled_ones_almost_never_score_as_well(tmp_path: Path) -> None:
    assert one_label(tmp_path, 0.8, 0.6, 0.9, p=0.02).found
    few = one_label(tmp_path, 0.8, 0.6, 0.9, p=1 / 6)  # of five shuffles none scored as well
    assert not few.found and few.sentences[0].startswith("Not told apart from chance: AUC 0.80")
    assert not one_label(tmp_path, 0.6, 0.45, 0.9, p=0.02).found
    below = one_label(tmp_path, 0.2, 0.1, 0.3, p=0.99)
    assert not below.found and below.sentences[0].startswith("Below chance, as happens with few people")


def test_a_label_says_its_values_whom_it_left_out_and_which_covariates_were_known(tmp_path: Path) -> None:
    known = {"covariates": "age, pose, confidence", "not_known": "talking"}
    said = one_label(tmp_path, 0.8, 0.6, 0.9, p=0.02, clips=22, left_out=1, **known).sentences
    assert "a person with remitted = well and one with remitted = ill, the former ranks higher in 80" in said[0]
    assert said[1] == "22 clips of 15 people: those of a person are averaged."
    assert said[2] == "Left out for want of this label or of a split: 1 clip."
    assert said[3].startswith(
        "Covariates alone (age, head motion, the tracker's confidence; not known: talking), better than by chance: AUC"
    )
    kept = one_label(tmp_path, 0.8, 0.6, 0.9, p=0.02, clips=22, rows="clips").sentences[1]
    assert kept == "22 clips of 15 people: each counts by itself, and nobody is predicted from clips of their own."


def test_shuffled_labels_that_miss_chance_are_said(tmp_path: Path) -> None:
    one_label(tmp_path, 0.8, 0.6, 0.9, p=0.02)
    tables = RunTables(tmp_path)
    assert control_said(tables) == "Shuffled labels land on chance in 2 of 2 rows of this table, as they must."
    scores = tables("downstream")
    scores.loc[1, "ci_low"] = 0.55
    scores.to_csv(tmp_path / "tables" / "downstream.csv", index=False)
    assert "1 of 2 rows" in control_said(tables) and "read nothing into these rows" in control_said(tables)


def test_too_few_shuffles_are_said(tmp_path: Path) -> None:
    write_tables(tmp_path)
    one_label(tmp_path, 0.8, 0.6, 0.9, p=1 / 6, status="evaluated")

    def said(shuffles: int) -> str:
        manifest = {"steps": {"05_downstream": {"parameters": {"shuffles": shuffles}}}}
        return write_run_report(tmp_path, manifest).read_text(encoding="utf-8")

    few = "set <code>shuffles</code> of 05_downstream to 40 or more"
    assert "Labels were shuffled 5 times" in said(5) and few in said(5) and few not in said(40)


def test_names_of_parameters_are_set_as_code(tmp_path: Path) -> None:
    write_tables(tmp_path)
    page = write_run_report(tmp_path, {}).read_text(encoding="utf-8")
    assert "table of clips (<code>clips</code>)" in page and "`" not in page


def test_codes_are_compared_where_the_study_says_something_of_them(tmp_path: Path) -> None:
    write_tables(tmp_path)
    (tmp_path / "figures").mkdir()
    Image.new("RGB", (40, 20)).save(tmp_path / "figures" / "error_against_bits.png")
    assert "bits a frame" not in write_run_report(tmp_path, {}).read_text(encoding="utf-8")
    claims = pd.DataFrame({"verdict": ["holds"], "sentence": ["Tokens are few."]})
    claims.to_csv(tmp_path / "tables" / "claims.csv", index=False)
    page = write_run_report(tmp_path, {}).read_text(encoding="utf-8")
    assert "Tokens are few." in page and "bits a frame" in page


def test_a_figure_can_be_read_on_a_phone(chromium: Browser, tmp_path: Path) -> None:
    """It scrolls within the page and leads to the whole picture."""
    write_tables(tmp_path)
    (tmp_path / "figures").mkdir()
    Image.new("RGB", (1400, 700)).save(tmp_path / "figures" / "downstream.png")
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.goto(write_run_report(tmp_path, {}).as_uri())
    assert page.locator("figure img").bounding_box()["width"] > 700
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("figure a").click()
    assert page.url.endswith("figures/downstream.png")
    page.close()
