"""The report of a run: one HTML file in plain language that opens from disk and on a phone.

It shows no picture of a person, so that it can be passed on. Every number comes from a table of the run, and the page
links to these tables.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...io.tables import write_text
from ..own import METRIC_WORDS, main_scores
from .findings import (
    LEAST_SHUFFLES,
    Finding,
    RunTables,
    claims_that_hold,
    control_said,
    could_show,
    findings,
    number,
    who_was_studied,
)
from .page import ASSETS, picture_uri

__all__ = ["write_run_report"]

WIDEST = 1400
"""Pixels of a figure in the page."""
READING = """
A token is a movement of the face at one of its strengths, such as the mouth opening 9 mm. Each frame of a clip is
written as a few of them; how often and how strongly each occurs in a clip is all that a label is predicted from.

Labels are always predicted of people whom the prediction has not learnt from.

A 95 % interval says how far the score could differ had other people of the same kind been recorded.

Shuffled labels are the control: the same analysis with everybody given somebody else's label. It should give chance.

Covariates are what might explain a label without any expression, such as age, talking or how the head moves.
"""
NEVER = """
Nothing here says anything about one person. A score over people is no diagnosis of anybody.

A prediction is no cause: what a face shows may come from talking, from the setting, or from who was recorded when.

Landmark detectors and head models fit some faces less well than others; a difference between groups of people may be
one of the instrument.

