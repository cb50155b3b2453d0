"""The words of many clips as one table, by person or by clip, without the tokens ever being in memory together."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..quantisation.counts import count_tokens
from ..quantisation.lexicon import VOCABULARIES, Lexicon, lexicon_of
from ..quantisation.rvqvae import RvqVae

__all__ = ["word_table"]


def word_table(
    tables: Iterable[str | Path],
    model: RvqVae,
    by: Sequence[str] = ("subject_id",),
    vocabulary: str = "displays",
    strength: bool = True,
) -> pd.DataFrame:
    """How much of each word there is in a frame with a face, by person: a row each, in the order of their names.

    The figures are those of :class:`~.bag_of_words.BagOfWords` with the weighting `frequency` on all frames of a
    person; the columns are the words of the model that mean something, whether they occur or not.

    Arguments:
        tables: Tokens tables, of any number and length.
        model: That wrote them.
        by: Columns that tell rows apart: `subject_id`, `clip_id`, `data`, or several.
        vocabulary: `"groups"` of displays, `"displays"`, or `"codes"`.
        strength: An occurrence counts its strength, from 0 to 1; otherwise one.

    Returns:
        Columns `by`, `frames`, and one a word, such as `display_17`.

    Raises:
        UserError: There is no frame with a face, a table is damaged, or it is of another model.
    """
    found, lexicon = count_tokens(tables, model, by, by_stage=False), lexicon_of(model)
    shares = found.words(model) @ _weights(lexicon, vocabulary, strength) / found.index.frames.to_numpy()[:, None]
    kept = np.unique(lexicon.words(np.arange(len(lexicon.display)), vocabulary))
    names = [f"{VOCABULARIES[vocabulary]}_{word}" for word in kept[kept >= 0]]
    return pd.concat([found.index, pd.DataFrame(shares[:, kept[kept >= 0]], columns=names)], axis=1)


def _weights(lexicon: Lexicon, vocabulary: str, strength: bool) -> Float[np.ndarray, "w v"]:
    """What an occurrence of each code adds to each word."""
    word = lexicon.words(np.arange(len(lexicon.display)), vocabulary)
    weights = np.zeros((len(word), lexicon.size(vocabulary)))
    means = word >= 0
    weights[np.flatnonzero(means), word[means]] = lexicon.strength[means] if strength else 1.0
    return weights
