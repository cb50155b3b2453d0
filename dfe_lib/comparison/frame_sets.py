"""Frames of people with and without a part in the training, real and simulated, and what they display."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..cohort.displays import DISPLAYS, side_templates
from ..io.tables import REAL
from ..morphable.metric import mesh_length
from ..quantisation.corpus import Frames

__all__ = ["codebook_people", "compared_frames", "read_split", "shown_displays"]

SPLIT = "subjects.csv"
"""Written by 03 beside the model: data, subject_id, split (train or heldout)."""
LEAST_MM = 0.5
"""Displays that move the face less (rms) are not what a frame is known for (our choice)."""


def compared_frames(
    frames: Frames, split: Mapping[tuple[str, str], str], data: str, count: int, fewest: int = 3
) -> Frames:
    """Frames of people held out of the training, and of the others where the held-out people are fewer than `fewest`.

    Returns at most about `count` frames, evenly spread, and says which of them are held out. Faces that are to be
    found at other people need others; who is in no split counts as held out, and so does everyone where nobody is.

    Arguments:
        frames: of one kind of data, which `split` calls `data`.
    """
    heldout = [person for person in frames.people if split.get((data, str(person)), "heldout") != "train"]
    heldout = heldout or list(frames.people)
    chosen = (frames.of(heldout) if len(heldout) >= fewest else frames).thinned(count)
    return replace(chosen, heldout=np.isin(chosen.subject, heldout))


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
    frames: Frames, events: pd.DataFrame, metric: Float[np.ndarray, "e e"], least_mm: float = LEAST_MM
) -> Frames:
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
