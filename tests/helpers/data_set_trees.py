"""Small folders in the layouts of the data sets of the field, with invented contents."""

import pickle
from pathlib import Path

import numpy as np
from recorded_files import E_DAIC, face_68, openface_rows, write_table

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def ubfc_phys(folder: Path) -> None:
    for person in (1, 2, 10):
        for task in (1, 2, 3):
            touch(folder / f"s{person}" / f"vid_s{person}_T{task}.avi")
        text(folder / f"s{person}" / f"bvp_s{person}_T1.csv", "0.1")


def stressid(folder: Path) -> None:
    for person in ("2ea4", "x1y2"):
        for task in ("Breathing", "Counting1", "Reading"):
            touch(folder / "Videos" / person / f"{person}_{task}.mp4")
    text(folder / "labels.csv", "subject/task,binary-stress,affect3-class", "2ea4_Breathing,0,0", "2ea4_Counting1,1,2",
         "x1y2_Breathing,0,1", "x1y2_Counting1,1,2", "x1y2_Reading,,")  # fmt: skip


def swell(folder: Path, labels: bool = True) -> None:
    name = "B - Facial expressions features (FaceReaderAllData_final (NaN is 999))-sheet_1.csv"
    rows = [f"PP{person},{block},{condition},{minute},0.5,{999 if minute == 1 else 0.2},0.1"
            for person in (1, 2) for block, condition in ((1, "N"), (2, "T")) for minute in range(3)]  # fmt: skip
    text(
        folder / "per sensor" / name,
        "PP,Blok,Condition,minute,SAu01_InnerBrowRaiser,SAu12_LipCornerPull,Svalence",
        *rows,
    )
    if labels:
        text(folder / "labels.csv", "PP,Condition,stress", "PP1,N,2", "PP1,T,7.5", "PP2,N,1", "PP2,T,4")


def chalearn(folder: Path) -> None:
    """Person `aaaaaaaaaaa` is in the training and in the test split."""
    clips = {"training": ["aaaaaaaaaaa.000", "-bbbb_bbbbb.001"], "validation": ["ccccccccccc.000"],
             "test": ["aaaaaaaaaaa.005"]}  # fmt: skip
    for k, (split, names) in enumerate(clips.items()):
        found = {trait: {f"{name}.mp4": 0.1 * (k + i + 1) for name in names} for i, trait in enumerate(TRAITS)}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"annotation_{split}.pkl").write_bytes(
            pickle.dumps(found | {"interview": found["openness"]}, protocol=2)
        )
        for name in names:
            touch(folder / split / f"{name}.mp4")


def udiva(folder: Path) -> None:
    scores = ",".join(f"{name}_Z" for name in ("OPENMINDEDNESS", "CONSCIENTIOUSNESS", "EXTRAVERSION", "AGREEABLENESS",
                                               "NEGATIVEEMOTIONALITY"))  # fmt: skip
    for split, session, people in (("train", "001002", (1, 2)), ("val", "003004", (3, 4)), ("test", "003005", (3, 5))):
        metadata = folder / split / "metadata" / f"metadata_{split}"
        rows = [f"{person},M,30,{person / 10},0,-1.5,1,2" for person in people]
        parts = "parts_test_unmasked.csv" if split == "test" else f"parts_{split}.csv"
        text(metadata / parts, f"ID,GENDER,AGE,{scores}", *rows)
        text(
            metadata / f"sessions_{split}.csv",
            "ID,PART.1,PART.2,LANGUAGE",
            f"{int(session)},{people[0]:03},{people[1]:03},es",
        )
        for task, letter in (("talk", "T"), ("animals", "A")):
            for camera in (1, 2):
                touch(
                    folder / split / "recordings" / f"{task}_recordings_{split}" / session / f"FC{camera}_{letter}.mp4"
                )
    text(folder / "test" / "metadata" / "metadata_test" / "parts_test.csv", "ID,GENDER,AGE", "3,M,30", "5,M,30")


