"""Adapters of the depression data sets: DAIC-WOZ, E-DAIC, D-Vlog, AVEC 2013 and 2014."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import UserError
from ...tracking.formats.d_vlog import is_d_vlog
from ...tracking.formats.daic_woz import is_daic_woz
from .folders import (
    VIDEO,
    Found,
    check_range,
    find_labels,
    matching_files,
    one_file,
    read_labels,
    renamed,
    split_of,
    without_shared_people,
)

__all__ = ["read_avec", "read_d_vlog_folder", "read_daic_woz_folder", "read_e_daic_folder"]

PHQ = {
    "subject_id": ("Participant_ID",),
    "?depressed": ("PHQ8_Binary", "PHQ_Binary"),
    "?phq8": ("PHQ8_Score", "PHQ_Score"),
    "?gender": ("Gender",),
}
"""Columns of the label files, which differ between the releases (`PHQ8_`, `PHQ_`, `participant_ID`)."""
GENDERS = {"f": 1, "m": 0}
"""An empty cell is not known, and neither is another word."""
DAIC_FIRST, DAIC_LAST = 300, 492
DAIC_ABSENT = (342, 394, 398, 460)
DAIC_INTERRUPTED = (373, 444)
DAIC_NO_INTERVIEWER = (451, 458, 480)
DAIC_CUT = 402
E_DAIC_AI = 600
"""From this number on, the interviewer of E-DAIC is a machine by itself."""
BDI_MAX = 63
TASKS = {"freeform": "Freeform", "northwind": "Northwind"}


def read_daic_woz_folder(folder: Path) -> Found:
    """Sessions `<id>_P/<id>_CLNF_*.txt` and the labels of the AVEC 2017 splits.

    Raises:
        UserError: No session, no labels, or numbers that DAIC-WOZ does not have.
    """
    files = matching_files(folder, r"(\d+)_CLNF_(features|AUs)\.txt", "session such as 300_P/300_CLNF_features.txt")
    paths = {match[1]: path for match, path in files.items() if is_daic_woz(path)}
    odd = [name for name in paths if not DAIC_FIRST <= int(name) <= DAIC_LAST or int(name) in DAIC_ABSENT]
    if odd:
        raise UserError(f"{folder} holds a session {odd[0]}, which DAIC-WOZ does not have: is it another data set?")
    splits = {"train": r"train_split_.*\.csv", "dev": r"dev_split_.*\.csv", "test": r"full_test_split.*\.csv"}
    labels = _phq_labels(folder, splits)
    notes: list[str] = []
    if "test" not in set(labels["split"]):
        notes.append("full_test_split.csv is missing: the test sessions have no labels, and dev is tested on")
    table = _joined(paths, labels, notes)
    numbers = table["subject_id"].astype(int)
    table["interrupted"] = numbers.isin(DAIC_INTERRUPTED).astype(int)
    if table["interrupted"].any():
        notes.append("sessions 373 and 444 were interrupted (column interrupted)")
    if (numbers == DAIC_CUT).any():
        notes.append("the video of session 402 ends two minutes early")
    if numbers.isin(DAIC_NO_INTERVIEWER).any():
        notes.append("sessions 451, 458 and 480 have no transcript of the interviewer")
    return Found(table, notes)


def read_e_daic_folder(folder: Path) -> Found:
    """Sessions `<id>_P/features/<id>_OpenFace2.1.0_Pose_gaze_AUs.csv` and `train_split.csv`, `dev_split.csv`, ...

    Raises:
        UserError: No session, or no labels.
    """
    pattern = r"(\d+)_OpenFace2\.1\.0_Pose_gaze_AUs\.csv"
    files = matching_files(folder, pattern, "session such as 300_P/features/300_OpenFace2.1.0_Pose_gaze_AUs.csv")
    splits = {name: rf"{name}_split\.csv" for name in ("train", "dev", "test")}
    notes = ["no landmarks and no video are distributed: action units alone, no tokens"]
    table = _joined({match[1]: path for match, path in files.items()}, _phq_labels(folder, splits), notes)
    table["ai_interviewer"] = (table["subject_id"].astype(int) >= E_DAIC_AI).astype(int)
    if set(table.loc[table["ai_interviewer"] == 1, "split"]) == {"test"}:
        notes.append("the test people, and they alone, talked to a machine: test scores mix people with that change")
    return Found(table, notes)


def read_d_vlog_folder(folder: Path) -> Found:
    """Vlogs `<id>/<id>_visual.npy` and `labels.csv` (label, duration, gender, fold).

    Raises:
        UserError: No vlog, no labels, or words in the labels that D-Vlog does not use.
    """
    files = matching_files(folder, r"(.+)_visual\.npy", "vlog such as 0/0_visual.npy")
    wrong = [path for path in files.values() if not is_d_vlog(path)]
    if wrong:
        raise UserError(f"{wrong[0]} has another shape than (seconds, 136): is it of D-Vlog?")
    path = find_labels(folder, r"labels\.csv", "labels.csv")
    labels = read_labels(path, ("", "index", "video_id"))  # words: one empty cell would make 0.0 of each 0
    labels = labels.rename(columns={labels.columns[0]: "index"})  # the first column has no name in one release
    names = {"index": ("index", "video_id"), "label": ("label",), "split": ("fold",), "gender": ("gender",)}
    labels = renamed(labels, names | {"?duration_s": ("duration",)}, path).dropna(subset=["index"])
    labels["index"] = labels["index"].astype(str)
    _check_words(labels["label"], ("depression", "normal"), path)
    _check_words(labels["gender"], ("f", "m"), path)
    labels["depressed"] = (labels.pop("label") == "depression").astype(int)
    labels["gender"] = labels["gender"].map(GENDERS)
    notes = ["the files do not say who is in a vlog: each counts as a person, and somebody may be in several",
             "about one row a second: no blinks, no course of an expression"]  # fmt: skip
    labels = labels.rename(columns={"index": "subject_id"})
    table = _joined({match[1]: path for match, path in files.items()}, labels, notes)
    return Found(table.assign(talking=1), notes)


def read_avec(folder: Path) -> Found:
    """Recordings `<split>/.../<person>_<session>_<task>_video.mp4` and `<person>_<session>_Depression.csv`.

    AVEC 2013 has recordings of several tasks in one, without a task in their names.

    Raises:
        UserError: No recording, no labels, or a label that is no BDI-II.
    """
    pattern = rf"(\d+)_(\d+)(?:_(Freeform|Northwind))?.*{VIDEO}"
    files = matching_files(folder, pattern, "recording such as 203_1_Freeform_video.mp4")
    labels = {}
    for match, path in matching_files(folder, r"(\d+_\d+)_Depression\.csv", "label 203_1_Depression.csv").items():
        labels[match[1]] = _one_number(path)
        check_range(pd.Series([labels[match[1]]]), 0, BDI_MAX, "a BDI-II", path)
    rows = [
        {"clip_id": path.stem, "path": str(path.absolute()), "subject_id": match[1], "session": match[2],
         "task": TASKS.get((match[3] or "").lower(), ""), "split": split_of(path, folder), "talking": 1,
         "bdi": labels.get(f"{match[1]}_{match[2]}", np.nan)}
        for match, path in files.items()
    ]  # fmt: skip
    table, notes = pd.DataFrame(rows), []
    if table["bdi"].isna().any():
        notes.append(f"{int(table['bdi'].isna().sum())} recordings have no label file")
    return Found(without_shared_people(table, notes), notes)


def _phq_labels(folder: Path, patterns: dict[str, str]) -> pd.DataFrame:
    """The label files of the splits under each other; a split without a file is left out."""
    tables = {}
    for split, pattern in patterns.items():
        path = one_file(folder, pattern, f"the labels of the {split} split")
        if path is not None and len(table := _phq_table(path)):
            tables[split] = table.assign(split=split)
    if "train" not in tables:
        raise UserError(f"{folder} has no labels of the train split ({patterns['train']}): put the file there.")
    return pd.concat(tables.values(), ignore_index=True)


def _phq_table(path: Path) -> pd.DataFrame:
    """The labels of one file by participant; what stands there without a participant is nobody's."""
    table = renamed(read_labels(path), PHQ, path).dropna(subset=["subject_id"])
    for name, high in (("phq8", 24), ("depressed", 1), ("gender", 1)):
        if name in table and pd.api.types.is_numeric_dtype(table[name]):
            check_range(table[name], 0, high, name, path)
    if "gender" in table and not pd.api.types.is_numeric_dtype(table["gender"]):
        table["gender"] = table["gender"].str.lower().str[0].map(GENDERS)
    numbers = pd.to_numeric(table["subject_id"], errors="coerce")
    odd = table["subject_id"][numbers % 1 != 0]  # of what is no number, too
    if len(odd):
        raise UserError(f"{path} has a participant {odd.iloc[0]}, and only whole numbers are known here.")
    return table.assign(subject_id=numbers.astype(int).astype(str))


