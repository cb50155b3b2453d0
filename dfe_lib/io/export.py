"""Tokens and expressions for other programs: CSV for statistics, ELAN tiers for whoever watches the video."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Bool, Float, Int
from pympi import Elan

from ..errors import UserError
from .tables import (
    ROW_GROUP,
    atomic_path,
    named_coefficients,
    read_arrays,
    read_batches,
    read_metadata,
    table_schema,
    token_name,
)

__all__ = ["bare_text", "csv_frames", "export_csv", "export_elan", "safe_text", "token_runs"]

MS_PER_S = 1000
VALID = "valid"
ONE_FRAME_S = 0.04
FIXED_DATE = "1970-01-01T00:00:00+00:00"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that a spreadsheet takes for a formula, which may do anything."""
DIGITS = {"_px": 1, "_deg": 2, "_mm": 3, "_mesh": 2, "confidence": 3, "time_s": 6}
"""Decimals of a CSV file's columns, by the ends of their names: nothing here is measured more finely."""


def export_csv(
    tables: str | os.PathLike | Sequence[str | os.PathLike],
    out: str | os.PathLike,
    leave_out: Sequence[str] = (),
) -> int:
    """Writes tokens or expressions tables of one kind as one CSV file, one row a frame; returns the number of rows.

    Names hold no dots, which R and SPSS would read as something else: `token_1`, `psi_jawOpen`. A value that is not
    there is an empty field, and measurements are rounded to what they are worth (`DIGITS`). Text that a spreadsheet
    would run as a formula has an apostrophe before it.

    Arguments:
        tables: one table, or several with the same columns.
        out: CSV file to write; it appears when it is whole.
        leave_out: columns of the tables that are not written.

    Raises UserError when a table is neither.
    """
    paths = [tables] if isinstance(tables, str | os.PathLike) else tables
    rows, whole = 0, [name for name in _whole_numbers(paths[0]) if name not in leave_out]
    with atomic_path(out) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        for frame in csv_frames(paths, leave_out):
            file.write(_printed(frame, whole).to_csv(index=False, header=not rows, lineterminator="\n"))
            rows += len(frame)
    return rows


def csv_frames(paths: Sequence[str | os.PathLike], leave_out: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """The rows of tokens or expressions tables under the names of :func:`export_csv`, some hundred at a time."""
    for batch in _together(batch for path in paths for batch in _batches(path, leave_out)):
        yield pd.DataFrame(dict(_columns(batch, named_coefficients(table_schema(paths[0])), leave_out)))


def safe_text(text: object) -> object:
    """Text that a spreadsheet shows as it is; whatever is no text stays.

    >>> safe_text("=1+1"), safe_text("anna"), bare_text("'=1+1")
    ("'=1+1", 'anna', '=1+1')
    """
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text


def bare_text(text: str) -> str:
    """What :func:`safe_text` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def export_elan(
    table: str | os.PathLike,
    out: str | os.PathLike,
    media: str | os.PathLike | None = None,
    words: Sequence[Sequence[str]] = (),
) -> int:
    """Writes a tokens table as an ELAN file: a tier for each token of a frame, an annotation for each run of one token.

    Where a clip shows several people each has tiers of their own. Returns the number of annotations.

    Arguments:
        table: tokens table of one clip.
        out: .eaf file to write; it appears when it is whole.
        media: the clip's video, which ELAN then opens beside the tiers.
        words: what the tokens do, in words: a row for each token of a frame, or one for all, and in it a sentence for
            each code; annotations read `17: Mouth opens 9 mm`. Numbers alone without it.

    Raises UserError for a table of another kind, of several clips, or with tokens that `words` does not have.
    """
    if _kind(table) != "tokens":
        raise UserError(f"{table} is no tokens table: ELAN tiers are made from tokens.")
    if media is not None and not Path(media).is_file():
        raise UserError(f"{media} does not exist: ELAN would look for it in vain.")
    columns = read_arrays(table, ["clip_id", "face_id", "frame", "time_s", "valid", "tokens"])
    if len(np.unique(columns.pop("clip_id").astype(str))) > 1:
        raise UserError(f"{table} holds several clips, and an ELAN file is of one: export the table of one clip.")
    columns["texts"] = _texts(table, columns["tokens"], columns["valid"], words)
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


def _texts(
    table: str | os.PathLike,
    tokens: Int[np.ndarray, "n m"],
    valid: Bool[np.ndarray, " n"],
    words: Sequence[Sequence[str]],
) -> np.ndarray:
    """Text of each annotation (n, m)."""
    texts = tokens.astype(object)
    for place in range(tokens.shape[1] if words else 0):
        known = words[min(place, len(words) - 1)]
        if valid.any() and tokens[valid, place].max() >= len(known):
            raise UserError(f"{table} has tokens that this model does not: name the model that they are of.")
        texts[valid, place] = [f"{token}: {known[token]}" for token in tokens[valid, place]]
    return texts


def _add_tiers(document: Elan.Eaf, columns: dict[str, np.ndarray], person: int, people: int) -> int:
    whose = f" person {person}" if people > 1 else ""
    count = 0
    for place in range(columns["tokens"].shape[1]):
        tier = f"{token_name(place)}{whose}"
        document.add_tier(tier)
        tokens = columns["tokens"][:, place]
        texts = dict(zip(tokens.tolist(), columns["texts"][:, place], strict=True))
        runs = token_runs(tokens, columns["time_s"], columns["valid"], columns["frame"])
        for token, onset, offset in runs.itertuples(index=False):
            start, end = round(onset * MS_PER_S), round(offset * MS_PER_S)
            document.add_annotation(tier, start, max(end, start + 1), str(texts[int(token)]))
        count += len(runs)
    return count


def _kind(table: str | os.PathLike) -> str:
    kind = read_metadata(table).get("kind", "")
    if kind not in ("tokens", "expressions"):
        raise UserError(f"{table} holds neither tokens nor expressions: give a table of results/<run>/tokens.")
    return kind


def _whole_numbers(table: str | os.PathLike) -> list[str]:
    return [field.name for field in table_schema(table) if pa.types.is_integer(field.type)]


def _batches(table: str | os.PathLike, leave_out: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
    _kind(table)
    return read_batches(table, [name for name in table_schema(table).names if name == VALID or name not in leave_out])


def _together(batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
    """Batches of short tables as one, for what a table of pandas costs is not by the row."""
    waiting, rows = list[dict[str, np.ndarray]](), 0
    for batch in batches:
        waiting, rows = [*waiting, batch], rows + len(batch[VALID])
        if rows >= ROW_GROUP:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _columns(
    batch: Mapping[str, np.ndarray], coefficients: Sequence[str], leave_out: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """Names and values of a CSV file's columns; what is not there is empty."""
    valid = batch[VALID]
    for name, values in batch.items():
        if name in leave_out:
            continue
        if values.ndim == 1:
            yield name, [safe_text(value) for value in values] if values.dtype == object else values
        elif name == "psi":
            yield from ((f"psi_{each}", column) for each, column in zip(coefficients, values.T, strict=True))
        else:
            for place, column in enumerate(values.astype(np.int32).T):
                yield token_name(place, name), pd.arrays.IntegerArray(column, ~valid | (column < 0))


def _printed(frame: pd.DataFrame, whole: Sequence[str]) -> pd.DataFrame:
    """Measurements rounded, and whole numbers printed as such also among rows that lack them."""
    digits = {name: count for name in frame for end, count in DIGITS.items() if name.endswith(end)}
    rounded = {name: frame[name].round(count) for name, count in digits.items()}
    return frame.assign(**rounded | {name: frame[name].astype("Int32") for name in whole})
