"""Adapters of the stress data sets: UBFC-Phys, StressID, SWELL-KW."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ...action_units import OPENFACE_INTENSITY
from ...errors import UserError
from ...tracking.formats.openface import KEY
from .folders import VIDEO, Found, check_range, find_labels, matching_files, one_file, read_labels, renamed

__all__ = ["read_stressid", "read_swell", "read_ubfc_phys"]

UBFC_PEOPLE = 56
UBFC_TASKS = {"1": ("rest", 0), "2": ("speech", 1), "3": ("arithmetic", 1)}
"""Of each recording, the task, and whether it is one of stress; the person talks in the same ones."""
STRESSID_TALKING = ("Counting1", "Counting2", "Counting3", "Stroop", "Speaking", "Math", "Reading")
STRESSID_SILENT = ("Breathing", "Video1", "Video2", "Relax")
SWELL_PEOPLE = 25
SWELL_CONDITIONS = {"N": "neutral", "I": "interruptions", "T": "time pressure", "R": "relaxation"}
SWELL_MISSING = 999
SWELL_PERSON = ("PP", "participant")
"""Words: one empty cell would make 10 of the number 1.0."""
SWELL_UNIT = r"S?AU_?0?(\d{1,2})(?:\D.*)?"
"""Names of FaceReader's action units, such as SAu12_LipCornerPull."""
MINUTE_S = 60.0


def read_ubfc_phys(folder: Path) -> Found:
    """Videos `s<i>/vid_s<i>_T<k>.avi`: rest, speech, arithmetic.

    Raises:
        UserError: No video, or a person or task that UBFC-Phys does not have.
    """
    rows = []
    for match, path in matching_files(folder, rf"vid_s(\d+)_T(\d+){VIDEO}", "video such as s1/vid_s1_T1.avi").items():
        if match[2] not in UBFC_TASKS or not 1 <= int(match[1]) <= UBFC_PEOPLE:
            raise UserError(f"{path} is of a person or task that UBFC-Phys does not have: 56 people, T1 to T3.")
        task, stress = UBFC_TASKS[match[2]]
        rows.append({"clip_id": path.stem, "path": str(path.absolute()), "subject_id": f"s{match[1]}", "task": task,
                     "stress": stress, "talking": stress})  # fmt: skip
    notes = [
        "stress is the task, not what people said of themselves; the self-reported anxiety is not read",
        "people talk in both tasks of stress and not at rest: talking alone predicts the label",
        "there is no official split",
    ]
    return Found(pd.DataFrame(rows), notes)


def read_stressid(folder: Path) -> Found:
    """Videos `<id>/<id>_<Task>.mp4` and `labels.csv` (subject/task, binary-stress, affect3-class).

    Raises:
        UserError: No video, no labels, or a task or label that StressID does not have.
    """
    files = matching_files(folder, rf"([a-z0-9]{{4}})_([A-Za-z]+\d?){VIDEO}", "video such as 2ea4/2ea4_Reading.mp4")
    labels = _stressid_labels(find_labels(folder, r"labels\.csv", "labels.csv"))
    rows = []
    for match, path in files.items():
        if match[2] not in STRESSID_TALKING + STRESSID_SILENT:
            raise UserError(f"{path} is of a task {match[2]}, which StressID does not have: is it another data set?")
        talking = int(match[2] in STRESSID_TALKING)
        rows.append({"clip_id": path.stem, "path": str(path.absolute()), "subject_id": match[1], "task": match[2],
                     "talking": talking})  # fmt: skip
    table = pd.DataFrame(rows).merge(labels, on="clip_id", how="left")
    notes = [
        "a random split, as in the published baseline, trains and tests on the same people: here people are kept apart",
        "most tasks of stress are spoken: look at the talking-only rows (that answers in Stroop are spoken is assumed)",
    ]
    unknown = int(table["stress"].isna().sum())
    notes += [f"{unknown} videos have no label and are left out of the tasks"] * bool(unknown)
    return Found(table, notes)


def _stressid_labels(path: Path) -> pd.DataFrame:
    labels = read_labels(path)
    names = {"clip_id": ("subject/task",), "stress": ("binary-stress",), "?affect": ("affect3-class",)}
    labels = renamed(labels, names, path).dropna(subset=["clip_id"])
    check_range(labels["stress"], 0, 1, "binary-stress", path)
    if "affect" in labels:
        check_range(labels["affect"], 0, 2, "affect3-class", path)
    return labels