def _joined(paths: dict[str, Path], labels: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """A row for each recording that is there, with its labels; what is missing on either side goes to the notes."""
    table = pd.DataFrame({"clip_id": list(paths), "path": [str(path.absolute()) for path in paths.values()]})
    table["clip_id"] = table["clip_id"].map(lambda name: re.sub(r"[^\w.-]+", "_", name))
    table = table.assign(subject_id=list(paths)).merge(labels, on="subject_id", how="left")
    table["split"] = table["split"].fillna("")
    unlabelled = sorted(set(paths) - set(labels["subject_id"]))
    absent = sorted(set(labels["subject_id"]) - set(paths))
    notes += [f"{len(unlabelled)} recordings have no label, such as {name}" for name in unlabelled[:1]]
    notes += [f"{len(absent)} labelled recordings are not there, such as {name}" for name in absent[:1]]
    if {"phq8", "depressed"} <= set(table):
        known = table[table["phq8"].notna() & table["depressed"].notna()]
        odd = known[(known["phq8"] >= 10) != (known["depressed"] == 1)]
        if len(odd):
            notes.append(f"the binary label of {odd['subject_id'].iloc[0]} is not that of a PHQ-8 of 10 and more")
    return table


def _check_words(values: pd.Series, known: tuple[str, ...], path: Path) -> None:
    odd = sorted(set(values.dropna().astype(str)) - set(known))
    if odd:
        raise UserError(
            f"{path} says {odd[0]!r} in the column {values.name}, and only {' and '.join(known)} are known."
        )


def _one_number(path: Path) -> float:
    words = path.read_text(encoding="utf-8-sig").split()
    try:
        (value,) = (float(word) for word in words)
    except ValueError:
        raise UserError(f"{path} should hold one number, the BDI-II, and holds {' '.join(words)[:40]!r}.") from None
    return value
