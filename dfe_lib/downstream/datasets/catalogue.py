"""Data sets of the field that the study reads, where to get them, and what is in a folder of one.

Nothing is downloaded and no data set is part of the project. `dfe datasets` lists them, `dfe datasets NAME` says where
to apply and what to put where, and `dfe datasets NAME FOLDER -o data/NAME` writes the table of clips that
`01_preprocess` (`media: [data/NAME/clips.csv]`) and `05_downstream` read.
"""

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...errors import UserError
from ...io.clip_table import KEY, check_clip_table, write_clip_table
from ...io.names import file_name
from ...io.tables import write_csv
from .depression import read_avec, read_d_vlog_folder, read_daic_woz_folder, read_e_daic_folder
from .folders import Found
from .personality import read_chalearn, read_udiva
from .seamless import read_seamless_folder
from .stress import read_stressid, read_swell, read_ubfc_phys

__all__ = [
    "DATASETS",
    "DataSet",
    "describe",
    "find_dataset",
    "list_datasets",
    "read_dataset",
    "summary",
    "write_dataset",
]

ALL = "tokens, psi, action units read from psi, masked autoencoders"
POINTS = "tokens, psi and action units through the fit of 68 landmarks; the detector's own action units"
UNITS = "the detector's action units alone"


@dataclass(frozen=True)
class DataSet:
    """A data set.

    Arguments:
        name: on the command line. title: what people call it.
        task: what its labels are.
        distributed: what one gets. representations: what can therefore be made of it.
        access: its terms, and where to apply.
        layout: where the files have to lie, line by line.
        source: the paper.
        read: finds clips and labels in a folder.
    """

    name: str
    title: str
    task: str
    distributed: str
    representations: str
    access: str
    layout: tuple[str, ...]
    source: str
    read: Callable[[Path], Found]


_ALL = (
    DataSet(
        "ubfc-phys", "UBFC-Phys", "stress (rest, speech, arithmetic)", "video, pulse, skin conductance", ALL,
        "free for research on request, from its authors' page and IEEE DataPort",
        ("s1/vid_s1_T1.avi", "s1/vid_s1_T2.avi", "s1/vid_s1_T3.avi", "s2/..."),
        "Meziati Sabour et al., IEEE Trans. Affective Computing 2021", read_ubfc_phys,
    ),
    DataSet(
        "stressid", "StressID", "stress (binary and in three classes)", "video, audio, ECG, EDA, respiration", ALL,
        "an agreement that your institution signs: project.inria.fr/stressid",
        ("labels.csv", "Videos/2ea4/2ea4_Breathing.mp4", "Videos/2ea4/2ea4_Counting1.mp4", "..."),
        "Chaptoukaev et al., NeurIPS 2023 Datasets and Benchmarks", read_stressid,
    ),
    DataSet(
        "swell", "SWELL-KW", "conditions of knowledge work; reported effort and stress",
        "FaceReader features a minute, posture, HRV, skin conductance", UNITS,
        "registration at DANS, doi:10.17026/dans-x55-69zp",
        ("B - Facial expressions features (FaceReaderAllData_final (NaN is 999))-sheet_1.csv",
         "labels.csv  (yours, of the questionnaires: PP, Condition and a column for each score)"),
        "Koldijk et al., ICMI 2014", read_swell,
    ),
    DataSet(
        "chalearn", "ChaLearn First Impressions V2", "Big Five as strangers see them, 0 to 1", "video", ALL,
        "registration at chalearnlap.cvc.uab.cat",
        ("annotation_training.pkl", "annotation_validation.pkl", "annotation_test.pkl", "train/-6otZ7M-Mro.003.mp4",
         "valid/...", "test/..."),
        "Ponce-Lopez et al., ECCV workshops 2016; Escalante et al. 2020", read_chalearn,
    ),
    DataSet(
        "udiva", "UDIVA v0.5", "Big Five as people see themselves, z-scores",
        "video of two people, audio, landmarks and gaze, transcripts", ALL,
        "an agreement that your institution signs: chalearnlap.cvc.uab.cat",
        ("train/metadata/metadata_train/parts_train.csv and sessions_train.csv",
         "train/recordings/talk_recordings_train/055125/FC1_T.mp4 and FC2_T.mp4", "val/...", "test/..."),
        "Palmero et al., WACV workshops 2021", read_udiva,
    ),
    DataSet(
        "seamless", "Seamless Interaction", "Big Five as people see themselves (BFI-2), 0 to 1",
        "video of each of two people, audio, transcripts, 24 action-unit values a frame",
        ALL + "; from the .npz files alone: the data set's own action-unit values",
        "CC BY-NC 4.0: facebookresearch/seamless_interaction, in parts",
        ("participants.csv", "improvised/train/.../V00_S0644_I00000129_P0799.mp4 and .npz", "naturalistic/dev/..."),
        "Seamless Interaction team, Meta, 2025", read_seamless_folder,
    ),
    DataSet(
        "daic-woz", "DAIC-WOZ", "depression (PHQ-8)", "68 landmarks, action units, gaze, pose, audio; no video", POINTS,
        "an agreement that your institution signs: dcapswoz.ict.usc.edu",
        ("train_split_Depression_AVEC2017.csv", "dev_split_Depression_AVEC2017.csv", "full_test_split.csv",
         "300_P/300_CLNF_features.txt", "300_P/300_CLNF_AUs.txt", "300_P/300_CLNF_pose.txt", "301_P/..."),
        "Gratch et al., LREC 2014; Valstar et al., AVEC 2016", read_daic_woz_folder,
    ),
    DataSet(
        "e-daic", "E-DAIC", "depression (PHQ-8)", "action units, gaze, pose, deep features, audio; no video", UNITS,
        "an agreement that your institution signs: dcapswoz.ict.usc.edu",
        ("train_split.csv", "dev_split.csv", "test_split.csv",
         "300_P/features/300_OpenFace2.1.0_Pose_gaze_AUs.csv", "301_P/..."),
        "Ringeval et al., AVEC 2019", read_e_daic_folder,
    ),
    DataSet(
        "d-vlog", "D-Vlog", "depression (vlogs of depressed people or not)", "68 landmarks a second, acoustic features",
        "tokens, psi and action units through the fit of 68 landmarks", "on request from its authors",
        ("labels.csv", "0/0_visual.npy", "1/1_visual.npy", "..."),
        "Yoon et al., AAAI 2022", read_d_vlog_folder,
    ),
    DataSet(
        "avec", "AVEC 2013 and AVEC 2014", "depression (BDI-II, 0 to 63)", "video with sound", ALL,
        "an agreement that your institution signs, from the organisers of AVEC",
        ("Training/Freeform/203_1_Freeform_video.mp4", "Training/DepressionLabels/203_1_Depression.csv",
         "Development/...", "Testing/..."),
        "Valstar et al., AVEC 2013 and 2014", read_avec,
    ),
)  # fmt: skip

