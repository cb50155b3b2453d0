from pathlib import Path

import pandas as pd
from PIL import Image
from playwright.sync_api import Browser

from dfe_lib.report.pages.findings import RunTables, who_was_studied
from dfe_lib.report.pages.run_report import write_run_report


def write_tables(run: Path) -> None:
    """One clip of one person, in which something hides the face, and one that cannot be read."""
    (run / "tables").mkdir()
    clips = {
        "clip_id": ["a", "b"], "subject_id": ["anna", "ben"], "status": ["ok", "failed"], "reason": ["", "damaged"],
        "duration_s": [60.0, 0.0], "frames": [100, 0], "frames_with_face": [90, 0],
    }  # fmt: skip
    pd.DataFrame(clips).to_csv(run / "tables" / "clips.csv", index=False)
    pd.DataFrame({"covered": [0.2], "neutral": ["none"]}).to_csv(run / "tables" / "fit.csv", index=False)


def test_one_of_something_is_said_in_the_singular(tmp_path: Path) -> None:
    write_tables(tmp_path)
    assert who_was_studied(RunTables(tmp_path)) == [
        "1 person in 1 clip, 1.0 minutes and 100 frames in all. A face was found in 90 % of the frames.",
        "1 clip could not be read, such as b: damaged.",
        "In 1 clip something hides the face in more than a tenth of the frames.",
        "Of 1 clip the face at rest could not be estimated: read the tokens with care.",
    ]


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
