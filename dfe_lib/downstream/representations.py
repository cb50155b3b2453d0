"""From a clip to a vector: the representations that are compared, as scikit-learn transformers of lists of clips."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils.validation import check_is_fitted

from ..action_units import AU_SETS
from ..errors import UserError
from ..facs import AU_PRESENT, au_levels
from ..quantisation.lexicon import VOCABULARIES, Lexicon
from .bag_of_words import BagOfWords
from .clip import Clip

__all__ = [
    "AUTO",
    "AuWords",
    "Confounds",
    "Functionals",
    "KMeansWords",
    "TokenWords",
    "clip_representations",
    "confound",
]

AUTO = "auto"
"""The vocabulary that the number of training people chooses."""
GAP = 1.5
"""Frames further apart than so many usual steps are no neighbours: something between them was left out."""


class TokenWords(BagOfWords):
    """Bag of words over the tokens of clips; see `bag_of_words.BagOfWords` for the settings.

    Its vocabulary may be `"auto"`: the finest that has no more words than there are people in the clips given to
    `fit`, see :meth:`~dfe_lib.quantisation.lexicon.Lexicon.finest`.

    >>> clips = [Clip("anna", np.arange(2.0), tokens=np.array([[3, 1], [3, 2]]))]
    >>> TokenWords().fit_transform(clips)
    array([[0.5, 0.5, 1. ]])
    """

    def fit(self, X: Sequence[Clip], y: object = None) -> "TokenWords":  # type: ignore[override]
        """Learns the vocabulary of these clips."""
        grain = self.vocabulary
        if grain == AUTO:
            people = len({clip.subject_id for clip in X})
            grain = self.lexicon.finest(people) if self.lexicon is not None else "codes"
        self._learn([clip.need("tokens") for clip in X], grain)
        return self

    def transform(self, X: Sequence[Clip]) -> Float[np.ndarray, "n v"]:  # type: ignore[override]
        """(clips, words)."""
        return super().transform([clip.need("tokens") for clip in X])


class AuWords(TransformerMixin, BaseEstimator):
    """Bag of words over action units: the share of frames that show each unit, or each of its five levels.

    Arguments:
        au_set: name in `action_units.AU_SETS`, or None for every unit that the clips have.
        levels: `"binary"`, present or not, or `"five"`, at least A, B, C, D, E.
        root: of the shares, as `BagOfWords` can take it.

    >>> clip = Clip("anna", np.arange(2.0), aus=np.array([[0.8], [0.1]]), au_names=("AU12",))
    >>> AuWords().fit_transform([clip])
    array([[0.5]])
    """

    def __init__(self, au_set: str | None = None, levels: str = "binary", root: bool = False):
        self.au_set = au_set
        self.levels = levels
        self.root = root

    def fit(self, X: Sequence[Clip], y: object = None) -> "AuWords":
        """Learns which units there are."""
        if self.levels not in ("binary", "five"):
            raise UserError(f"levels must be 'binary' or 'five', not {self.levels!r}.")
        self.names_ = _units(X, self.au_set)
        return self

    def transform(self, X: Sequence[Clip]) -> Float[np.ndarray, "n v"]:
        """(clips, units or levels)."""
        check_is_fitted(self)
        rows = []
        for clip in X:
            aus = _columns(clip, self.names_)
            shown = [aus >= AU_PRESENT] if self.levels == "binary" else [au_levels(aus) >= k for k in range(1, 6)]
            rows.append(np.concatenate([part.mean(0) if len(clip) else np.zeros(aus.shape[1]) for part in shown]))
        return np.sqrt(np.stack(rows)) if self.root else np.stack(rows)


class Functionals(TransformerMixin, BaseEstimator):
    """Mean, standard deviation, speed (mean change a second) and onsets (a second) of each channel.

    An onset is a rise above `AU_PRESENT`, the level from which a unit counts as present.

    Arguments:
        of: `"psi"`, the expression coefficients, or `"aus"`.
        au_set: for `"aus"`: name in `action_units.AU_SETS`, or None for every unit that the clips have.

    >>> clip = Clip("anna", np.array([0.0, 0.5, 1.0]), psi=np.array([[0.0], [0.5], [0.1]]))
    >>> Functionals("psi").fit_transform([clip]).round(2)
    array([[0.2 , 0.22, 0.9 , 1.  ]])
    """

    def __init__(self, of: str = "psi", au_set: str | None = None):
        self.of = of
        self.au_set = au_set

    def fit(self, X: Sequence[Clip], y: object = None) -> "Functionals":
        """Learns which channels there are."""
        if self.of not in ("psi", "aus"):
            raise UserError(f"functionals are of 'psi' or 'aus', not {self.of!r}.")
        self.names_ = _units(X, self.au_set) if self.of == "aus" else ()
        return self

    def transform(self, X: Sequence[Clip]) -> Float[np.ndarray, "n v"]:
        """(clips, 4 x channels)."""
        check_is_fitted(self)
        values = [_columns(clip, self.names_) if self.of == "aus" else clip.need("psi") for clip in X]
        return np.stack([_functionals(clip.time_s, rows) for clip, rows in zip(X, values, strict=True)])


class KMeansWords(TransformerMixin, BaseEstimator):
    """Bag of words whose words are clusters of frames by their action units.

    Arguments:
        n_words: Clusters.
        au_set: name in `action_units.AU_SETS`, or None for every unit that the clips have.
        root: of the shares, as `BagOfWords` can take it.
        n_frames: Frames that the clusters are learnt from, evenly spread.
        seed: Of the clustering.

    References:
        Tran et al., "Modeling dynamics of facial behavior for mental health assessment", FG 2021.
    """

    def __init__(
        self,
        n_words: int = 128,
        au_set: str | None = None,
        root: bool = False,
        n_frames: int = 20_000,
        seed: int = 0,
    ):
        self.n_words = n_words
        self.au_set = au_set
        self.root = root
        self.n_frames = n_frames
        self.seed = seed

    def fit(self, X: Sequence[Clip], y: object = None) -> "KMeansWords":
        """Learns the clusters from frames of these clips."""
        self.names_ = _units(X, self.au_set)
        frames = np.concatenate([_columns(clip, self.names_) for clip in X])
        sample = frames[np.unique(np.linspace(0, len(frames) - 1, self.n_frames).astype(int))]
        n_words = min(self.n_words, len(np.unique(sample, axis=0)))
        self.clusters_ = MiniBatchKMeans(n_words, batch_size=2048, n_init=1, random_state=self.seed).fit(sample)
        return self

    def transform(self, X: Sequence[Clip]) -> Float[np.ndarray, "n v"]:
        """(clips, words): share of the frames."""
        check_is_fitted(self)
        matrix = np.zeros((len(X), self.clusters_.n_clusters))
        for row, clip in zip(matrix, X, strict=True):
            if len(clip):
                words = self.clusters_.predict(np.ascontiguousarray(_columns(clip, self.names_)))
                row += np.bincount(words, minlength=len(row)) / len(clip)
        return np.sqrt(matrix) if self.root else matrix


class Confounds(TransformerMixin, BaseEstimator):
    """What is no expression and may still predict the label: talking, head motion, confidence of the tracker.

    Columns, as far as the clips have them: share of frames talking; mean turn of the head (degrees a second); mean
    confidence. Frames of which one is not known do not count for it; a clip without any that is has the mean of the
    clips that were given to `fit`.
    """

    def fit(self, X: Sequence[Clip], y: object = None) -> "Confounds":
        """Learns which confounds the clips have.

        Raises:
            UserError: they have none.
        """
        known = {"talking": "talking", "turn_deg": "head motion", "confidence": "confidence"}
        self.columns_ = tuple(name for name in known if all(getattr(clip, name) is not None for clip in X))
        if not self.columns_:
            raise UserError("these clips know nothing of talking, head motion or confidence: leave the confounds out.")
        self.means_ = np.nan_to_num([_known_mean(column) for column in self._matrix(X).T])
        return self

    def transform(self, X: Sequence[Clip]) -> Float[np.ndarray, "n v"]:
        """(clips, confounds)."""
        check_is_fitted(self)
        matrix = self._matrix(X)
        return np.where(np.isfinite(matrix), matrix, self.means_)

    def _matrix(self, clips: Sequence[Clip]) -> Float[np.ndarray, "n v"]:
        return np.array([[confound(clip, name) for name in self.columns_] for clip in clips])


def confound(clip: Clip, name: str) -> float:
    """A confound over the frames in which it is known; NaN where that is none.

    Arguments:
        name: `"talking"` (share of frames), `"turn_deg"` (mean turn of the head, degrees a second) or `"confidence"`.
    """
    values = clip.need(name)
    if not len(clip):
        return 0.0
    if name != "turn_deg":
        return _known_mean(values)
    known, step = np.isfinite(values).all(1), np.diff(clip.time_s)
    if not known.any():
        return np.nan
    near = (step > 0) & (step < GAP * np.median(step)) if len(step) else np.zeros(0, bool)
    near &= known[1:] & known[:-1]
    return float(np.linalg.norm(np.diff(values, axis=0), axis=1)[near].sum() / max(float(step[near].sum()), 1e-9))


def clip_representations(
    clips: Sequence[Clip], au_sets: Sequence[str] = (), lexicon: Lexicon | None = None, vocabulary: str = AUTO
) -> dict[str, BaseEstimator]:
    """The representations that these clips have the columns for, by the names that the tables use.

    Every bag of words holds roots of shares unless its name says otherwise; those of tokens weigh an occurrence by its
    strength unless they are called counts.

    Arguments:
        clips: all of them alike.
        au_sets: names in `action_units.AU_SETS`; without any, the units that the clips have.
        lexicon: of the model whose tokens they are; without it every token is a word.
        vocabulary: of the words of tokens, see :class:`TokenWords`.
    """
    first = clips[0]
    found: dict[str, BaseEstimator] = {}
    if first.tokens is not None:
        found |= _token_words(lexicon, vocabulary)
    for au_set in au_sets or (None,) if first.aus is not None else ():
        ending = f", {AU_TITLES.get(au_set, au_set)}" if au_set else ""
        found |= {
            f"au words{ending}": AuWords(au_set, root=True),
            f"au functionals{ending}": Functionals("aus", au_set),
            f"au k-means words{ending}": KMeansWords(au_set=au_set, root=True),
        }
    if first.psi is not None:
        found["psi functionals"] = Functionals("psi")
    if {first.talking is None, first.turn_deg is None, first.confidence is None} != {True}:
        found["confounds"] = Confounds()
    return found


def _token_words(lexicon: Lexicon | None, vocabulary: str) -> dict[str, BaseEstimator]:
    """Bags of tokens: by strength, in each of the vocabularies, by counts, and of other weightings."""
    if vocabulary not in (AUTO, *VOCABULARIES):
        raise UserError(f"vocabulary must be {AUTO} or one of {', '.join(VOCABULARIES)}, not {vocabulary!r}.")
    words = partial(TokenWords, lexicon, vocabulary)
    found = {"token words": words(weighting="root")}
    if lexicon is not None:
        found |= {f"token words, {name}": TokenWords(lexicon, name, weighting="root") for name in VOCABULARIES}
        found["token words, counts"] = words(strength=False, weighting="root")
    return found | {
        "token words, TF-IDF": words(weighting="tfidf"),
        "token words, binary": words(weighting="binary"),
        "token words and runs": words(weighting="root", ngrams=2, durations=True, min_share=0.1),
    }


AU_TITLES = {
    "openface17": "OpenFace 17",
    "pyfeat20": "py-feat 20",
    "libreface12": "LibreFace 12",
    "facs": "all of FACS",
}
"""How captions call the sets of action units."""


def _units(clips: Sequence[Clip], au_set: str | None) -> tuple[str, ...]:
    names = clips[0].au_names
    if au_set is None:
        return names
    if au_set not in AU_SETS:
        raise UserError(f"there is no set of action units {au_set!r}: use one of {', '.join(AU_SETS)}.")
    return tuple(name for name in AU_SETS[au_set] if name in names)


def _columns(clip: Clip, names: Sequence[str]) -> Float[np.ndarray, "t a"]:
    missing = set(names) - set(clip.au_names)
    if missing:
        raise UserError(f"clip {clip.clip_id!r} lacks {min(missing)}: one study needs clips of one detector.")
    return clip.need("aus")[:, [clip.au_names.index(name) for name in names]]


def _functionals(time_s: Float[np.ndarray, " t"], values: Float[np.ndarray, "t e"]) -> Float[np.ndarray, " v"]:
    if len(values) < 2:
        return np.zeros(4 * values.shape[1])
    step = np.diff(time_s)
    near = (step > 0) & (step < GAP * np.median(step))
    seconds = max(float(step[near].sum()), 1e-9)
    change = np.abs(np.diff(values, axis=0))[near].sum(0) / seconds
    present = values >= AU_PRESENT
    onsets = (present[1:] & ~present[:-1])[near].sum(0) / seconds
    return np.concatenate([values.mean(0), values.std(0), change, onsets])


def _known_mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
