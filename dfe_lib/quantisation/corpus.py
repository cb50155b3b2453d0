"""The frames that a codebook is trained and judged on: real clips and simulated people, split by subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped

from ..errors import UserError
from ..io.tables import read_arrays
from .training import split_subjects

__all__ = ["Corpus", "HeldoutFrames", "read_corpus"]

_COLUMNS = ["clip_id", "subject_id", "time_s", "data", "psi", "valid"]


@dataclass(frozen=True)
class HeldoutFrames:
    """Held-out frames of one kind of data, in the order of their clips and times.

    Arguments:
        psi: (N, E). clip: (N,) which clip a frame is of. time_s: (N,) seconds.
    """

    psi: Float[np.ndarray, "n e"]
    clip: Shaped[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Corpus:
    """Valid frames in the order of their files, and which of them are held out.

    Arguments:
        psi: (N, E). subject, data, clip: (N,) names. time_s: (N,) seconds. heldout: (N,).
    """

    psi: Float[np.ndarray, "n e"]
    subject: Shaped[np.ndarray, " n"]
    data: Shaped[np.ndarray, " n"]
    clip: Shaped[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    heldout: Bool[np.ndarray, " n"]

    def training(self, at_most: int = 0) -> Float[np.ndarray, "n e"]:
        """psi of the training subjects: every real frame, and of the simulated ones evenly so many as fit; 0 is all."""
        real = np.flatnonzero(~self.heldout & (self.data == "real"))
        others = np.flatnonzero(~self.heldout & (self.data != "real"))
        room = max(1, at_most - len(real)) if at_most else len(others)
        return self.psi[np.concatenate([real, others[:: max(1, -(-len(others) // max(1, room)))]])]

    def parts(self) -> dict[str, HeldoutFrames]:
        """Every held-out frame, by kind of data."""
        kinds = {str(kind): self.heldout & (self.data == kind) for kind in pd.unique(self.data)}
        return {
            kind: HeldoutFrames(self.psi[here], self.clip[here], self.time_s[here])
            for kind, here in kinds.items()
            if here.any()
        }

    def subjects(self) -> pd.DataFrame:
        """A row a subject: data, subject_id, split (train or heldout), frames."""
        split = np.where(self.heldout, "heldout", "train")
        table = pd.DataFrame({"data": self.data, "subject_id": self.subject, "split": split})
        return table.groupby(["data", "subject_id", "split"], sort=True).size().reset_index(name="frames")


def read_corpus(
    paths: Sequence[Path], named: Sequence[str], share: float, seed: int, tested: Sequence[str] = ()
) -> Corpus:
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
    tables = [read_arrays(path, _COLUMNS) for path in paths]
    rows = {name: np.concatenate([table[name][table["valid"].astype(bool)] for table in tables]) for name in _COLUMNS}
    missing = sorted(set(named) - set(rows["subject_id"]))
    if missing:
        raise UserError(f"There is no subject {missing[0]!r} to hold out; take it out of heldout_subjects.")
    named = [*named, *(who for who in tested if who not in named)]
    heldout = np.zeros(len(rows["psi"]), bool)
    for kind in pd.unique(rows["data"]):
        here = rows["data"] == kind
        heldout[here] = _split(rows["subject_id"][here], named, share, seed)
    return Corpus(rows["psi"], rows["subject_id"], rows["data"], rows["clip_id"], rows["time_s"], heldout)


def _split(subjects: np.ndarray, named: Sequence[str], share: float, seed: int) -> np.ndarray:
    if len(set(subjects)) == 1:
        return np.arange(len(subjects)) >= (1 - share) * len(subjects)
    chosen = [name for name in named if name in set(subjects)]
    return split_subjects(subjects, chosen or share, seed)
