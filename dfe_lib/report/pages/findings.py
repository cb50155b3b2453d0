"""What the tables of a run say, in sentences that a psychologist reads: who was studied, and what was found of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import counted
from ..own import METRIC_WORDS, main_scores

__all__ = [
    "LEAST_SHUFFLES",
    "Finding",
    "RunTables",
    "claims_that_hold",
    "control_said",
    "could_show",
    "findings",
    "number",
    "who_was_studied",
]

WORDS, TAKEN_OUT, ALONE = "tokens", "tokens, covariates taken out", "covariates alone"
ONE_SIDED = 0.025
"""Share of shuffled labels that may score as well as the true ones, where these count as better than chance."""
LEAST_SHUFFLES = 40
"""Shuffles of the labels, with fewer of which no score can be told from chance."""
NAMED = 3
"""Clips that a sentence names."""
COVARIATE_WORDS = {"pose": "head motion", "confidence": "the tracker's confidence"}
EFFECT_WORDS = {"r": "a correlation of {}", "AUC": "an AUC of {}", "f": "a difference between groups of Cohen's f = {}"}


@dataclass(frozen=True)
class RunTables:
    """The tables of a run; what it did not write is empty."""

    folder: Path

    def __call__(self, name: str) -> pd.DataFrame:
        path = self.folder / "tables" / f"{name}.csv"
        return pd.read_csv(path, keep_default_na=True) if path.exists() else pd.DataFrame()


@dataclass(frozen=True)
class Finding:
    """One label: is it predicted better than by chance, and the sentences that say so.

    Arguments:
        task: the label. found: does the interval of the tokens lie above chance, and the score above 97.5 % of those of
            shuffled labels?
        sentences: what was measured, what covariates do to it, and what must be minded.
    """

    task: str
    found: bool
    sentences: tuple[str, ...]


def number(value: float, digits: int = 2) -> str:
    """A number as people write it.

    >>> number(0.6435), number(-0.0), number(float("nan"))
    ('0.64', '0', 'not known')
    """
    if not np.isfinite(value):
        return "not known"
    text = f"{value:.{digits}f}"
    return "0" if float(text) == 0 else text


def who_was_studied(tables: RunTables) -> list[str]:
    """Sentences on clips, people, minutes, faces found, and what could not be read."""
    clips = tables("clips")
    if not len(clips):
        return ["No recordings were read."]
    good = clips[clips["status"] == "ok"]
    minutes, faces = good["duration_s"].sum() / 60, good["frames_with_face"].sum() / max(good["frames"].sum(), 1)
    size = f"{counted(len(good), 'clip')}, {minutes:.1f} minutes and {int(good['frames'].sum())} frames in all"
    people = counted(good["subject_id"].nunique(), "person")
    said = [f"{people} in {size}. A face was found in {100 * faces:.0f} % of the frames."]
    bad = clips[clips["status"] != "ok"]
    if len(bad):
        first = bad.iloc[0]
        said.append(
            f"{counted(len(bad), 'clip')} could not be read, such as {first.clip_id}: {str(first.reason).rstrip('.')}."
        )
    empty = good[good["frames_with_face"] == 0]
    if len(empty):
        said.append(f"In {_named(empty)} no face was found: nothing of it is in what follows.")
    return said + _fit_said(tables("fit"))


def _fit_said(fit: pd.DataFrame) -> list[str]:
    """Of which clips the tokens deserve care."""
    if not len(fit) or "covered" not in fit:
        return []
    hidden, bare = fit[fit["covered"] > 0.1], fit[fit["neutral"] == "none"]
    said = [f"In {_named(hidden)} something hides the face in more than a tenth of the frames."] * bool(len(hidden))
    return said + [f"Of {_named(bare)} the face at rest could not be estimated: read the tokens with care."] * bool(
        len(bare)
    )


def _named(clips: pd.DataFrame) -> str:
    """So many clips, and the names of the first few."""
    names = list(dict.fromkeys(clips["clip_id"].astype(str)))
    more = ", ..." if len(names) > NAMED else ""
    return f"{counted(len(names), 'clip')} ({', '.join(names[:NAMED])}{more})"


def findings(tables: RunTables) -> list[Finding]:
    """What was found of each label of recorded people that had people enough."""
    scores, plan = tables("downstream"), tables("own_tasks")
    if not len(scores) or not len(plan):
        return []
    main = main_scores(scores)
    known = plan.set_index("task")
    found = []
    for task in dict.fromkeys(main["task"]):
        rows = main[main["task"] == task]
        readings = {str(row["reading"]): row for _, row in rows[rows["control"] == "none"].iterrows()}
        if WORDS in readings:
            found.append(_finding(task, readings, known.loc[task]))
    return found


def control_said(tables: RunTables) -> str:
    """Do shuffled labels land on chance, as they must? Empty where none were shuffled."""
    main = main_scores(tables("downstream"))
    control = main[main["control"] == "shuffled"]
    if not len(control):
        return ""
    fine = int(((control["ci_low"] <= control["constant"]) & (control["constant"] <= control["ci_high"])).sum())
    said = f"Shuffled labels land on chance in {fine} of {counted(len(control), 'row')} of this table"
    if fine == len(control):
        return f"{said}, as they must."
    return (
        f"{said}. In the others labels were shuffled too few times (`shuffles` of 05_downstream), or something but the "
        "label predicts it: read nothing into these rows."
    )


def could_show(row: pd.Series) -> str:
    """What a study of so many people can show of a label, and how many would be needed."""
    effect = EFFECT_WORDS[row["effect"]]
    people = int(row["people"])
    if np.isfinite(row["detectable"]):
        least = effect.format(number(row["detectable"]))
        said = f"With {people} people, nothing below {least} can be relied on to show."
    else:
        said = f"{people} people are too few for any effect to show reliably."
    return said + (
        f" A large effect needs {int(row['people_large'])} people or more, a medium one {int(row['people_medium'])}, "
        f"a small one {int(row['people_small'])}."
    )


def _finding(task: str, readings: Mapping[str, pd.Series], plan: pd.Series) -> Finding:
    words = readings[WORDS]
    verdict = _verdict(words)
    said = [f"{verdict[0].upper()}{verdict[1:]}: {_score(words)}. {_meaning(words, plan)}"]
    said += _evaluated(plan)
    if ALONE in readings:
        alone = readings[ALONE]
        said.append(f"Covariates alone{_covariates(plan)}, {_verdict(alone)}: {_score(alone)}.")
    if TAKEN_OUT in readings:
        left = readings[TAKEN_OUT]
        said.append(f"What covariates do not explain, {_verdict(left)}: {_score(left)}.")
    if isinstance(words.get("warning"), str) and words["warning"]:
        said.append(f"Mind: {words['warning']}.")
    if words.get("codebook") == "own people":
        said.append("The codebook has seen faces of these people, though not their labels.")
    return Finding(task, _above(words), (*said, could_show(plan)))


def _evaluated(plan: pd.Series) -> list[str]:
    """What a row of the evaluation is, and what had no part in it; nothing where every clip is another person's."""
    clips, people, left = (int(plan.get(name, 0)) for name in ("clips", "people", "left_out"))
    said = []
    if clips > people:
        each = "those of a person are averaged" if plan["rows"] == "people" else (
            "each counts by itself, and nobody is predicted from clips of their own"
        )  # fmt: skip
        said.append(f"{counted(clips, 'clip')} of {counted(people, 'person')}: {each}.")
    return said + [f"Left out for want of this label or of a split: {counted(left, 'clip')}."] * bool(left)