def read_swell(folder: Path) -> Found:
    """FaceReader's features a minute, cut into one file a person and block, and the questionnaires if they are there.

    Reads the feature data set's `B - Facial expressions features ... .csv` (999 is missing), and `labels.csv` with the
    columns PP, Condition (or Blok) and scores, which you make of the questionnaires, whose file is not known here.

    Raises:
        UserError: No such file, another scale, or conditions that SWELL-KW does not have.
    """
    path = find_labels(folder, r"B - Facial expressions? features.*\.csv", "'B - Facial expressions features ... .csv'")
    table = read_labels(path, SWELL_PERSON).replace(SWELL_MISSING, np.nan)
    names = {"person": SWELL_PERSON, "block": ("Blok", "Block", "C"), "condition": ("Condition",)}
    key = renamed(table, names, path)
    odd = sorted(set(key["condition"].dropna().astype(str)) - set(SWELL_CONDITIONS))
    if odd or key["person"].nunique() > SWELL_PEOPLE:
        raise UserError(f"{path} has other people or conditions than SWELL-KW (25; N, I, T, R): {', '.join(odd)}.")
    units = _units(table, path)
    rows, files = [], {}
    for (person, block, condition), part in units.groupby([key["person"], key["block"], key["condition"]], sort=True):
        subject = re.sub(r"\D", "", str(person)) or str(person)
        clip_id = f"pp{subject}_{condition}_block{block}"
        files[f"{clip_id}.csv"] = _minutes(part)
        rows.append({"clip_id": clip_id, "path": f"{clip_id}.csv", "subject_id": f"pp{subject}", "session": str(block),
                     "task": SWELL_CONDITIONS[condition], "talking": 0, "condition": condition,
                     "time_pressure": int(condition == "T"), "interruptions": int(condition == "I")})  # fmt: skip
    notes = [
        "the condition is no label of stress: what people reported did not differ between the conditions",
        "one row a minute of action units, and no picture: no tokens, no course of an expression",
    ]
    return Found(_with_scores(pd.DataFrame(rows), folder, notes), notes, files)


def _units(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """FaceReader's action units that OpenFace has as well, on OpenFace's scale from 0 to 5."""
    found = {}
    for name in table.columns:
        match = re.fullmatch(SWELL_UNIT, str(name), re.IGNORECASE)
        unit = f"AU{int(match[1]):02d}" if match else ""
        if unit in OPENFACE_INTENSITY:
            check_range(table[name], 0, 1, str(name), path)
            found[f"{unit}_r"] = 5 * table[name]
    if not found:
        raise UserError(f"{path} has no columns of action units that are known here, such as SAu12_LipCornerPull.")
    return pd.DataFrame(found)


def _minutes(units: pd.DataFrame) -> pd.DataFrame:
    """Rows in OpenFace's layout; a minute with a missing value is one without a face."""
    n, whole = len(units), units.notna().all(axis=1).to_numpy()
    key = (np.arange(n) + 1, np.arange(n) * MINUTE_S, whole.astype(float), whole.astype(int))
    return pd.concat([pd.DataFrame(dict(zip(KEY, key, strict=True))), units.fillna(0).reset_index(drop=True)], axis=1)


def _with_scores(table: pd.DataFrame, folder: Path, notes: list[str]) -> pd.DataFrame:
    path = one_file(folder, r"labels\.csv", "labels.csv")
    if path is None:
        notes.append("labels.csv is not there: the conditions are the only labels")
        return table.drop(columns="condition")
    scores = read_labels(path, SWELL_PERSON)
    key = renamed(scores, {"subject_id": ("PP",), "condition": ("Condition",)}, path)
    key["subject_id"] = "pp" + key["subject_id"].astype(str).str.replace(r"\D", "", regex=True)
    values = scores.drop(columns=[name for name in scores if name.casefold() in ("pp", "condition")])
    scores = pd.concat([key, values], axis=1)
    return table.merge(scores, on=["subject_id", "condition"], how="left").drop(columns="condition")
