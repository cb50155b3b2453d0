"""What the tables of a run say, in sentences that a psychologist reads: who was studied, and what was found of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..own import METRIC_WORDS, main_scores

__all__ = ["Finding", "RunTables", "claims_that_hold", "could_show", "counted", "findings", "number", "who_was_studied"]

WORDS, TAKEN_OUT, ALONE = "tokens", "tokens, covariates taken out", "covariates alone"
PLURALS = {"person": "people"}
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
        task: the label. found: does the interval of the tokens lie above chance and the score above shuffled labels?
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


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "clip"), counted(12, "person")
    ('1 clip', '12 people')
    """
    return f"{count} {noun if count == 1 else PLURALS.get(noun, noun + 's')}"


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
        said.append(f"{counted(len(bad), 'clip')} could not be read, such as {first.clip_id}: {first.reason}.")
    fit = tables("fit")
    if len(fit) and "covered" in fit:
        hidden, bare = int((fit["covered"] > 0.1).sum()), int((fit["neutral"] == "none").sum())
        if hidden:
            said.append(f"In {counted(hidden, 'clip')} something hides the face in more than a tenth of the frames.")
        if bare:
            said.append(
                f"Of {counted(bare, 'clip')} the face at rest could not be estimated: read the tokens with care."
            )
    return said


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
            shuffled = rows[(rows["control"] == "shuffled") & (rows["reading"] == WORDS)]
            found.append(_finding(task, readings, shuffled, known.loc[task]))
    return found


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


def _finding(task: str, readings: Mapping[str, pd.Series], shuffled: pd.DataFrame, plan: pd.Series) -> Finding:
    words = readings[WORDS]
    above = _above(words, shuffled)
    verdict = "better than by chance" if above else "not told apart from chance"
    said = [f"{verdict[0].upper()}{verdict[1:]}: {_score(words)}. {_meaning(words)}"]
    if ALONE in readings:
        said.append(f"Covariates alone: {_score(readings[ALONE])}.")
    if TAKEN_OUT in readings:
        left = readings[TAKEN_OUT]
        still = "stays above chance" if left["ci_low"] > left["constant"] else "is not told apart from chance"
        said.append(f"What covariates do not explain {still}: {_score(left)}.")
    if isinstance(words.get("warning"), str) and words["warning"]:
        said.append(f"Mind: {words['warning']}.")
    if words.get("codebook") == "own people":
        said.append("The codebook has seen faces of these people, though not their labels.")
    return Finding(task, above, (*said, could_show(plan)))


def _above(row: pd.Series, shuffled: pd.DataFrame) -> bool:
    control = shuffled["ci_high"].iloc[0] if len(shuffled) else row["constant"]
    return bool(row["ci_low"] > row["constant"] and row["mean"] > control)


def _score(row: pd.Series) -> str:
    metric = METRIC_WORDS.get(row["metric"], row["metric"])
    return (
        f"{metric} {number(row['mean'])}, 95 % interval {number(row['ci_low'])} to {number(row['ci_high'])}, "
        f"chance {number(row['constant'])}"
    )


def _meaning(row: pd.Series) -> str:
    """What the main score of a label is, in words."""
    if row["metric"] == "auc":
        share = f"{100 * row['mean']:.0f} of 100 pairs"
        return f"Of a person with the label and one without, the right one ranks higher in {share}."
    if row["metric"] == "balanced_accuracy":
        return f"Of each group, {100 * row['mean']:.0f} % of the people are recognised on average."
    if row["metric"] == "pcc":
        return "A correlation of 0 is no relation between what is predicted and what people have, 1 a perfect one."
    return "0 is chance, 1 is perfect."


def claims_that_hold(tables: RunTables) -> list[str]:
    """Sentences on the sample study that its own tables bear out."""
    claims = tables("claims")
    return [] if not len(claims) else claims[claims["verdict"] == "holds"]["sentence"].tolist()