def _covariates(plan: pd.Series) -> str:
    """The covariates that were known, in brackets, and those that were not."""
    known, lacking = (
        ", ".join(COVARIATE_WORDS.get(name, name) for name in str(plan[key]).split(", "))
        if isinstance(plan.get(key), str) else ""
        for key in ("covariates", "not_known")
    )  # fmt: skip
    return f" ({known}{'; not known: ' * bool(lacking)}{lacking})" if known else ""


def _above(row: pd.Series) -> bool:
    """Shuffles are the test: with few people, intervals over people are too narrow."""
    return bool(row["ci_low"] > row["constant"] and not row["p_shuffled"] > ONE_SIDED)


def _verdict(row: pd.Series) -> str:
    if _above(row):
        return "better than by chance"
    if row["ci_high"] < row["constant"]:
        return "below chance, as happens with few people where nothing is to be found"
    return "not told apart from chance"


def _score(row: pd.Series) -> str:
    metric = METRIC_WORDS.get(row["metric"], row["metric"])
    return (
        f"{metric} {number(row['mean'])}, 95 % interval {number(row['ci_low'])} to {number(row['ci_high'])}, "
        f"chance {number(row['constant'])}"
    )


def _meaning(row: pd.Series, plan: pd.Series) -> str:
    """What the main score of a label is, in words."""
    if row["metric"] == "auc":
        share = f"{100 * row['mean']:.0f} of 100 pairs"
        if not isinstance(plan.get("levels"), str):
            return f"Of a person with the label and one without, the right one ranks higher in {share}."
        low, high = plan["levels"].split(" | ")
        name = row["task"]
        return f"Of a person with {name} = {high} and one with {name} = {low}, the former ranks higher in {share}."
    if row["metric"] == "balanced_accuracy":
        return f"Of each group, {100 * row['mean']:.0f} % of the people are recognised on average."
    if row["metric"] == "pcc":
        return "A correlation of 0 is no relation between what is predicted and what people have, 1 a perfect one."
    return "0 is chance, 1 is perfect."


def claims_that_hold(tables: RunTables) -> list[str]:
    """Sentences on the sample study that its own tables bear out."""
    claims = tables("claims")
    return [] if not len(claims) else claims[claims["verdict"] == "holds"]["sentence"].tolist()
