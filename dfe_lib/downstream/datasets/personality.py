"""Adapters of the personality data sets: ChaLearn First Impressions V2, UDIVA v0.5."""

import json
from pathlib import Path

import pandas as pd

from ...errors import UserError
from ...io.safe_arrays import read_array_pickle
from ..tasks import BIG_FIVE
from .folders import (
    VIDEO,
    Found,
    check_range,
    matching_files,
    one_file,
    read_labels,
    renamed,
    without_shared_people,
)

__all__ = ["read_chalearn", "read_udiva"]

CHALEARN_FILES = {"train": "annotation_training", "dev": "annotation_validation", "test": "annotation_test"}
CHALEARN_CLIPS = {"train": 6000, "dev": 2000, "test": 2000}
UDIVA_SPLITS = {"train": "train", "val": "dev", "valid": "dev", "test": "test"}
UDIVA_TASKS = {"A": "animals", "G": "ghost", "L": "lego", "T": "talk"}
UDIVA_LABELS = {
    "openness_z": ("OPENMINDEDNESS_Z",),
    "conscientiousness_z": ("CONSCIENTIOUSNESS_Z",),
    "extraversion_z": ("EXTRAVERSION_Z",),
    "agreeableness_z": ("AGREEABLENESS_Z",),
    "neuroticism_z": ("NEGATIVEEMOTIONALITY_Z",),
}


def read_chalearn(folder: Path) -> Found:
    """Clips `<video>.<number>.mp4` and `annotation_{training,validation,test}.pkl` (or the same as JSON).

    The pickles are read without running anything that is in them.

    Raises:
        UserError: No clip, no labels, or labels of another kind.
    """
    files = matching_files(folder, rf"(.+)\.(\d{{3}}){VIDEO}", "clip such as -6otZ7M-Mro.003.mp4")
    notes = ["labels are what strangers think of people in 15 seconds, with known biases by sex, age and looks",
             "people are identified by the video a clip is from; somebody with several counts as several"]  # fmt: skip
    labels = _chalearn_labels(folder, notes)
    rows = [
        {"clip_id": path.stem, "path": str(path.absolute()), "subject_id": match[1], "session": match[2], "talking": 1}
        for match, path in files.items()
    ]
    table = pd.DataFrame(rows).merge(labels, on="clip_id", how="left")
    table["split"] = table["split"].fillna("")
    unlabelled = int((table["split"] == "").sum())
    notes += [f"{unlabelled} clips have no label"] * bool(unlabelled)
    return Found(without_shared_people(table, notes), notes)


def _chalearn_labels(folder: Path, notes: list[str]) -> pd.DataFrame:
    tables = []
    for split, name in CHALEARN_FILES.items():
        path = one_file(folder, rf"{name}\.(pkl|json)", f"{name}.pkl")
        if path is not None:
            tables.append(_traits(path).assign(split=split))
            if len(tables[-1]) != CHALEARN_CLIPS[split]:
                notes.append(f"{path.name} has {len(tables[-1])} clips, and not {CHALEARN_CLIPS[split]}")
    if not tables:
        raise UserError(f"{folder} has no annotation_training.pkl: unpack the annotations there.")
    return pd.concat(tables, ignore_index=True)


def _traits(path: Path) -> pd.DataFrame:
    found = json.loads(path.read_text()) if path.suffix == ".json" else read_array_pickle(path)
    missing = [trait for trait in BIG_FIVE if not isinstance(found.get(trait), dict)]
    if missing:
        raise UserError(f"{path} has no {missing[0]} of each clip: is it the annotation of First Impressions V2?")
    wanted = [name for name in (*BIG_FIVE, "interview") if isinstance(found.get(name), dict)]
    table = pd.DataFrame({name: pd.Series(found[name], dtype=float) for name in wanted})
    for name in wanted:
        check_range(table[name], 0, 1, name, path)
    return table.rename_axis("clip_id").reset_index().assign(clip_id=lambda rows: rows["clip_id"].str[: -len(".mp4")])


def read_udiva(folder: Path) -> Found:
    """Videos `<split>/recordings/<task>_recordings_<split>/<session>/FC<1|2>_<A|G|L|T>.mp4`, and the metadata.

    `sessions_<split>.csv` says who sat before which camera, `parts_<split>.csv` the z-scores of the Big Five.

    Raises:
        UserError: No video, no metadata, or a session that the metadata do not have.
    """
    sessions, parts = _udiva_tables(folder, "sessions"), _udiva_tables(folder, "parts")
    rows = []
    for match, path in matching_files(folder, rf"FC([12])_([AGLT]){VIDEO}", "video such as FC1_A.mp4").items():
        session = path.parent.name
        if session not in sessions.index:
            raise UserError(f"{path} is of session {session}, which sessions_*.csv do not have: take all of them.")
        rows.append({"clip_id": f"{session}_{path.stem}", "path": str(path.absolute()), "session": session,
                     "subject_id": sessions.loc[session, f"part_{match[1]}"], "task": UDIVA_TASKS[match[2].upper()],
                     "split": sessions.loc[session, "split"]})  # fmt: skip
    table = pd.DataFrame(rows).merge(parts.drop(columns="split"), left_on="subject_id", right_index=True, how="left")
    notes = ["two people talk in turns: the files do not say who talks when",
             "that camera FC1 shows PART.1 is assumed",
             "the traits are z-scores of what people say of themselves"]  # fmt: skip
    unknown = int(table["extraversion_z"].isna().sum())
    notes += [f"{unknown} videos are of people without scores (masked metadata)"] * bool(unknown)
    return Found(without_shared_people(table, notes), notes)


def _udiva_tables(folder: Path, kind: str) -> pd.DataFrame:
    """The metadata of every split, by session or person; unmasked files before masked ones."""
    columns: dict = {"id": ("ID",)}
    columns |= {"part_1": ("PART.1",), "part_2": ("PART.2",)} if kind == "sessions" else UDIVA_LABELS
    tables = []
    for word, split in UDIVA_SPLITS.items():
        whole = one_file(folder, rf"{kind}_{word}_unmasked\.csv", f"{kind}_{word}_unmasked.csv")
        path = whole or one_file(folder, rf"{kind}_{word}\.csv", f"{kind}_{word}.csv")
        if path is not None:
            known = columns if kind == "sessions" or whole or word == "train" else {
                f"?{name}" if name != "id" else name: names for name, names in columns.items()
            }  # fmt: skip
            table = renamed(read_labels(path, ("ID", "PART.1", "PART.2")), known, path)
            tables.append(table.assign(split=split))
    if not tables:
        raise UserError(f"{folder} has no {kind}_train.csv: unpack the metadata there.")
    table = pd.concat(tables, ignore_index=True)
    if kind == "sessions":
        table["id"] = table["id"].str.zfill(6)  # as the folders are called
    for name in ("part_1", "part_2") if kind == "sessions" else ("id",):
        table[name] = table[name].str.lstrip("0")
    return table.groupby("id").first()  # a person in several splits has the same scores in each
