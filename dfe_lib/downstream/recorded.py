"""A table of clips joined with what a run read from them: all that `05_downstream` needs of recorded people.

How `05_downstream` uses it, with `clips` the notebook's parameter that names the table:

    mine = labelled_clips(clips, study.tokens, study.expressions, study.frames, model)
    for task in label_tasks(mine.labels).tasks:
        part = mine.labelled(task.columns)
        folds = [official_folds(part.split)] if part.split is not None else []
        recorded = with_action_units(part.clips, space.metric) if space.mirrors else part.clips
        vectors = {name: fitted_vectors(reader, recorded) for name, reader in clip_representations(recorded).items()}
        evaluate(vectors, part.labels, [task], folds)
"""

import difflib
import json
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError, counted
from ..facs import au_basis, au_intensities
from ..io.clip_table import official_split, read_clip_table
from ..io.names import plain_name, table_path
from ..io.paths import user_path
from ..io.tables import main_face, read_arrays, read_metadata, table_schema
from ..quantisation.rvqvae import RvqVae
from ..tracking.pose import pose_degrees
from .clip import Clip

__all__ = ["LabelledClips", "labelled_clips", "with_action_units"]

AU_SCALES = {"au_intensity": 5.0, "au_occurrence": 1.0}
"""What full strength is in a frames table, the better measure first."""


@dataclass(frozen=True)
class LabelledClips:
    """Clips of recorded people and what is known of them, in the same order.

    Arguments:
        clips: (n) with the columns that every one of them has.
        labels: (n) rows of the table of clips.
        notes: sentences a person should read: what was left out, and why.
    """

    clips: tuple[Clip, ...]
    labels: pd.DataFrame
    notes: tuple[str, ...] = ()

    def labelled(self, columns: Sequence[str]) -> "LabelledClips":
        """Those that have these labels.

        Raises:
            UserError: There is no such column, or no clip has a label.
        """
        missing = [column for column in columns if column not in self.labels]
        if missing:
            raise UserError(f"the table of clips has no label {missing[0]}; it has {', '.join(self.labels)}.")
        known = self.labels[list(columns)].notna().all(axis=1).to_numpy()
        if not known.any():
            raise UserError(f"no clip has the label {' and '.join(columns)}: fill it in.")
        note = f"{counted(int((~known).sum()), 'clip')} without {' and '.join(columns)} left out"
        rows = np.flatnonzero(known)
        labels = self.labels.iloc[rows].reset_index(drop=True)
        return replace(
            self,
            clips=tuple(self.clips[row] for row in rows),
            labels=labels,
            notes=(*self.notes, *([note] * (not known.all()))),
        )

    @property
    def split(self) -> list[str] | None:
        """See :func:`clip_tables.official_split`."""
        return official_split(self.labels)


def labelled_clips(
    table: str | os.PathLike,
    tokens: Path | None = None,
    expressions: Path | None = None,
    frames: Path | None = None,
    model: RvqVae | None = None,
    unread: Collection[str] = (),
) -> LabelledClips:
    """The clips of a table with their tokens, coefficients, action units, head pose and confidence.

    Of clips with several faces the one that is there most is taken, by the tokens, else the expressions, else
    the frames. Frames count where every table has them.

    Arguments:
        table: CSV file, see `clip_tables`; its path is that of `io.paths.user_path`.
        tokens, expressions, frames: folders of a run, those that the run has.
        model: that wrote the tokens; it knows which words they are.
        unread: clips of the table that the run could not read, and that are left out.

    Raises:
        UserError: There are tokens and no model, the table is wrong, a clip of it is not in the run, or no clip has a
            usable frame.
    """
    if tokens is not None and model is None:
        raise UserError("tokens are numbers of a codebook: give the model that wrote them too.")
    rows = read_clip_table(user_path(table))
    lost = rows["clip_id"][rows["clip_id"].isin(list(unread))].tolist()
    rows = rows[~rows["clip_id"].isin(lost)].reset_index(drop=True)
    folders = [folder for folder in (tokens, expressions, frames) if folder is not None]
    found = {path.stem for folder in folders for path in folder.glob("*.parquet")}
    rows["clip_id"] = [_called(name, found) for name in rows["clip_id"]]
    _check_found(rows["clip_id"], found, str(table))
    clips = [_clip(row, tokens, expressions, frames) for row in rows.to_dict("records")]
    if model is not None:
        clips = [clip if clip.tokens is None else replace(clip, tokens=model.words(clip.tokens)) for clip in clips]
    usable = np.array([len(clip) > 0 for clip in clips])
    if not usable.any():
        raise UserError(f"no clip of {table} has a frame with a face: look at tables/clips.csv of the run.")
    notes = _notes(rows["clip_id"], usable, found, lost)
    kept = _alike([clip for clip, use in zip(clips, usable, strict=True) if use])
    return LabelledClips(tuple(kept), rows[usable].reset_index(drop=True), notes)


