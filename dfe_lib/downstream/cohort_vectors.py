"""Simulated people as vectors of every representation: read once, so that studies of any size are quick."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.base import BaseEstimator

from ..cohort.cohort import CohortConfig, Session, people_table, simulate_person
from ..cohort.displays import DISPLAYS
from ..cohort.error_model import RESTING_QUANTILE, observed
from ..errors import UserError
from ..facs import au_basis, au_intensities
from ..morphable.anny import anny_head
from ..quantisation.lexicon import lexicon_of
from ..quantisation.rvqvae import RvqVae
from .clip import Clip
from .representations import AUTO, clip_representations

__all__ = ["DATA", "FRAMES", "CohortReader", "CohortVectors", "cohort_vectors"]

DATA = ("simulated", "simulated_observed")
"""Exact coefficients less the face at rest, and those that the estimator would have read from pictures."""
FRAMES = ("all", "talking")
"""Which frames of a person count."""
AU_SETS = ("openface17", "facs")
"""A detector's set of action units (the others are much alike), and every unit of FACS."""
ORACLE = "facs"
"""Nobody detects every unit: what they would report is shown for exact coefficients alone."""
TRUTH = "truth: display counts"
"""How often each planted display really came: the most that a bag of words could know."""


@dataclass(frozen=True)
class CohortVectors:
    """Vectors of simulated people.

    Arguments:
        people: one row a person: subject_id, labels, covariates.
        matrices: by data and frames (see `DATA`, `FRAMES`), the matrix (people, d) of each representation.
    """

    people: pd.DataFrame
    matrices: dict[tuple[str, str], dict[str, Float[np.ndarray, "n _"]]]


class CohortReader:
    """Reads simulated people as every representation does.

    Vocabularies, weights of words and clusters of action units are those of reference people who are in no study,
    as the codebook is that of other people too: nothing is fitted on anyone who is predicted.

    Arguments:
        model: the trained model.
        reference: the reference people; their seed must not be that of a study.
        data: which of `DATA` are read.
        au_sets: names in `action_units.AU_SETS`.
        vocabulary: of the words of tokens; `"auto"` leaves the choice to the number of people in a study.
    """

    def __init__(
        self,
        model: RvqVae,
        reference: CohortConfig,
        data: Sequence[str] = DATA,
        au_sets: Sequence[str] = AU_SETS,
        vocabulary: str = AUTO,
    ) -> None:
        self.reference, self.vocabulary = reference, vocabulary
        self.data, self.au_sets = tuple(data), tuple(au_sets)
        self.model, self.lexicon, self._metric = model, lexicon_of(model), anny_head().gram()
        self._fitted: dict[str, dict[str | None, dict[str, BaseEstimator]]] = {}
        people = [simulate_person(reference, index) for index in range(reference.people)]
        for kind in self.data:
            clips = [self.clips(person, kind) for person in people]
            self._fitted[kind] = {
                au_set: self._fit([each[au_set] for each in clips], au_set) for au_set in (None, *self._sets(kind))
            }

    def clips(self, person: Session, kind: str) -> dict[str | None, Clip]:
        """A person's clip, and the same with the action units of each set."""
        name = str(person.person["subject_id"])
        if kind == DATA[0]:
            psi = _from_rest(person.psi)
        else:
            psi = observed(person.psi, person.time_s, seed=crc32(name.encode()))
        clip = Clip(
            name,
            person.time_s,
            tokens=self.model.words(self.model.encode(torch.as_tensor(psi)).numpy()),
            psi=psi,
            talking=person.talking,
        )
        read = {au_set: au_intensities(psi, self._metric, au_set) for au_set in self._sets(kind)}
        with_units = {
            au_set: replace(clip, aus=aus, au_names=au_basis(au_set)[0], psi=None, tokens=None, talking=None)
            for au_set, aus in read.items()
        }
        return {None: clip} | with_units

    def words_for(self, people: int) -> str:
        """The representation that the token words are in a study with so many training people."""
        chosen = self.lexicon.finest(people) if self.vocabulary == AUTO else self.vocabulary
        return f"token words, {chosen}"

    def names(self, representation: str, kind: str = DATA[0]) -> list[str]:
        """What the columns of a bag of words are."""
        fitted = {name: each for group in self._fitted[kind].values() for name, each in group.items()}
        return fitted[representation].get_feature_names_out().tolist()

    def rows(self, person: Session) -> dict[tuple[str, str], dict[str, Float[np.ndarray, " _"]]]:
        """The person's vector by data, frames and representation."""
        out: dict[tuple[str, str], dict[str, np.ndarray]] = {}
        for kind in self.data:
            clips = self.clips(person, kind)
            for frames, kept in ((FRAMES[0], np.ones(len(person.talking), bool)), (FRAMES[1], person.talking)):
                out[kind, frames] = {
                    name: transformer.transform([clips[au_set].where(kept)])[0]
                    for au_set, transformers in self._fitted[kind].items()
                    for name, transformer in transformers.items()
                }
        if DATA[0] in self.data:
            counts = person.events["display"].value_counts().reindex([display.name for display in DISPLAYS])
            out[DATA[0], FRAMES[0]][TRUTH] = counts.fillna(0).to_numpy(float)
        return out

    def _fit(self, clips: Sequence[Clip], au_set: str | None) -> dict[str, BaseEstimator]:
        # how many people a study will have is not known yet: `words_for` chooses
        vocabulary = "displays" if self.vocabulary == AUTO else self.vocabulary
        found = clip_representations(clips, [au_set] if au_set else [], self.lexicon, vocabulary)
        return {name: transformer.fit(clips) for name, transformer in found.items()}

    def _sets(self, kind: str) -> tuple[str, ...]:
        return tuple(au_set for au_set in self.au_sets if kind == DATA[0] or au_set != ORACLE)


def _from_rest(psi: Float[np.ndarray, "t e"]) -> Float[np.ndarray, "t e"]:
    """Less what the face mostly does, as the fit's neutral takes it away."""
    return np.clip(psi - np.quantile(psi, RESTING_QUANTILE, axis=0), 0, 1).astype(np.float32)


def cohort_vectors(config: CohortConfig, reader: CohortReader) -> CohortVectors:
    """The people of a simulated cohort, read one by one.

    Arguments:
        config: the cohort.
        reader: fitted on other people.

    Raises:
        UserError: the cohort is the reader's own reference.
    """
    if config.seed == reader.reference.seed:
        raise UserError("the cohort has the seed of the people that the vocabularies were fitted on: take another.")
    rows = [reader.rows(simulate_person(config, index)) for index in range(config.people)]
    matrices = {kind: {name: np.stack([row[kind][name] for row in rows]) for name in rows[0][kind]} for kind in rows[0]}
    return CohortVectors(people_table(config), matrices)
