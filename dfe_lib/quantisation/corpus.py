"""The frames that a codebook is trained and judged on: real clips and simulated people, split by subject."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from ..errors import UserError
from ..io.tables import REAL, read_arrays
from .training import split_subjects

__all__ = ["Frames", "read_corpus", "read_frames"]

_COLUMNS = {"psi": "psi", "subject": "subject_id", "clip": "clip_id", "frame": "frame", "time_s": "time_s",
            "data": "data"}  # fmt: skip
"""Columns of :class:`Frames` by those of an expressions table."""


@dataclass(frozen=True)
class Frames:
    """Frames with a face, of any number of people, in the order of their files.

    Arguments:
        psi: (N, E). subject, clip: (N,) whose, and of which clip. frame, time_s: (N,) where in it, seconds.
        data: (N,) `real` or `simulated`.
        heldout: (N,) whether they have no part in a training.
        display: (N,) name of the simulated display that moves the face most, "" where none does or nobody knows.
    """

    psi: Float[np.ndarray, "n e"]
    subject: Shaped[np.ndarray, " n"]
    clip: Shaped[np.ndarray, " n"]
    frame: Int[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    data: Shaped[np.ndarray, " n"]
    heldout: Bool[np.ndarray, " n"]
    display: Shaped[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.psi)

    def __getitem__(self, rows: np.ndarray | slice) -> "Frames":
        return Frames(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    @property
    def people(self) -> Shaped[np.ndarray, " s"]:
        return np.unique(self.subject)

    def thinned(self, count: int) -> "Frames":
        """At most so many frames, evenly spread."""
        return self[:: max(1, -(-len(self) // count))]

    def of(self, people: Iterable[str]) -> "Frames":
        """The frames of these people."""
        return self[np.isin(self.subject, list(people))]

    def training(self, at_most: int = 0) -> Float[np.ndarray, "n e"]:
        """psi of the training subjects: every real frame, and of the simulated ones evenly so many as fit; 0 is all."""
        real = np.flatnonzero(~self.heldout & (self.data == REAL))
        others = np.flatnonzero(~self.heldout & (self.data != REAL))
        room = max(1, at_most - len(real)) if at_most else len(others)
        return self.psi[np.concatenate([real, others[:: max(1, -(-len(others) // max(1, room)))]])]

    def parts(self) -> dict[str, "Frames"]:
        """Every held-out frame, by kind of data."""
        kinds = {str(kind): self.heldout & (self.data == kind) for kind in pd.unique(self.data)}
        return {kind: self[here] for kind, here in kinds.items() if here.any()}

    def subjects(self) -> pd.DataFrame:
        """A row a subject: data, subject_id, split (train or heldout), frames."""
        split = np.where(self.heldout, "heldout", "train")
        table = pd.DataFrame({"data": self.data, "subject_id": self.subject, "split": split})
        return table.groupby(["data", "subject_id", "split"], sort=True).size().reset_index(name="frames")


def read_frames(paths: Iterable[Path]) -> Frames:
    """The valid frames of expressions tables, in the order of the tables; none of them is held out.

    Raises UserError when there is none.
    """
    parts = [part for part in (_valid(path) for path in paths) if len(part["psi"])]
    if not parts:
        raise UserError("there is no frame with a face in these expressions tables: add clips, or run 01 and 02 again.")
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(whole["psi"])
    return Frames(**whole, heldout=np.zeros(count, bool), display=np.full(count, ""))


def read_corpus(
    paths: Sequence[Path], named: Sequence[str], share: float, seed: int, tested: Sequence[str] = ()
) -> Frames:
    """Reads expressions tables, and holds out subjects of each kind of data.

    Of real and of simulated people, those that `named` names are held out; where it names none, the share of them.
    One subject alone cannot be split: the last frames are then held out, and say nothing about other people.

    Arguments:
        paths: Expressions tables.
        named: Subjects to hold out; each must be in the tables.
        share: Share of the subjects of a kind of which none is named.
        seed: Of the choice.
        tested: People of an official test split, held out as if they were named, as far as they are in the tables.
    """
    frames = read_frames(paths)
    missing = sorted(set(named) - set(frames.subject))
    if missing:
        raise UserError(f"There is no subject {missing[0]!r} to hold out; take it out of heldout_subjects.")
    named = [*named, *(who for who in tested if who not in named)]
    heldout = np.zeros(len(frames), bool)
    for kind in pd.unique(frames.data):
        here = frames.data == kind
        heldout[here] = _split(frames.subject[here], named, share, seed)
    return replace(frames, heldout=heldout)


def _valid(path: Path) -> dict[str, np.ndarray]:
    rows = read_arrays(path, [*_COLUMNS.values(), "valid"])
    valid = rows["valid"].astype(bool) & np.isfinite(rows["psi"]).all(1)
    return {name: rows[column][valid] for name, column in _COLUMNS.items()}


def _split(subjects: np.ndarray, named: Sequence[str], share: float, seed: int) -> np.ndarray:
    if len(set(subjects)) == 1:
        return np.arange(len(subjects)) >= (1 - share) * len(subjects)
    chosen = [name for name in named if name in set(subjects)]
    return split_subjects(subjects, chosen or share, seed)
