"""OpenFace 2 CSV files (Baltrusaitis et al. 2018), whole or cut down to pose, gaze and action units as in E-DAIC."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...action_units import OPENFACE_INTENSITY, OPENFACE_OCCURRENCE
from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .people import Cast, follow
from .recording import ASSUMED_TIMES, Recording, Report, Rows, missing_units, recording
from .settings import ASSUMED_FPS, ReadSettings

__all__ = [
    "KEY",
    "PARTS",
    "columns_of",
    "is_openface",
    "openface_parts",
    "openface_rows",
    "read_openface",
    "rotation_matrices",
    "table_lists",
    "table_rows",
    "to_head_axes",
]

N_POINTS = 68
KEY = ("frame", "timestamp", "confidence", "success")
FACES = ("face_id", "face")
"""Columns that number the faces of a frame; FaceLandmarkImg writes `face`, one line a face of one picture."""
TURN = ("pose_Rx", "pose_Ry", "pose_Rz")
POSE = ("pose_Tx", "pose_Ty", "pose_Tz", *TURN)
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
    """Do these columns belong to an OpenFace file? One of its key and one of its measurements will do."""
    return bool({*KEY, *FACES} & set(names)) and any(set(part) & set(names) for part in PARTS.values())


def read_openface(path: Path, settings: ReadSettings) -> Recording:
    """Rows of an OpenFace file; what it was cut down to decides what it is good for, and the report says so.

    Frames count from 0 (OpenFace counts from 1). Without `timestamp`, times follow from the frames; without `success`,
    confidence decides.

    Raises UserError when a part, such as the landmarks, is there in part only.
    """
    layout = text_layout(path)
    parts = openface_parts(layout, path)
    report = Report(lacks=[text for name, text in LACKING.items() if name not in parts and name[:4] != "turn"])
    for part in ("au_intensity", "au_occurrence"):
        report.lacks += missing_units(parts.get(part, ()), PARTS[part])
    rows = openface_rows(path, layout, parts, settings, report)
    return recording(path, "OpenFace 2", table_lists(parts), rows, settings, report)


def openface_parts(layout: TextLayout, path: Path) -> dict[str, tuple[str, ...]]:
    """The file's columns of each part; head pose without a place is a turn.

    Raises UserError when there is none, or a part is there in part only.
    """
    turned = set(TURN) <= set(layout.names) and not set(POSE[:3]) & set(layout.names)
    known = {"turn" if name == "pose" and turned else name: columns for name, columns in PARTS.items()}
    known |= {"turn": TURN} if turned else {}
    parts = {name: columns_of(name, columns, layout, path) for name, columns in known.items()}
    parts = {name: columns for name, columns in parts.items() if columns}
    if not parts:
        raise UserError(f"{path} has no column that OpenFace measures: run OpenFace with -2Dfp and -aus.")
    return parts


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
        elif part == "turn":
            lists["rotation"] = 9
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
        rows |= {"turn": pose[:, 3:], "translation_mm": pose[:, :3] * FLIP}
    if "turn" in rows:
        rows["rotation"] = to_head_axes(rotation_matrices(rows.pop("turn"))).reshape(-1, 9)
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


def openface_rows(
    path: Path, layout: TextLayout, parts: Mapping[str, tuple[str, ...]], settings: ReadSettings, report: Report
) -> Iterator[Rows]:
    """The file's rows with frames from 0, times in seconds, and of the people those that the settings keep."""
    rows = _rows(path, layout, parts, settings, report)
    if not set(FACES) & set(layout.names):
        return rows
    return _cast(path, layout, settings, report).rows(rows, report)


def _rows(
    path: Path, layout: TextLayout, parts: Mapping[str, tuple[str, ...]], settings: ReadSettings, report: Report
) -> Iterator[Rows]:
    key, columns = _Key(layout, settings, report), [name for part in parts.values() for name in part]
    for batch in read_columns(path, layout, [*key.names, *columns], report.dropped):
        yield key.rows(batch) | table_rows(dict(parts), batch)


class _Key:
    """Frame, time and success of a file's rows, whichever of their columns it has."""

    def __init__(self, layout: TextLayout, settings: ReadSettings, report: Report) -> None:
        self.names = [name for name in KEY if name in layout.names]
        self._picture = "frame" not in self.names and bool(set(FACES) & set(layout.names))
        self._settings, self._lines, self._first = settings, 0, 1.0
        notes = {
            "frame": "no frame numbers: every line is a face of one picture"
            if self._picture
            else "no frame numbers: every line is taken as the next frame",
            "timestamp": "" if settings.fps or self._picture else ASSUMED_TIMES,
            "success": "no column success: frames with enough confidence count as tracked"
            if "confidence" in self.names
            else "no columns success and confidence: every frame counts as tracked",
        }
        report.notes += [text for name, text in notes.items() if text and name not in self.names]

    def rows(self, batch: Rows) -> Rows:
        frame = self._frame(batch)
        confidence = batch.get("confidence")
        least = max(self._settings.min_confidence, np.finfo(float).tiny)  # OpenFace writes 0 where it lost the face
        tracked = np.ones(len(frame), bool) if confidence is None else confidence >= least
        return {
            "frame": frame,
            "time_s": batch.get("timestamp", frame / (self._settings.fps or ASSUMED_FPS)),
            "detected": batch["success"] == 1 if "success" in batch else tracked,
        } | ({} if confidence is None else {"confidence": confidence})  # fmt: skip

    def _frame(self, batch: Rows) -> Float[np.ndarray, " n"]:
        count = len(next(iter(batch.values())))
        lines = np.arange(self._lines, self._lines + count, dtype=float)
        if "frame" not in batch:
            self._lines += count
            return np.zeros(count) if self._picture else lines
        if not self._lines and count:
            self._first = min(1.0, batch["frame"][0])  # OpenFace counts from 1, tools behind it from 0
        self._lines += count
        return batch["frame"] - self._first


def _cast(path: Path, layout: TextLayout, settings: ReadSettings, report: Report) -> Cast:
    """Who is in each row, by a first walk over the file."""
    name = next(name for name in FACES if name in layout.names)
    key = _Key(layout, settings, Report())
    batches = [
        key.rows(batch) | {"name": batch[name]} for batch in read_columns(path, layout, [*key.names, name], Counter())
    ]
    if not batches:
        raise UserError(f"{path} has no whole row of values: it was cut off, or nothing was recorded.")
    table = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    return follow(table, settings.faces, report)