A score that is not told apart from chance is no proof that there is nothing to find.
"""
NO_LABELS = """
This run has no labels of its own: it shows that the way from clips to tokens works, and what tokens can recover of
simulated people. Name a table of clips (`clips`) for a study of recorded people.
"""
SCORE_COLUMNS = ("label", "read from", "score", "value", "from", "to", "chance", "labels shuffled", "people")
PLAN_COLUMNS = {
    "task": "label", "kind": "kind", "people": "people", "clips": "clips", "rarest": "with the rarest value",
    "status": "what became of it", "reason": "why", "people_large": "people for a large effect",
    "people_medium": "a medium one", "people_small": "a small one",
}  # fmt: skip
PLAN_WORDS = {
    "kind": {"regression": "numbers", "binary": "two values", "ordinal": "ordered levels"},
    "status": {"not a task": "not predicted"},
}
"""What people call kinds of labels, and what became of them."""


def write_run_report(folder: Path, manifest: dict[str, Any]) -> Path:
    """Writes `report.html` into the folder of a run, and returns it.

    Arguments:
        folder: of the run. manifest: of it: parameters and versions are shown from it.
    """
    tables, path = RunTables(folder), folder / "report.html"
    found = findings(tables)
    parts = [
        _section("In short", _short(tables, found, _shuffles(manifest))),
        f"<details><summary>How to read this page</summary>{_list(_split(READING))}</details>",
        _section("Who was studied", _paragraphs(who_was_studied(tables))),
        *_own(tables, found, folder),
        *_simulated(tables, folder),
        _section("What cannot be said", _list(_split(NEVER))),
        _section("How exact are the tokens?", _paragraphs(_exact(tables))),
        _section("Tables, pictures and pages", _links(folder)),
        _section("How it was made", _made(manifest)),
    ]
    page = (ASSETS / "report.html").read_text(encoding="utf-8")
    style = "".join((ASSETS / name).read_text(encoding="utf-8") for name in ("page.css", "report.css"))
    filled = {"title": f"Report of the run {escape(folder.name)}", "style": style, "body": "".join(parts)}
    for key, text in filled.items():
        page = page.replace(f"/*{key}*/", text)
    write_text(path, page)
    return path


def _shuffles(manifest: dict[str, Any]) -> int | None:
    """How often labels were shuffled; None where the manifest does not say."""
    return manifest.get("steps", {}).get("05_downstream", {}).get("parameters", {}).get("shuffles")


def _short(tables: RunTables, found: Sequence[Finding], shuffles: int | None) -> str:
    plan = tables("own_tasks")
    if not len(plan):
        return _paragraphs(_split(NO_LABELS))
    few, left = (plan[plan["status"] == status] for status in ("too few people", "not a task"))
    said = [f"Labels evaluated: {len(found)}; with too few people: {len(few)}; not predicted: {len(left)}."]
    said += [f"{each.task}: {each.sentences[0]}" for each in found]
    if found and shuffles is not None and shuffles < LEAST_SHUFFLES:
        said.append(
            f"Labels were shuffled {shuffles} times, too few to tell any score from chance: set `shuffles` of "
            f"05_downstream to {LEAST_SHUFFLES} or more."
        )
    if len(found) > 1:
        chance = 100 * (1 - 0.975 ** len(found))
        said.append(
            f"{len(found)} labels were tried: if none of them shows in a face, the chance that one or more look better "
            f"than chance is {chance:.0f} %. Covariates and the other readings of the table below are further tries."
        )
    return _list(said)


def _own(tables: RunTables, found: Sequence[Finding], folder: Path) -> list[str]:
    plan = tables("own_tasks")
    if not len(plan):
        return []
    parts = []
    if found:
        cards = "".join(
            f'<article class="{"found" if each.found else "open"}"><h3>{escape(each.task)}</h3>'
            f"{_paragraphs(each.sentences)}</article>"
            for each in found
        )
        legend = (
            "How well each label of people not trained on is predicted, and from what. Lines are 95 % intervals over "
            "people, grey bars what shuffled labels give, the dashed line chance."
        )
        figure = _figure(folder, "own_scores", legend)
        scores = _table(_scores(tables), SCORE_COLUMNS, "Main scores")
        control = _paragraphs(filter(None, [control_said(tables)]))
        parts.append(_section("What was found", cards + figure + scores + control))
    few = plan[plan["status"] == "too few people"]
    if len(few):
        said = [f"{row['task']}: {row['reason']}. {could_show(row)}" for _, row in few.iterrows()]
        parts.append(_section("Too few people for a statistic", _list(said)))
    shown = plan[[name for name in PLAN_COLUMNS if name in plan]].replace(PLAN_WORDS).rename(columns=PLAN_COLUMNS)
    caption = "Every label of the table of clips. Numbers of people are for 80 % power at 5 %, and are the least."
    parts.append(_section("Which labels, and how many people they need", _table(shown.values.tolist(), shown, caption)))
    return parts


def _scores(tables: RunTables) -> list[list[object]]:
    main = main_scores(tables("downstream"))
    shuffled = main[main["control"] == "shuffled"].set_index(["task", "reading"])
    rows = []
    for row in main[main["control"] == "none"].itertuples():
        null = shuffled.loc[(row.task, row.reading)] if (row.task, row.reading) in shuffled.index else None
        control = "" if null is None else f"{number(null['ci_low'])} to {number(null['ci_high'])}"
        metric = METRIC_WORDS.get(str(row.metric), str(row.metric))
        values = [number(float(value)) for value in (row.mean, row.ci_low, row.ci_high, row.constant)]
        rows.append([row.task, row.reading, metric, *values, control, int(row.n_subjects)])
    return rows


def _simulated(tables: RunTables, folder: Path) -> list[str]:
    claims = claims_that_hold(tables)
    body = _figure(
        folder, "downstream", "Simulated people: how well labels are recovered, by representation. Not real people."
    )
    if claims:  # without them a comparison of codes is for their makers
        legend = "What a code of so many bits a frame leaves over, on people held out."
        body = _list(claims) + body + _figure(folder, "error_against_bits", legend)
    return [_section("What the study says of its own method", body)] if body else []


def _exact(tables: RunTables) -> list[str]:
    tokens, left_out, fit = tables("tokens"), tables("left_out"), tables("fit_accuracy")
    said = []
    coded = tokens[tokens["valid"] > 0] if len(tokens) else tokens
    if len(coded):
        error = number(float(np.average(coded["error_mm"], weights=coded["valid"])))
        said.append(f"Over all frames the face that the tokens give back lies {error} mm (rms) from the fitted one.")
    ours = left_out[left_out["method"].str.startswith("dfe_")] if len(left_out) else left_out
    if len(ours):
        row = ours.iloc[0]
        said.append(
            f"For a person whom the codebook has not seen it is {number(row['error_mm'])} mm (95 % interval "
            f"{number(row['error_low'])} to {number(row['error_high'])} over {int(row['people'])} people)."
        )
    if len(fit):
        here = fit[(fit["method"] == "ours") & (fit["region"] == "all") & (fit["condition"] == "rendered")]
        said += [
            f"The fitted face itself errs by {number(mm)} mm on rendered actors in good light, who are not people."
            for mm in here["mean_mm"]
        ]
    return said or ["The run has not measured this."]


def _figure(folder: Path, name: str, caption: str) -> str:
    path = folder / "figures" / f"{name}.png"
    if not path.exists():
        return ""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    scale = min(1.0, WIDEST / width)
    uri = picture_uri(pixels, (round(width * scale), round(height * scale)), 80)
    text = escape(caption)
    link = f'<a class="wide" href="figures/{name}.png" title="{text}"><img src="{uri}" alt="{text}"></a>'
    return f"<figure>{link}<figcaption>{text}</figcaption></figure>"


def _table(rows: Iterable[Sequence[object]], columns: Iterable[str], caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>{escape(caption)}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:g}"
    return escape(str(value))


def _links(folder: Path) -> str:
    found = [
        ("The atlas of the tokens: what each one does to a face", "atlas/index.html"),
        *((f"Executed notebook {path.stem}", f"html/{path.name}") for path in sorted((folder / "html").glob("*.html"))),
        *((path.name, f"tables/{path.name}") for path in sorted((folder / "tables").glob("*.csv"))),
    ]
    items = [f'<li><a href="{escape(to)}">{escape(text)}</a></li>' for text, to in found if (folder / to).exists()]
    return (
        f'<ul class="links">{"".join(items)}</ul><p class="soft">Links work while this page lies in the folder of its '
        "run. Figures lie in figures, tokens frame by frame in tokens.</p>"
    )


def _made(manifest: dict[str, Any]) -> str:
    versions = manifest.get("versions", {})
    lines = [f"Commit {(manifest.get('git') or {}).get('commit') or 'not known'}, Python {manifest.get('python', '')}."]
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()) if version)
    settings = [
        [step, name, _shown(value)]
        for step, record in sorted(manifest.get("steps", {}).items())
        for name, value in sorted(record.get("parameters", {}).items())
    ]
    table = _table(settings, ("step", "parameter", "value"), "Parameters of every step")
    more = f"<details><summary>Parameters and versions</summary>{table}<p>{escape(packages)}</p></details>"
    return _paragraphs(lines) + more


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _split(text: str) -> list[str]:
    """Its paragraphs, each in one line."""
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _paragraphs(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{_prose(sentence)}</p>" for sentence in sentences)


def _list(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_prose(sentence)}</li>" for sentence in sentences) + "</ul>"


def _prose(sentence: str) -> str:
    """A sentence; what stands in backticks is a name."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(sentence))
