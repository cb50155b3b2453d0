"""Bag of words: how often each token occurs in a stretch of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .errors import UserError
from .tables import read_arrays

__all__ = ["BagOfWords", "Windows", "token_windows"]


@dataclass(frozen=True)
class Windows:
    """Stretches of time of one face each.

    Arguments:
        index: One row a window: clip_id, subject_id, face_id, start_s, end_s, frames (those with tokens).
        tokens: The tokens (frames, M) of each window.
    """

    index: pd.DataFrame
    tokens: list[Int[np.ndarray, "_ m"]]


def token_windows(paths: Iterable[str | Path], window_s: float | None = None) -> Windows:
    """Cuts tokens tables into windows; a window without a single valid frame is left out.

    Arguments:
        paths: Tokens tables, in the order the windows shall have.
        window_s: Length in seconds, counted from each clip's first frame; None makes one window of a whole clip.
    """
    if window_s is not None and window_s <= 0:
        raise UserError(f"window_s must be longer than 0 seconds, not {window_s}; None takes whole clips.")
    rows, tokens = [], []
    for path in paths:
        for row, kept in _windows_of(read_arrays(path), window_s):
            rows.append(row)
            tokens.append(kept)
    columns = ["clip_id", "subject_id", "face_id", "start_s", "end_s", "frames"]
    return Windows(pd.DataFrame(rows, columns=columns), tokens)


class BagOfWords(TransformerMixin, BaseEstimator):
    """Counts the words of each window: scikit-learn transformer from lists of tokens (frames, M) to a matrix.

    The vocabulary is what occurs in the windows given to `fit`, so fit it on the training subjects; words that it does
    not hold are not counted afterwards.

    Arguments:
        by_stage: A token at another stage is another word; otherwise only the token counts.
        weighting: `"frequency"`, words per valid frame, or `"count"`.

    >>> bag = BagOfWords().fit([np.array([[3, 1], [3, 2]])])
    >>> bag.get_feature_names_out().tolist()
    ['token_1', 'token_2', 'token_3']
    >>> bag.transform([np.array([[3, 3]])])
    array([[0., 0., 2.]])
    """

    def __init__(self, by_stage: bool = False, weighting: str = "frequency"):
        self.by_stage = by_stage
        self.weighting = weighting

    def fit(self, X: Sequence[Int[np.ndarray, "_ m"]], y: object = None) -> "BagOfWords":
        """Learns the vocabulary: (stage, token) pairs in order, all of stage 0 unless `by_stage`."""
        if self.weighting not in ("frequency", "count"):
            raise UserError(f"weighting must be 'frequency' or 'count', not {self.weighting!r}.")
        found = [self._words(tokens) for tokens in X if len(tokens)]
        if not found:
            raise UserError("There is no token in these windows; give at least one window with a valid frame.")
        self.vocabulary_ = np.unique(np.concatenate(found), axis=0)
        return self

    def transform(self, X: Sequence[Int[np.ndarray, "_ m"]]) -> Float[np.ndarray, "n v"]:
        """Counts or frequencies of the vocabulary (windows, words)."""
        check_is_fitted(self)
        column = {tuple(word): i for i, word in enumerate(self.vocabulary_.tolist())}
        matrix = np.zeros((len(X), len(column)))
        for row, tokens in zip(matrix, X, strict=True):
            words, counts = np.unique(self._words(tokens), axis=0, return_counts=True)
            for word, count in zip(words.tolist(), counts, strict=True):
                if tuple(word) in column:
                    row[column[tuple(word)]] = count
            if self.weighting == "frequency" and len(tokens):
                row /= len(tokens)
        return matrix

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns, such as `token_17` or `stage_0_token_17`."""
        check_is_fitted(self)
        name = "stage_{}_token_{}" if self.by_stage else "token_{1}"
        return np.array([name.format(*word) for word in self.vocabulary_.tolist()], dtype=object)

    def _words(self, tokens: Int[np.ndarray, "n m"]) -> Int[np.ndarray, "w 2"]:
        tokens = np.asarray(tokens, dtype=np.int64)
        stage = np.broadcast_to(np.arange(tokens.shape[1]) if self.by_stage else 0, tokens.shape)
        return np.stack([stage.ravel(), tokens.ravel()], axis=1)


def _windows_of(table: dict[str, np.ndarray], window_s: float | None) -> Iterable[tuple[dict, np.ndarray]]:
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
                table["tokens"][rows],
            )
