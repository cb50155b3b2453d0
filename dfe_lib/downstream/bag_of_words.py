"""Bag of words: how much of each word there is in a stretch of time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..errors import UserError
from ..io.tables import read_arrays
from ..quantisation.lexicon import VOCABULARIES, Lexicon
from ..quantisation.rvqvae import RvqVae

__all__ = ["BagOfWords", "Windows", "token_windows"]

WEIGHTINGS = ("frequency", "root", "count", "binary", "tfidf")


@dataclass(frozen=True)
class Windows:
    """Stretches of time of one face each.

    Arguments:
        index: One row a window: clip_id, subject_id, face_id, start_s, end_s, frames (those with tokens).
        tokens: The tokens (frames, M) of each window, as `RvqVae.words` numbers them.
    """

    index: pd.DataFrame
    tokens: list[Int[np.ndarray, "_ m"]]


def token_windows(paths: Iterable[str | Path], model: RvqVae, window_s: float | None = None) -> Windows:
    """Cuts tokens tables into windows; a window without a single valid frame is left out.

    Arguments:
        paths: Tokens tables, in the order the windows shall have.
        model: That wrote them; it knows which words its tokens are.
        window_s: Length in seconds, counted from each clip's first frame; None makes one window of a whole clip.
    """
    if window_s is not None and window_s <= 0:
        raise UserError(f"window_s must be longer than 0 seconds, not {window_s}; None takes whole clips.")
    rows, tokens = [], []
    for path in paths:
        for row, kept in _windows_of(read_arrays(path), model, window_s):
            rows.append(row)
            tokens.append(kept)
    columns = ["clip_id", "subject_id", "face_id", "start_s", "end_s", "frames"]
    return Windows(pd.DataFrame(rows, columns=columns), tokens)


class BagOfWords(TransformerMixin, BaseEstimator):
    r"""Counts the words of each window: scikit-learn transformer from lists of tokens (frames, M) to a matrix.

    The vocabulary is what occurs in the windows given to `fit`, so fit it on the training subjects; words that it does
    not hold are not counted afterwards, nor is a token that means nothing. Tokens come as `RvqVae.words` numbers them.

    Arguments:
        lexicon: :func:`~dfe_lib.quantisation.lexicon.lexicon_of` the model; without one every token is a word.
        vocabulary: which words the tokens stand for: `"groups"` of displays, `"displays"`, or `"codes"`.
        strength: An occurrence counts its strength, from 0 to 1; otherwise one.
        by_stage: A word at another stage is another word; otherwise only the word counts.
        weighting: `"frequency"`, words per valid frame; `"root"` of it, as counts vary with their mean; `"count"`;
            `"binary"`, whether a word occurs; or `"tfidf"`, frequency times $\log((1 + n) / (1 + n_w)) + 1$ with n
            windows in `fit`, n_w of them with the word, each window to unit length.
        ngrams: Sequences of up to so many different first words are words too: 2 are the transitions.
        durations: Further columns hold how many frames a word stays on average, whatever its stage; 0 without it.
        min_share: Words in a smaller share of the windows given to `fit` are left out.

    >>> bag = BagOfWords().fit([np.array([[3, 1], [3, 2]])])
    >>> bag.get_feature_names_out().tolist()
    ['token_1', 'token_2', 'token_3']
    >>> bag.transform([np.array([[3, 3]])])
    array([[0., 0., 2.]])
    >>> BagOfWords(ngrams=2).fit([np.array([[3], [3], [1]])]).get_feature_names_out().tolist()
    ['token_1', 'token_3', 'run_3_1']

    Two displays at two strengths each, the first of which is nothing:

    >>> lexicon = Lexicon(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), np.array([0, 1, 0.5, 1]))
    >>> BagOfWords(lexicon).fit_transform([np.array([[1, 2], [0, 3]])])
    array([[0.5 , 0.75]])
    """

    def __init__(
        self,
        lexicon: Lexicon | None = None,
        vocabulary: str = "displays",
        strength: bool = True,
        by_stage: bool = False,
        weighting: str = "frequency",
        ngrams: int = 1,
        durations: bool = False,
        min_share: float = 0.0,
    ):
        self.lexicon = lexicon
        self.vocabulary = vocabulary
        self.strength = strength
        self.by_stage = by_stage
        self.weighting = weighting
        self.ngrams = ngrams
        self.durations = durations
        self.min_share = min_share

    def fit(self, X: Sequence[Int[np.ndarray, "_ m"]], y: object = None) -> "BagOfWords":
        """Learns the vocabulary: (stage, word) pairs in order, all of stage 0 unless `by_stage`; then n-grams."""
        self._learn(X, self.vocabulary)
        return self

    def transform(self, X: Sequence[Int[np.ndarray, "_ m"]]) -> Float[np.ndarray, "n v"]:
        """The vocabulary's weights, then the words' durations if asked for (windows, words)."""
        check_is_fitted(self)
        column = {word: i for i, word in enumerate(self.vocabulary_)}
        matrix = np.zeros((len(X), len(column)))
        for row, tokens in zip(matrix, X, strict=True):
            for word, weight in self._weights(tokens).items():
                if word in column:
                    row[column[word]] = weight
            if self.weighting in ("frequency", "root", "tfidf"):
                row /= max(len(tokens), 1)
        if self.weighting == "root":
            matrix = np.sqrt(matrix)
        if self.weighting == "binary":
            matrix = (matrix > 0).astype(float)
        if self.weighting == "tfidf":
            matrix *= self.idf_
            matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        if not self.durations:
            return matrix
        return np.hstack([matrix, np.stack([_durations(self._words(tokens), self.words_) for tokens in X])])

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns, such as `display_17`, `stage_0_token_17`, `run_3_1` or `frames_of_17`."""
        check_is_fitted(self)
        kind = "token" if self.lexicon is None else VOCABULARIES[self.grain_]
        title = f"stage_{{}}_{kind}_{{}}" if self.by_stage else f"{kind}_{{1}}"
        names = [
            title.format(*word) if len(word) == 2 else "_".join(map(str, ("run", *word[1:])))
            for word in self.vocabulary_
        ]
        return np.array(names + [f"frames_of_{k}" for k in self.words_ if self.durations], dtype=object)

    def _learn(self, windows: Sequence[Int[np.ndarray, "_ m"]], grain: str) -> None:
        """Learns the words of some windows, in the vocabulary `grain`."""
        if self.weighting not in WEIGHTINGS:
            raise UserError(f"weighting must be one of {', '.join(WEIGHTINGS)}, not {self.weighting!r}.")
        if self.lexicon is None and grain not in ("displays", "codes"):
            raise UserError(f"the vocabulary {grain!r} is that of a model: give its lexicon, lexicon_of(model).")
        self.grain_ = grain
        found: Counter[tuple] = Counter()
        for tokens in windows:
            found.update(self._weights(tokens).keys())
        if not found:
            raise UserError("There is no token in these windows; give at least one window with a face not at rest.")
        kept = [word for word, count in found.items() if count >= self.min_share * len(windows)]
        self.vocabulary_ = sorted(kept, key=lambda word: (len(word), word))
        self.idf_ = np.array([np.log((1 + len(windows)) / (1 + found[word])) + 1 for word in self.vocabulary_])
        words = np.unique(np.concatenate([self._words(tokens).ravel() for tokens in windows]))
        self.words_ = words[words >= 0]

    def _words(self, tokens: Int[np.ndarray, "n m"]) -> Int[np.ndarray, "n m"]:
        """The word of each token, -1 where it means nothing."""
        tokens = np.asarray(tokens, dtype=np.int64)
        return tokens if self.lexicon is None else self.lexicon.words(tokens, self.grain_)

    def _weights(self, tokens: Int[np.ndarray, "n m"]) -> dict[tuple, float]:
        """How much of each word there is: (stage, word), or ("run", word, word, ...)."""
        words = self._words(tokens)
        each = np.ones(words.shape) if self.lexicon is None or not self.strength else self.lexicon.strength[tokens]
        if not self.by_stage:
            words, each = words.reshape(-1, 1), each.reshape(-1, 1)
        weights: dict[tuple, float] = {}
        for stage, (column, amounts) in enumerate(zip(words.T, each.T, strict=True)):
            occurring, which = np.unique(column[column >= 0], return_inverse=True)
            sums = np.bincount(which, amounts[column >= 0], len(occurring))
            weights |= {(stage, word): x for word, x in zip(occurring.tolist(), sums.tolist(), strict=True)}
        return weights | self._runs(self._words(tokens)[:, 0])

    def _runs(self, first: Int[np.ndarray, " n"]) -> dict[tuple, float]:
        """How often each sequence of different first words occurs; a face at rest between them is passed over."""
        first, counts = first[first >= 0], Counter[tuple]()
        runs = first[np.flatnonzero(np.diff(first, prepend=-1))].tolist()
        for length in range(2, self.ngrams + 1):
            counts.update(("run", *words) for words in zip(*(runs[i:] for i in range(length)), strict=False))
        return {word: float(count) for word, count in counts.items()}