def with_action_units(
    clips: Sequence[Clip], metric: Float[np.ndarray, "52 52"], au_set: str = "openface17"
) -> list[Clip]:
    """Clips with action units read from their coefficients where no detector gave any; the others as they are.

    Arguments:
        clips: with the coefficients of the 52 ARKit actions.
        metric: mesh metric (52, 52) in mm2.
        au_set: name in `action_units.AU_SETS`.
    """
    names = au_basis(au_set)[0]
    return [
        replace(clip, aus=au_intensities(clip.psi.astype(float), metric, au_set), au_names=tuple(names))
        if clip.aus is None and clip.psi is not None
        else clip
        for clip in clips
    ]


def _called(clip_id: str, found: Collection[str]) -> str:
    """The run's name of a clip, which the table may call as its file is."""
    plain = plain_name(clip_id)
    return plain if clip_id not in found and plain in found else clip_id


def _check_found(clip_ids: Iterable[str], found: set[str], name: str) -> None:
    missing = [clip_id for clip_id in clip_ids if clip_id not in found]
    if missing:
        close = difflib.get_close_matches(missing[0], found, 1)
        hint = f"is it {close[0]}?" if close else "run 01_preprocess on it, or take the row out."
        raise UserError(f"{name} has {counted(len(missing), 'clip')} that the run lacks, such as {missing[0]}: {hint}")


def _notes(clip_ids: pd.Series, usable: np.ndarray, found: set[str], lost: Sequence[str]) -> tuple[str, ...]:
    notes = [f"{counted(len(lost), 'clip')} that could not be read left out, such as {lost[0]}"] if lost else []
    if not usable.all():
        first = clip_ids[~usable].iloc[0]
        notes.append(f"{counted(int((~usable).sum()), 'clip')} without a face in any frame left out, such as {first}")
    others = found - set(clip_ids)
    if others:
        notes.append(f"{counted(len(others), 'clip')} of the run that the table lacks left out, such as {min(others)}")
    return tuple(notes)


def _clip(row: dict, tokens: Path | None, expressions: Path | None, frames: Path | None) -> Clip:
    """A row's clip: its tables side by side, frame by frame, all of one face."""
    tables = [_table(folder, row["clip_id"]) for folder in (tokens, expressions, frames)]
    # chosen once: the tables have faces in different numbers of frames, and might each show most of another person
    face = main_face(next(table for table in tables if table))
    parts = [_columns(tables[0], face, "valid", ("tokens",)), _columns(tables[1], face, "valid", ("psi",))]
    parts.append(_frames(tables[2], face))
    parts = [part for part in parts if part]
    shared = parts[0]["frame"]
    for part in parts[1:]:
        shared = np.intersect1d(shared, part["frame"])
    columns: dict[str, Any] = {}
    for part in parts:
        rows = np.searchsorted(part["frame"], shared)
        columns |= {key: values[rows] for key, values in part.items() if key not in ("frame", "au_names")}
    time_s = columns.pop("time_s", np.zeros(0))
    talking = row.get("talking", np.nan)
    if not pd.isna(talking):
        columns["talking"] = np.full(len(time_s), bool(talking))
    names = next((tuple(part["au_names"]) for part in parts if "au_names" in part), ())
    video = Path(row["path"]) if row.get("path") else None
    known: dict[str, Any] = {"clip_id": row["clip_id"], "au_names": names, "video": video, "face_id": face}
    return Clip(row["subject_id"], time_s, **known, **columns)


def _table(folder: Path | None, clip_id: str) -> Path | None:
    path = None if folder is None else table_path(folder, clip_id)
    return path if path is not None and path.exists() else None


def _columns(table: Path | None, face: int, shown: str, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Usable rows of one face, in the order of their frames; empty where there is no table."""
    if table is None:
        return {}
    arrays = read_arrays(table, ["face_id", "frame", "time_s", shown, *wanted])
    kept = arrays.pop(shown) & (arrays.pop("face_id") == face)
    return {key: values[kept] for key, values in arrays.items()}


def _frames(table: Path | None, face: int) -> dict[str, np.ndarray]:
    """Confidence, head pose and action units of a frames table, as far as it has them."""
    if table is None:
        return {}
    there = table_schema(table).names
    units = next((column for column in AU_SCALES if column in there), None)
    wanted = [column for column in ("confidence", "rotation") if column in there] + ([units] if units else [])
    columns = _columns(table, face, "detected", wanted)
    if "rotation" in columns:
        columns["turn_deg"] = pose_degrees(columns.pop("rotation").astype(float))
    for name in ("turn_deg", "confidence"):  # a video's confidence is known where the detector looked, now and then
        if name in columns and not np.isfinite(columns[name]).any():
            del columns[name]
    if units:
        columns["aus"] = np.clip(columns.pop(units) / AU_SCALES[units], 0, 1)
        columns["au_names"] = np.array(json.loads(read_metadata(table)[units]))
    return columns


def _alike(clips: Sequence[Clip]) -> list[Clip]:
    """The clips with those columns alone that every one of them has."""
    optional = ("tokens", "psi", "aus", "talking", "turn_deg", "confidence", "video")
    lost: dict[str, Any] = {name: None for name in optional if any(getattr(clip, name) is None for clip in clips)}
    return [replace(clip, **lost) for clip in clips]
