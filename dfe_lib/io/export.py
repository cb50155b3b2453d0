"""Tokens and expressions for other programs: CSV for statistics, ELAN tiers for whoever watches the video."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from pympi import Elan

from ..errors import UserError
from .tables import atomic_path, read_arrays, read_batches, read_dataframe, read_metadata

__all__ = ["export_csv", "export_elan", "token_runs"]

MS_PER_S = 1000
ONE_FRAME_S = 0.04
FIXED_DATE = "1970-01-01T00:00:00+00:00"


def export_csv(table: str | os.PathLike, out: str | os.PathLike) -> int:
    """Writes a tokens or expressions table as CSV, one row a frame; returns the number of rows.

    Names hold no dots, which R and SPSS would read as something else: `token_1`, `psi_jawOpen`. A value that is not
    there is an empty field.

    Raises UserError when the table is neither.
    """
    kind = _kind(table)
    rows = 0
    with atomic_path(out) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        for frame in _frames(table, kind):
            file.write(frame.to_csv(index=False, header=not rows, lineterminator="\n"))
            rows += len(frame)
    return rows


def export_elan(table: str | os.PathLike, out: str | os.PathLike, media: str | os.PathLike | None = None) -> int:
    """Writes a tokens table as an ELAN file: a tier for each stage, an annotation for each run of one token.

    Where a clip shows several people each has tiers of their own. Returns the number of annotations.

    Arguments:
        table: tokens table of one clip.
        out: .eaf file to write; it appears when it is whole.
        media: the clip's video, which ELAN then opens beside the tiers.
    """
    if _kind(table) != "tokens":
        raise UserError(f"{table} is no tokens table: ELAN tiers are made from tokens.")
    if media is not None and not Path(media).is_file():
        raise UserError(f"{media} does not exist: ELAN would look for it in vain.")
    columns = read_arrays(table, ["face_id", "frame", "time_s", "valid", "tokens"])
    document = Elan.Eaf(author="")
    document.remove_tier("default")
    document.adocument["DATE"] = FIXED_DATE  # the same tokens give the same bytes
    if media is not None:
        kind = {".mp4": "video/mp4", ".mov": "video/quicktime"}.get(Path(media).suffix.lower(), "video/*")
        document.add_linked_file(Path(media).absolute().as_uri(), relpath=f"./{Path(media).name}", mimetype=kind)
    count = 0
    people = np.unique(columns["face_id"][columns["valid"]])
    for person in people:
        here = columns["face_id"] == person
        count += _add_tiers(
            document, {name: values[here] for name, values in columns.items()}, int(person), len(people)
        )
    with atomic_path(out) as partial:
        document.to_file(str(partial))
    return count


def token_runs(
    tokens: Int[np.ndarray, " n"],
    time_s: Float[np.ndarray, " n"],
    valid: Bool[np.ndarray, " n"],
    frame: Int[np.ndarray, " n"] | None = None,
) -> pd.DataFrame:
    """Runs of one token: columns `token`, `onset_s`, `offset_s`; a run lasts until the next frame after it.

    A frame without a token, and a frame number that is skipped, end a run; it then lasts one median frame longer
    than its last frame.

    >>> token_runs(np.array([5, 5, 7]), np.array([0.0, 0.5, 1.0]), np.array([True, True, True])).values.tolist()
    [[5.0, 0.0, 1.0], [7.0, 1.0, 1.5]]
    """
    number = np.arange(len(tokens)) if frame is None else frame
    step = float(np.median(np.diff(time_s))) if len(time_s) > 1 else ONE_FRAME_S
    skipped = np.diff(number, prepend=number[:1] - 1) != 1
    changed = (np.diff(tokens, prepend=-1) != 0) | (np.diff(valid, prepend=False) != 0)
    starts = np.flatnonzero(skipped | changed | (np.arange(len(tokens)) == 0))
    after = np.append(starts[1:], len(tokens))
    ends = np.append(time_s, 0.0)[after]
    open_end = np.append(skipped, True)[after]
    ends = np.where(open_end, time_s[after - 1] + step, ends)
    runs = pd.DataFrame({"token": tokens[starts], "onset_s": time_s[starts], "offset_s": ends})
    return runs[valid[starts]].reset_index(drop=True)


def _add_tiers(document: Elan.Eaf, columns: dict[str, np.ndarray], person: int, people: int) -> int:
    whose = f" person {person}" if people > 1 else ""
    count = 0
    for stage in range(columns["tokens"].shape[1]):
        tier = f"stage {stage}{whose}"
        document.add_tier(tier)
        runs = token_runs(columns["tokens"][:, stage], columns["time_s"], columns["valid"], columns["frame"])
        for token, onset, offset in runs.itertuples(index=False):
            start, end = round(onset * MS_PER_S), round(offset * MS_PER_S)
            document.add_annotation(tier, start, max(end, start + 1), str(int(token)))
        count += len(runs)
    return count


def _kind(table: str | os.PathLike) -> str:
    kind = read_metadata(table).get("kind", "")
    if kind not in ("tokens", "expressions"):
        raise UserError(f"{table} holds neither tokens nor expressions: give a table of results/<run>/tokens.")
    return kind


def _frames(table: str | os.PathLike, kind: str) -> Iterator[pd.DataFrame]:
    first = next(iter(read_batches(table, rows=1)), None)
    lists = ["tokens"] if kind == "tokens" else ["psi"]
    names = read_dataframe(table, lists).columns if first is not None else []
    for batch in read_batches(table):
        wide = batch.pop(lists[0])
        plain = pd.DataFrame(batch)
        values = pd.DataFrame(wide, columns=[_plain_name(name) for name in names])
        if kind == "tokens":
            values = values.astype("Int32").mask(~batch["valid"][:, None] | (values < 0))
        yield pd.concat([plain, values], axis=1)


def _plain_name(name: str) -> str:
    stage = re.fullmatch(r"tokens\.(\d+)", name)
    return f"token_{int(stage[1]) + 1}" if stage else name.replace(".", "_")
