"""The frames that a codebook is trained and judged on: real clips and simulated people, split by subject."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from ..errors import UserError
from ..io.tables import REAL, count_rows, read_batches
from .training import split_subjects

__all__ = ["Frames", "joined", "read_corpus", "read_frames"]

_COLUMNS = {"psi": "psi", "subject": "subject_id", "clip": "clip_id", "frame": "frame", "time_s": "time_s",
            "data": "data"}  # fmt: skip
"""Columns of :class:`Frames` by those of an expressions table."""
ROWS = 8192
"""Rows of a table that are read at a time."""


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

    def thinned_people(self, count: int) -> "Frames":
        """At most so many frames of each person, evenly spread over the person's own, in the order they have."""
        places = [np.flatnonzero(self.subject == person) for person in self.people]
        return self[np.sort(np.concatenate([rows[:: max(1, -(-len(rows) // count))] for rows in places]))]

    @property
    def learners(self) -> Shaped[np.ndarray, " s"]:
        """The people all of whose frames are for training.

        Raises UserError where there is nobody, because one person alone is split by time.
        """
        found = np.setdiff1d(self.subject[~self.heldout], self.subject[self.heldout])
        if not len(found):
            raise UserError("One person alone is split by time, which a stream cannot do: set stream to false.")
        return found

    def of(self, people: Iterable[str]) -> "Frames":
        """The frames of these people."""
        return self[np.isin(self.subject, list(people))]

    def training(self, at_most: int = 0, real_weight: float = 0.0) -> Float[np.ndarray, "n e"]:
        """psi of the training subjects: the real frames, and of the simulated ones evenly so many as fit.

        Arguments:
            at_most: frames in all; 0 is all there are.
            real_weight: share of the frames that are real, [0, 1); the real ones are repeated or thinned to it. 0
                takes each of them once.
        """
        if not 0 <= real_weight < 1:
            raise UserError(f"real_weight must be at least 0 and below 1, not {real_weight}.")
        real = np.flatnonzero(~self.heldout & (self.data == REAL))
        others = np.flatnonzero(~self.heldout & (self.data != REAL))
        if real_weight and len(real) and len(others):
            whole = at_most or round(len(others) / (1 - real_weight))
            real = real[np.linspace(0, len(real), round(real_weight * whole), endpoint=False).astype(int)]
        room = max(1, at_most - len(real)) if at_most else len(others)
        return self.psi[np.concatenate([real, others[:: max(1, -(-len(others) // max(1, room)))]])]

    def folds(self, count: int) -> list["Frames"]:
        """The same frames so many times, each with other real people of the training held out as well.

        The real people are in one fold each; where they are fewer than `count`, each is a fold. No fold where there
        are fewer than two of them.
        """
        people = np.unique(self.subject[~self.heldout & (self.data == REAL)])
        if len(people) < 2:
            return []
        parts = np.array_split(people, min(count, len(people))) if count else []
        return [replace(self, heldout=self.heldout | ((self.data == REAL) & np.isin(self.subject, p))) for p in parts]

    def parts(self) -> dict[str, "Frames"]:
        """Every held-out frame, by kind of data."""
        kinds = {str(kind): self.heldout & (self.data == kind) for kind in pd.unique(self.data)}
        return {kind: self[here] for kind, here in kinds.items() if here.any()}

    def subjects(self) -> pd.DataFrame:
        """A row a subject: data, subject_id, split (train or heldout), frames."""
        split = np.where(self.heldout, "heldout", "train")
        table = pd.DataFrame({"data": self.data, "subject_id": self.subject, "split": split})
        return table.groupby(["data", "subject_id", "split"], sort=True).size().reset_index(name="frames")


def joined(parts: Sequence[Frames]) -> Frames:
    """The frames of all parts, one after the other."""
    return Frames(**{each.name: np.concatenate([getattr(p, each.name) for p in parts]) for each in fields(Frames)})


def read_frames(paths: Iterable[Path], at_most: int = 0) -> Frames:
    """The valid frames of expressions tables, in the order of the tables; none of them is held out.

    Arguments:
        at_most: Frames in all, evenly spread over the rows of the tables; 0 is all there are.

    Raises UserError when there is none.
    """
    paths = list(paths)
    step = -(-sum(map(count_rows, paths)) // at_most) if at_most else 1
    parts = [part for path in paths for part in _valid(path, max(1, step)) if len(part["psi"])]
    if not parts:
        raise UserError("there is no frame with a face in these expressions tables: add clips, or run 01 and 02 again.")
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(whole["psi"])
    return Frames(**whole, heldout=np.zeros(count, bool), display=np.full(count, ""))


def read_corpus(
    paths: Sequence[Path], named: Sequence[str], share: float, seed: int, tested: Sequence[str] = (),
    least_frames: int = 1, at_most: int = 0,
) -> Frames:  # fmt: skip
    """Reads expressions tables, and holds out subjects of each kind of data.

    Of real and of simulated people, those that `named` names are held out; where it names none, the share of them.
    One subject alone cannot be split: the last frames are then held out, and say nothing about other people.

    Arguments:
        paths: Expressions tables.
        named: Subjects to hold out; each must be in the tables.
        share: Share of the subjects of a kind of which none is named.
        seed: Of the choice.
        tested: People of an official test split, held out as if they were named, as far as they are in the tables.
        least_frames: Real people with fewer are left out of all: a few pictures show no neutral face.
        at_most: Frames that are read, evenly spread; 0 is all. Of a person, so many are then too few as well.
    """
    frames = _with_enough(read_frames(paths, at_most), least_frames)
    missing = sorted(set(named) - set(frames.subject))
    if missing:
        raise UserError(f"There is no subject {missing[0]!r} to hold out; take it out of heldout_subjects.")
    named = [*named, *(who for who in tested if who not in named)]
    heldout = np.zeros(len(frames), bool)
    for kind in pd.unique(frames.data):
        here = frames.data == kind
        heldout[here] = _split(frames.subject[here], named, share, seed)
    return replace(frames, heldout=heldout)


def _with_enough(frames: Frames, least: int) -> Frames:
    """Without the real people who have fewer frames."""
    people, place, count = np.unique(frames.subject, return_inverse=True, return_counts=True)
    kept = frames[(frames.data != REAL) | (count[place] >= least)]
    if not len(kept):
        raise UserError(
            f"None of {len(people)} people has {least} frames to learn from: add videos, or set least_frames."
        )
    return kept


def _valid(path: Path, step: int) -> Iterator[dict[str, np.ndarray]]:
    """Every so many rows of a table, as far as they are valid, a part at a time."""
    start = 0
    for rows in read_batches(path, [*_COLUMNS.values(), "valid"], ROWS):
        kept = slice(-start % step, None, step)
        start += len(rows["valid"])
        valid = rows["valid"][kept].astype(bool) & np.isfinite(rows["psi"][kept]).all(1)
        yield {name: rows[column][kept][valid] for name, column in _COLUMNS.items()}


def _split(subjects: np.ndarray, named: Sequence[str], share: float, seed: int) -> np.ndarray:
    if len(set(subjects)) == 1:
        return np.arange(len(subjects)) >= (1 - share) * len(subjects)
    chosen = [name for name in named if name in set(subjects)]
    return split_subjects(subjects, chosen or share, seed)
