"""OpenFace 2 CSV files (Baltrusaitis et al. 2018), whole or cut down to pose, gaze and action units as in E-DAIC."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...action_units import OPENFACE_INTENSITY, OPENFACE_OCCURRENCE
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .recording import ReadSettings, Recording, Report, Rows, recording

__all__ = [
    "KEY",
    "PARTS",
    "columns_of",
    "is_openface",
    "read_openface",
    "rotation_matrices",
    "table_lists",
    "table_rows",
    "to_head_axes",
]

N_POINTS = 68
KEY = ("frame", "timestamp", "confidence", "success")
POSE = ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
GAZE = ("gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z")
FLIP = np.array([1.0, -1.0, -1.0])
"""OpenFace's axes run right, down and away from the camera; the tables' right, up and to the camera."""

PARTS: dict[str, tuple[str, ...]] = {
    "landmarks": tuple(f"{axis}_{i}" for i in range(N_POINTS) for axis in "xy"),
    "landmarks_mm": tuple(f"{axis}_{i}" for i in range(N_POINTS) for axis in "XYZ"),
    "pose": POSE,
    "gaze": GAZE,
    "au_intensity": tuple(f"{name}_r" for name in OPENFACE_INTENSITY),
    "au_occurrence": tuple(f"{name}_c" for name in OPENFACE_OCCURRENCE),
}
"""The file's columns behind each column of the frames table, in the order of the table's values."""
LACKING = {
    "landmarks": "68 landmarks in the picture (run OpenFace with -2Dfp): no expressions can be fitted",
    "landmarks_mm": "68 landmarks in mm (-3Dfp)",
    "pose": "head pose (-pose)",
    "gaze": "gaze (-gaze)",
    "au_intensity": "intensities of action units (-aus)",
    "au_occurrence": "occurrences of action units (-aus)",
}


def is_openface(names: Sequence[str]) -> bool:
    """Do these columns belong to an OpenFace file?"""
    return set(KEY) <= set(names) and any(set(part) & set(names) for part in PARTS.values())


def read_openface(path: Path, settings: ReadSettings) -> Recording:
    """Rows of an OpenFace file; what it was cut down to decides what it is good for, and the report says so.

    Frames count from 0 (OpenFace counts from 1).

    Raises UserError when a part, such as the landmarks, is there in part only.
    """
    layout = text_layout(path)
    layout.require(KEY, path)
    parts = {name: columns_of(name, columns, layout, path) for name, columns in PARTS.items()}
    parts = {name: columns for name, columns in parts.items() if columns}
    if not parts:
        raise UserError(f"{path} has no column that OpenFace measures: run OpenFace with -2Dfp and -aus.")
    report = Report(lacks=[text for name, text in LACKING.items() if name not in parts])
    rows = _rows(path, layout, parts, settings, report)
    return recording(path, "OpenFace 2", table_lists(parts), rows, settings, report)


def columns_of(part: str, columns: tuple[str, ...], layout: TextLayout, path: Path) -> tuple[str, ...]:
    """The columns of a part: all of them, of the action units those that are there, or none."""
    found = tuple(name for name in columns if name in layout.names)
    if found and not part.startswith("au_"):
        layout.require(columns, path)
    return found


def table_lists(parts: dict[str, tuple[str, ...]]) -> dict[str, int | tuple[str, ...]]:
    """List columns of the frames table, from the file's columns of each part."""
    lists: dict[str, int | tuple[str, ...]] = {}
    for part, columns in parts.items():
        if part == "pose":
            lists |= {"rotation": 9, "translation_mm": 3}
        elif part.startswith("au_"):
            lists[part] = tuple(name[:4] for name in columns)
        else:
            lists[part] = columns if part == "gaze" else len(columns)
    return lists


def table_rows(parts: dict[str, tuple[str, ...]], batch: Rows) -> Rows:
    """The table's list columns, from the file's columns of each part."""
    rows = {part: np.stack([batch[name] for name in columns], 1) for part, columns in parts.items()}
    if "pose" in rows:
        pose = rows.pop("pose")
        rows["rotation"] = to_head_axes(rotation_matrices(pose[:, 3:])).reshape(-1, 9)
        rows["translation_mm"] = pose[:, :3] * FLIP
    return rows


def rotation_matrices(angles: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3 3"]:
    """`R_x(a) R_y(b) R_z(c)` of OpenFace's three angles in radians."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(angles.T), np.cos(angles.T)
    rows = [
        [cy * cz, -cy * sz, sy],
        [cx * sz + cz * sx * sy, cx * cz - sx * sy * sz, -cy * sx],
        [sx * sz - cx * cz * sy, cz * sx + cx * sy * sz, cx * cy],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def to_head_axes(rotation: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 3 3"]:
    """The same turn, from head axes (x to the subject's left, y up, z out of the face) to camera axes with y up."""
    return rotation * FLIP * FLIP[:, None]


def _rows(
    path: Path, layout: TextLayout, parts: dict[str, tuple[str, ...]], settings: ReadSettings, report: Report
) -> Iterator[Rows]:
    columns = [*KEY, *(name for part in parts.values() for name in part)]
    faces = ("face_id",) if "face_id" in layout.names else ()
    kept = _largest(path, layout, report) if faces and settings.faces == "largest" else None
    for batch in read_columns(path, layout, [*faces, *columns], report.dropped):
        face = batch.get("face_id", np.zeros(len(batch["frame"])))
        rows = {
            "face": np.zeros_like(face) if kept is not None else face,
            "frame": batch["frame"] - 1,
            "time_s": batch["timestamp"],
            "detected": batch["success"] == 1,
            "confidence": batch["confidence"],
        } | table_rows(parts, batch)  # fmt: skip
        yield rows if kept is None else {name: values[face == kept] for name, values in rows.items()}


def _largest(path: Path, layout: TextLayout, report: Report) -> float:
    """The face that is there in most frames of a file that has several."""
    frames: dict[float, int] = {}
    for batch in read_columns(path, layout, ["face_id", "success"], report.dropped.copy()):
        for face in np.unique(batch["face_id"]):
            frames[face] = frames.get(face, 0) + int((batch["success"][batch["face_id"] == face] == 1).sum())
    if not frames:
        return 0.0
    if len(frames) > 1:
        report.notes.append(f"{len(frames)} faces, of which the one that is there most is kept")
    return max(sorted(frames), key=lambda face: frames[face])
