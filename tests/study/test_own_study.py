"""The last step of an own study as `dfe study` runs it: nothing is edited but the table of clips."""

import re
from pathlib import Path

import pandas as pd
import pytest
from own_people import write_people
from playwright.sync_api import Browser

from dfe_lib.io.run import STEPS
from dfe_lib.morphable.space import write_space
from dfe_lib.study.runner import Runner

SETTINGS = "clips: mine.csv\npeople: 0\ndraws: 50\nshuffles: 60\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    run, params = folder / "results" / "mine", folder / "params" / "mine"
    write_people(run)
    write_space(run / "expressions")
    params.mkdir(parents=True)
    (params / "05_downstream.yaml").write_text(SETTINGS)
    (run / "clips.csv").rename(folder / "mine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFE_RESULTS", str(folder / "results"))
        patch.chdir(folder)  # where the table of clips is found
        lines: list[str] = []
        Runner("mine", steps=STEPS[4:], params=params, report=lines.append).execute()
    assert lines[-1] == "read results/mine/report.html first"
    return run / "report.html"


def test_twelve_people_with_three_kinds_of_labels_give_a_report(report: Path) -> None:
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", report.read_text(encoding="utf-8"), flags=re.S)
    assert "Labels evaluated: 3; with too few people: 0; not predicted: 2." in text
    assert (
        "3 labels were tried: if none of them shows in a face, the chance" in text
        and "than chance is 7 %. Covariates and" in text
    )
    assert "gad7: Better than by chance: correlation r 0." in text
    assert re.search(r"group: (Not told apart from chance|Better than by chance): balanced accuracy", text)
    assert "A large effect needs 30 people or more, a medium one 85, a small one 783." in text
    assert re.search(r"with diagnosed = yes and one with diagnosed = no, the former ranks higher in \d+ of 100", text)
    assert re.search(
        r"Covariates alone \(age, gender, head motion; not known: talking\), (not told|better|below)", text
    )
    assert re.search(r"Shuffled labels land on chance in \d+ of 21 rows of this table", text)
    assert "it is a covariate" in text and "What cannot be said" in text
    assert (report.parent / "figures" / "own_scores.png").exists() and report.stat().st_size < 1_000_000


def rows(report: Path, task: str) -> pd.DataFrame:
    """Of a label, by its main metric."""
    scores = pd.read_csv(report.parent / "tables" / "downstream.csv", keep_default_na=False)
    table = scores[scores.task == task]
    return table[table.metric == table.metric.iloc[0]]


def test_every_kind_has_its_score_interval_chance_and_control(report: Path) -> None:
    tables = {task: rows(report, task) for task in ("gad7", "diagnosed", "group")}
    main = {name: table.iloc[0] for name, table in tables.items()}
    assert {name: (row.metric, row.constant) for name, row in main.items()} == {
        "gad7": ("pcc", 0.0), "diagnosed": ("auc", 0.5), "group": ("balanced_accuracy", 0.3333),
    }  # fmt: skip
    assert main["gad7"].ci_low > 0 and main["diagnosed"].ci_low > 0.5  # they show in the smiles and the brows
    assert main["group"].ci_low < 1 / 3  # it shows in nothing
    for table in tables.values():
        assert set(table.control) == {"none", "shuffled"} and (table.n_subjects == 12).all()
        flat = table[(table.control == "none") & (table.ci_low == table.ci_high)]
        assert (flat.warning != "").all()


def test_covariates_are_scored_alone_with_words_and_taken_out(report: Path) -> None:
    table = rows(report, "gad7").query("control == 'none'")
    kept, removed = (table[table.confounds == how].set_index("representation")["mean"] for how in ("kept", "removed"))
    assert kept["token words"] > 0.5 > kept["covariates"] and removed["token words"] > 0.4
    assert set(kept.index) - set(removed.index) == {"covariates", "covariates and token words"}


@pytest.mark.parametrize("width", [375, 1366])
def test_it_opens_from_disk_at_every_width_without_scrolling_sideways(
    chromium: Browser, report: Path, width: int
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 768})
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h2").first.inner_text() == "In short" and failed == []
    links = page.locator(".links a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert "tables/own_tasks.csv" in links and all((report.parent / link).exists() for link in links)
    assert page.locator("img").evaluate_all("pictures => pictures.every(picture => picture.naturalWidth > 300)")
    page.close()