def _durations(words: Int[np.ndarray, "n m"], known: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Mean length in frames of the runs of frames that hold each word."""
    there = (words[:, :, None] == known).any(1)
    onsets = np.diff(there.astype(np.int8), axis=0, prepend=0) > 0
    return there.sum(0) / np.maximum(onsets.sum(0), 1)


def _windows_of(
    table: dict[str, np.ndarray], model: RvqVae, window_s: float | None
) -> Iterable[tuple[dict, np.ndarray]]:
    if not len(table["frame"]):
        return
    start, end = table["time_s"].min(), table["time_s"].max()
    # Frame times are rounded multiples of 1 / rate: without the allowance, 2.9999999 s falls into the window before.
    since = table["time_s"] - start
    number = np.zeros(len(since), int) if window_s is None else np.floor(since / window_s + 1e-6).astype(int)
    valid = table["valid"].astype(bool)
    for face in np.unique(table["face_id"][valid]):
        for window in np.unique(number[valid & (table["face_id"] == face)]):
            rows = valid & (table["face_id"] == face) & (number == window)
            first = rows.argmax()
            opened = start + window * (window_s or 0.0)
            yield (
                {
                    "clip_id": table["clip_id"][first],
                    "subject_id": table["subject_id"][first],
                    "face_id": int(face),
                    "start_s": opened,
                    "end_s": end if window_s is None else opened + window_s,
                    "frames": int(rows.sum()),
                },
                model.words(table["tokens"][rows]),
            )