DATASETS: dict[str, DataSet] = {each.name: each for each in _ALL}
"""The data sets by name."""


def find_dataset(name: str) -> DataSet:
    """The data set of a name. Raises UserError when there is none.

    >>> find_dataset("DAIC-WOZ").representations.split(",")[0]
    'tokens'
    """
    if name.lower() not in DATASETS:
        close = difflib.get_close_matches(name.lower(), DATASETS, 1)
        raise UserError(f"there is no data set {name!r}: use {' or '.join(close or DATASETS)}.")
    return DATASETS[name.lower()]


def list_datasets() -> str:
    """All data sets, for people."""
    facts = [
        f"{each.name}  {each.title}: {each.task}\n    distributed: {each.distributed}\n"
        f"    possible: {each.representations}\n    to get it: {each.access}"
        for each in DATASETS.values()
    ]
    return "\n".join([*facts, "A folder of your own clips needs none of these: see data/clips in the README."])


def describe(name: str) -> str:
    """Where to apply for a data set and what to put where."""
    found = find_dataset(name)
    lines = [f"{found.title} ({found.source})", f"  labels: {found.task}", f"  distributed: {found.distributed}",
             f"  possible here: {found.representations}", f"  to get it: {found.access}",
             "  The study downloads nothing. Put what you get into one folder, subfolders as you like them:",
             *(f"      {line}" for line in found.layout),
             f"  then: dfe datasets {found.name} FOLDER -o data/{found.name}"]  # fmt: skip
    return "\n".join(lines)


def read_dataset(name: str, folder: str | os.PathLike) -> Found:
    """What a folder holds of a data set, checked against what is known of the set.

    Raises:
        UserError: There is no such folder, or it differs.
    """
    data_set, folder = find_dataset(name), Path(folder).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"there is no folder {folder}: `dfe datasets {data_set.name}` says where to apply for {data_set.title} and "
            "what to put where."
        )
    found = data_set.read(folder)
    found.table = check_clip_table(found.table, data_set.title)
    return found


def summary(found: Found) -> str:
    """What was found, for people: people, clips, splits, labels, notes."""
    table = found.table
    lines = [f"{len(table)} clips of {table['subject_id'].nunique()} people"]
    if "split" in table:
        sizes = [f"{name or 'none'} {count}" for name, count in table["split"].value_counts(sort=False).items()]
        lines.append(f"  split: {', '.join(sizes)}")
    for column in table.columns.difference([*KEY, "path", "session", "split", "task"], sort=False):
        values = pd.to_numeric(table[column]).dropna()
        spread = f"{values.min():g} to {values.max():g}, mean {values.mean():.3g}" if len(values) else "nothing"
        lines.append(f"  {column}: {spread} ({len(values)} clips)")
    return "\n".join([*lines, *(f"  note: {note}" for note in found.notes)])


def write_dataset(found: Found, folder: str | os.PathLike) -> Path:
    """Writes `clips.csv`, and the files it names where the data set has many clips in one; returns the table's path."""
    folder = Path(folder)
    for name, rows in found.files.items():
        write_csv(folder / file_name(name, "file"), rows)
    write_clip_table(folder / "clips.csv", found.table)
    return folder / "clips.csv"
