"""Frames of people with and without a part in the training, real and simulated, and what they display."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from ..cohort.displays import DISPLAYS, side_templates
from ..errors import UserError
from ..io.tables import REAL, read_arrays
from ..morphable.metric import mesh_length

__all__ = ["FrameSet", "codebook_people", "compared_frames", "read_frames", "read_split", "shown_displays"]

SPLIT = "subjects.csv"
"""Written by 03 beside the model: data, subject_id, split (train or heldout)."""
LEAST_MM = 0.5
"""Displays that move the face less (rms) are not what a frame is known for (our choice)."""


@dataclass(frozen=True)
class FrameSet:
    """Frames with a face, of any number of people.

    Arguments:
        psi: (N, E). subject, clip: (N,) whose, and of which clip. frame, time_s: (N,) where in it.
        display: (N,) name of the simulated display that moves the face most, "" where none does or nobody knows.
    """

    psi: Float[np.ndarray, "n e"]
    subject: Shaped[np.ndarray, " n"]
    clip: Shaped[np.ndarray, " n"]
    frame: Int[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    display: Shaped[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.psi)

    def __getitem__(self, rows: np.ndarray | slice) -> "FrameSet":
        return FrameSet(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    @property
    def people(self) -> Shaped[np.ndarray, " s"]:
        return np.unique(self.subject)

    def thinned(self, count: int) -> "FrameSet":
        """At most so many frames, evenly spread."""
        return self[:: max(1, -(-len(self) // count))]

    def of(self, people: Iterable[str]) -> "FrameSet":
        """The frames of these people."""
        return self[np.isin(self.subject, list(people))]


def read_frames(tables: Iterable[Path]) -> FrameSet:
    """The valid frames of expressions tables.

    Raises UserError when there is none.
    """
    parts = [part for part in (_valid(path) for path in sorted(tables)) if len(part["psi"])]
    if not parts:
        raise UserError("there is no frame with a face in these expressions tables: add clips, or run 01 and 02 again.")
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return FrameSet(
        psi=whole["psi"].astype(float), subject=whole["subject_id"].astype(str), clip=whole["clip_id"].astype(str),
        frame=whole["frame"], time_s=whole["time_s"], display=np.full(len(whole["psi"]), "", "<U32"),
    )  # fmt: skip


def compared_frames(
    frames: FrameSet, split: Mapping[tuple[str, str], str], data: str, count: int, fewest: int = 3
) -> tuple[FrameSet, Bool[np.ndarray, " n"]]:
    """Frames of people held out of the training, and of the others where the held-out people are fewer than `fewest`.

    Returns at most about `count` frames, evenly spread, and which of them are of held-out people. Faces that are to be
    found at other people need others; who is in no split counts as held out, and so does everyone where nobody is.

    Arguments:
        frames: of one kind of data, which `split` calls `data`.
    """
    heldout = [person for person in frames.people if split.get((data, str(person)), "heldout") != "train"]
    heldout = heldout or list(frames.people)
    chosen = (frames.of(heldout) if len(heldout) >= fewest else frames).thinned(count)
    return chosen, np.isin(chosen.subject, heldout)


def read_split(model: Path) -> Mapping[tuple[str, str], str]:
    """`train` or `heldout` of each person, by data and subject; empty where the training wrote none."""
    path = model / SPLIT
    if not path.exists():
        return {}
    table = pd.read_csv(path, dtype=str)
    return {(row.data, row.subject_id): row.split for row in table.itertuples()}


def codebook_people(model: Path, subjects: Iterable[str]) -> str:
    """Whose faces the codebook has learned from: `other people` than these recorded ones, or `own people` among them.

    Scores with a codebook of own people are transductive: it has seen the faces, though never the labels, of those who
    are predicted. `unknown` where the training wrote no list of its people.
    """
    split = read_split(model)
    if not split:
        return "unknown"
    return "own people" if any(split.get((REAL, who)) == "train" for who in subjects) else "other people"


def shown_displays(
    frames: FrameSet, events: pd.DataFrame, metric: Float[np.ndarray, "e e"], least_mm: float = LEAST_MM
) -> FrameSet:
    """The frames with their true displays: of those at half height or more, the one whose apex moves the face most.

    Arguments:
        frames: of simulated people.
        events: of any number of people, columns subject_id and `behaviour.EVENT_COLUMNS`.
        metric: mesh metric in mm2. least_mm: displays that move the face less (rms) are left out.
    """
    index = {display.name: i for i, display in enumerate(DISPLAYS)}
    events = events[events.subject_id.isin(frames.people)]
    which = events.display.map(index).to_numpy(int)
    sides = zip(("left", "right"), side_templates(), strict=True)
    moved = sum(events[side].to_numpy()[:, None] * templates[which] for side, templates in sides)
    strength = mesh_length(moved, metric)
    begin = (events.start_s + events.onset_s / 2).to_numpy()
    end = (events.start_s + events.onset_s + events.apex_s + events.offset_s / 2).to_numpy()
    name, person_of = events.display.to_numpy(str), events.subject_id.to_numpy(str)
    shown = np.full(len(frames), "", dtype="<U32")
    for person in frames.people:
        rows = np.flatnonzero(frames.subject == person)
        rows = rows[np.argsort(frames.time_s[rows], kind="stable")]
        here = np.flatnonzero((person_of == person) & (strength >= least_mm))
        here = here[np.argsort(strength[here], kind="stable")]
        first, last = (np.searchsorted(frames.time_s[rows], times[here]) for times in (begin, end))
        for event, low, high in zip(here, first, last, strict=True):
            shown[rows[low:high]] = name[event]
    return replace(frames, display=shown)


def _valid(path: Path) -> dict[str, np.ndarray]:
    rows = read_arrays(path, ["clip_id", "subject_id", "frame", "time_s", "psi", "valid"])
    valid = rows.pop("valid").astype(bool) & np.isfinite(rows["psi"]).all(1)
    return {name: values[valid] for name, values in rows.items()}
