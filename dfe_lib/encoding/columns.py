"""The columns of an encoded table, what each means, and the schema of the file that holds them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from ..action_units import ACTION_UNITS, OPENFACE_INTENSITY
from ..io.tables import PARTS_OF_A_TOKEN, token_name, tokens_schema

__all__ = ["AU_COLUMNS", "COLUMNS", "Column", "data_dictionary", "encoded_schema"]


REAL_NUMBER = pa.float32()


@dataclass(frozen=True)
class Column:
    """A column: its name, its group of `settings.GROUPS` (`key` and `tokens` are always there), unit and meaning."""

    name: str
    group: str
    unit: str
    meaning: str
    kind: pa.DataType = REAL_NUMBER


AU_COLUMNS = tuple(f"{code}_mesh" for code in OPENFACE_INTENSITY)
"""OpenFace's 17 units, read from the mesh."""
ACCURACY = (
    "0 absent to 5 maximum, read from the fitted mesh (five times the share of the unit's full shape), not from a "
    "detector trained on coded faces and not checked against coders; fit_channels.csv of the study says "
    "how much of each movement the fit finds"
)
_MESH_UNITS = tuple(
    Column(
        name, "action_units", "0-5", f"action unit {ACTION_UNITS[code].number}, {ACTION_UNITS[code].name}: {ACCURACY}"
    )
    for name, code in zip(AU_COLUMNS, OPENFACE_INTENSITY, strict=True)
)

COLUMNS: tuple[Column, ...] = (
    Column("clip_id", "key", "", "the clip, called as its file", pa.string()),
    Column("subject_id", "key", "", "who is in it; the clip's name where that is not known", pa.string()),
    Column("face_id", "key", "", "the person within the clip, from 0; -1 in a frame without a face", pa.int16()),
    Column("frame", "key", "", "number of the frame, from 0", pa.int32()),
    Column("time_s", "key", "s", "time of the frame from the beginning of the file", pa.float64()),
    Column("data", "key", "", "real, or simulated for the study's simulated people", pa.string()),
    Column("valid", "key", "", "is there a face, with tokens?", pa.bool_()),
    Column("token_", "tokens", "", "a token of the frame, the one that says most first: a row of codebook.csv; it "
           "stays from frame to frame while it is nearly as near as another would be",
           pa.int16()),
    Column("display_", "displays", "", "number of the facial movement (display) that the token shows, at whatever "
           "strength: see codebook.csv", pa.int16()),
    Column("level_", "displays", "", "strength of that movement, from 0, level A, the weakest; codebook.csv has it "
           "as a share and in mm", pa.int16()),
    Column("error_mm", "tokens", "mm", "how far the face that the tokens give back is from the fitted one, root "
           "mean square over the face"),
    Column("words", "tokens", "", "what the tokens together do to the person's resting face, the eyes' direction "
           "left out; left and right are the person's own", pa.string()),
    Column("confidence", "face", "0-1", "how sure the face detector is; empty where it did not look, as a face once "
           "found is followed"),
    Column("box_x_px", "face", "px", "left edge of the box around the landmarks, from the left of the picture"),
    Column("box_y_px", "face", "px", "upper edge of the box, from the top of the picture"),
    Column("box_width_px", "face", "px", "width of the box"),
    Column("box_height_px", "face", "px", "height of the box"),
    Column("covered", "face", "0 or 1", "does something, such as a hand or hair, cover part of the face, so that what "
           "is under it is a guess? Told by how far its picture differs from the person's own under any expression; "
           "empty where only landmarks are known, and no use for what covers a face all along", pa.int8()),
    Column("yaw_deg", "pose", "degrees", "turn of the head, + to the person's left, 0 towards the camera"),
    Column("pitch_deg", "pose", "degrees", "nod of the head, + down"),
    Column("roll_deg", "pose", "degrees", "tilt of the head, + towards the person's right shoulder"),
    Column("gaze_yaw_deg", "gaze", "degrees", "turn of the eyes in the head, mean of both, + to the person's left; "
           "from the fitted eye movements, by how far they turn the eyes of the head model; of what rendered eyes turn "
           "about half is seen"),
    Column("gaze_pitch_deg", "gaze", "degrees", "the same up and down, + down; found less well than to the sides"),
    *_MESH_UNITS,
    Column("note", "notes", "", "what of the clip could not be read or had to be assumed; empty for a sound clip",
           pa.string()),
    Column("residual_mm", "fit", "mm", "how far the landmarks are from the fitted head; most of it is the person's "
           "own shape"),
    Column("psi_", "psi", "", "an expression coefficient of the fit, for ARKit's actions 0 to 1"),
)  # fmt: skip
"""Every column in the order of a table; a name that ends in `_` stands for one column each token or coefficient."""
LISTS = {"token_": "tokens"} | {f"{each}_": column for column, each in PARTS_OF_A_TOKEN.items()}
"""Columns of numbers, one a token: the list of a Parquet file that each is in."""


def data_dictionary(n_tokens: int, coefficients: Sequence[str], groups: Sequence[str]) -> pd.DataFrame:
    """A row for each column of a CSV file with these groups: column, group, unit, meaning.

    >>> data_dictionary(2, ["jawOpen"], ["psi"]).column.tolist()[7:]
    ['token_1', 'token_2', 'error_mm', 'words', 'psi_jawOpen']
    """
    spread = {start: [token_name(i, column) for i in range(n_tokens)] for start, column in LISTS.items()}
    spread["psi_"] = [f"psi_{name}" for name in coefficients]
    rows = [
        {"column": name, "group": each.group, "unit": each.unit, "meaning": each.meaning}
        for each in COLUMNS
        if each.group in ("key", "tokens", *groups)
        for name in spread.get(each.name, [each.name])
    ]
    return pd.DataFrame(rows)


def encoded_schema(
    n_tokens: int, coefficients: Sequence[str], groups: Sequence[str], metadata: dict[str, str] | None = None
) -> pa.Schema:
    """A tokens table (`tables.tokens_schema`) with these groups of columns behind it.

    Arguments:
        n_tokens: a frame. coefficients: of psi. groups: of `settings.GROUPS`.
        metadata: what else the file says of itself.
    """
    plain = tokens_schema(n_tokens, displays="displays" in groups)
    there = {*plain.names, *LISTS}
    fields = [
        pa.field("psi", pa.list_(pa.float32(), len(coefficients)))
        if each.name == "psi_"
        else pa.field(each.name, each.kind)
        for each in COLUMNS
        if each.name not in there and each.group in ("tokens", *groups)
    ]
    noted = {"kind": "tokens", "coefficients": json.dumps(list(coefficients))} | (metadata or {})
    return pa.schema([*plain, *fields], metadata=noted)