def daic_woz(folder: Path, test: bool = True) -> None:
    for person in (300, 301, 373, 409):
        session = folder / f"{person}_P"
        session.mkdir(parents=True)
        key = np.c_[np.arange(3) + 1, np.arange(3) / 30, np.full(3, 0.9), np.ones(3)]
        names = [f"x{i}" for i in range(68)] + [f"y{i}" for i in range(68)]
        points = face_68(3).transpose(0, 2, 1).reshape(3, -1)
        write_table(session / f"{person}_CLNF_features.txt", ["frame", "timestamp", "confidence", "success", *names],
                    np.c_[key, points])  # fmt: skip
        units = ["AU12_r", "AU04_c"]
        write_table(session / f"{person}_CLNF_AUs.txt", ["frame", "timestamp", "confidence", "success", *units],
                    np.c_[key, np.ones((3, 2))])  # fmt: skip
    text(folder / "train_split_Depression_AVEC2017.csv", "Participant_ID,PHQ8_Binary,PHQ8_Score,Gender,PHQ8_Sleep",
         "300,0,2,1,0", "409,0,10,0,1")  # fmt: skip
    text(folder / "dev_split_Depression_AVEC2017.csv", "Participant_ID,PHQ8_Binary,PHQ8_Score,Gender", "373,1,14,0")
    text(folder / "test_split_Depression_AVEC2017.csv", "participant_ID,Gender", "301,1")
    if test:
        text(folder / "full_test_split.csv", "Participant_ID,PHQ_Binary,PHQ_Score,Gender", "301,1,20,1", "302,0,0,0")


def e_daic(folder: Path) -> None:
    for person, name in ((300, "Pose_gaze_AUs"), (301, "Pose_Gaze_AUs"), (600, "Pose_gaze_AUs")):
        path = folder / f"{person}_P" / "features" / f"{person}_OpenFace2.1.0_{name}.csv"
        path.parent.mkdir(parents=True)
        write_table(path, E_DAIC, openface_rows(E_DAIC, 4))
    columns = "Participant_ID,Gender,PHQ_Binary,PHQ_Score,PCL-C (PTSD),PTSD Severity"
    for split, row in (
        ("train", "300,male,0,3,0,20"),
        ("dev", "301,female,1,12,1,50"),
        ("test", "600,female,0,1,0,18"),
    ):
        text(folder / "labels" / f"{split}_split.csv", columns, row)


def d_vlog(folder: Path) -> None:
    for name in ("0", "1", "2"):
        (folder / name).mkdir(parents=True)
        np.save(folder / name / f"{name}_visual.npy", face_68(5).reshape(5, 136).astype("f4"))
        np.save(folder / name / f"{name}_acoustic.npy", np.zeros((5, 25), "f4"))
    text(folder / "labels.csv", ",label,duration,gender,fold", "0,depression,300.5,f,train", "1,normal,200,m,valid",
         "2,normal,100,f,test")  # fmt: skip


def avec(folder: Path) -> None:
    """Person 203 has a session in training and another in testing."""
    recordings = {"Training": ("203_1", "204_1"), "Development": ("205_1",), "Testing": ("203_2",)}
    for split, names in recordings.items():
        for name in names:
            for task in ("Freeform", "Northwind"):
                touch(folder / split / task / f"{name}_{task}_video.mp4")
            text(folder / "DepressionLabels" / f"{name}_Depression.csv", "17")


def seamless(folder: Path, personality: bool = True) -> None:
    """Person 3 is in a session of training and in one of testing; session 5 is in training and in development."""
    clips = {
        "improvised/train/0000/0001": ("V00_S0001_I00000129_P0001A", "V00_S0001_I00000129_P0002"),
        "naturalistic/train/0000/0002": ("V00_S0002_I00000200_P0003", "V00_S0005_I00000201_P0004"),
        "naturalistic/dev/0000/0003": ("V00_S0005_I00000300_P0005",),
        "naturalistic/test/0000/0004": ("V01_S0004_I00000400_P0003", "V01_S0004_I00000400_P0006"),
    }
    for place, names in clips.items():
        for name in names:
            touch(folder / place / f"{name}.mp4")
            np.savez(folder / place / f"{name}.npz", **{"movement:FAUValue": np.ones((3, 24), "f4")})
            text(folder / place / f"{name}.json", '{"id": 1}')
    (folder / "naturalistic/test/0000/0004/V01_S0004_I00000400_P0006.mp4").unlink()
    if personality:
        columns = ["Extraversion", "Agreeableness", "Conscientiousness", "NegativeEmotionality", "OpenMindedness"]
        text(
            folder / "participants.csv",
            ",".join(["participant_id", "age", *(f"BFI2_{name}" for name in columns)]),
            *(f"P{i:04},30,{1 + i / 2},2,3,4,5" for i in range(1, 6)),
        )
