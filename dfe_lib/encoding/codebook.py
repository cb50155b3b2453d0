"""Tokens in plain language: the words of a frame, and the codebook as a table."""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from ..action_units import ACTION_UNITS
from ..blendshapes import ACTIONS
from ..facs import au_basis, au_intensities
from ..morphable.metric import mesh_length
from ..morphable.model import MorphableModel
from ..morphable.phrases import main_regions, movements, sentence
from ..quantisation.lexicon import level_name, lexicon_of
from ..quantisation.rvqvae import RvqVae

__all__ = ["FrameWords", "codebook_table", "codebook_words"]

PARTS = 3
"""Parts of the face that a frame's sentence speaks of at most."""
EYES = "eyeLook"
"""Where the eyes look weighs nothing in the mesh metric, so that tokens leave it to chance; it has its own columns."""
UNITS_SEEN = 0.1
"""Strength from which a unit is named for a token, FACS's level A."""
NOTHING = "At rest"
"""What the token that means nothing says."""
REMEMBERED = 10_000
"""Combinations of tokens whose sentence is kept."""


class FrameWords:
    """The sentence of each frame: what its tokens together do to a resting face.

    Arguments:
        model: what the tokens decode by. head: with the model's coefficients; None where there is no mesh.
    """

    def __init__(self, model: RvqVae, head: MorphableModel | None) -> None:
        self._model, self._head = model, head
        self._known: dict[tuple[int, ...], str] = {}

    def __call__(self, tokens: Int[np.ndarray, "n m"]) -> list[str]:
        """A sentence for each row of tokens; empty without a mesh."""
        if self._head is None:
            return [""] * len(tokens)
        rows = [tuple(row) for row in tokens.tolist()]
        new = sorted(set(rows) - self._known.keys())
        if len(self._known) > REMEMBERED:
            self._known = {row: self._known[row] for row in set(rows) - set(new)}
        if new:
            psi = self._model.decode(torch.tensor(new)).cpu().numpy().astype(float)
            psi[:, [name.startswith(EYES) for name in self._model.config.coefficients]] = 0
            self._known |= zip(new, (sentence(found, PARTS) for found in movements(self._head, psi)), strict=True)
        return [self._known[row] for row in rows]


def codebook_words(model: RvqVae, head: MorphableModel | None) -> list[list[str]]:
    """What each token does by itself, in words and at which level: a list a codebook, one where all places share it."""
    size, noted = model.config.codebook_size, _sentences(model, head)
    return [noted[start : start + size] for start in range(0, len(noted), size)]


def codebook_table(model: RvqVae, head: MorphableModel | None) -> pd.DataFrame:
    """The codebook for people: a row a token with what it does.

    Columns: `token`; `place`, which of a frame's tokens it is, or `any` where all share one codebook; the `display`
    that it shows; its `level`, from 0, the weakest; its `strength` as a share of the top level, 0 for the token that
    means nothing; the `group` of the display among displays alike; `words`, such as
    `Mouth opens 6 mm, level C of D`, left without the level where there is one alone;
    `action_units`, those that it shows with their strength from 0 to 5, and with a minus those that it takes away;
    `region`, where it moves the face most; `mm`, its size, rms over the face.
    """
    changes, size, lexicon = model.templates(), model.config.codebook_size, lexicon_of(model)
    metric = head.gram() if head is not None else np.eye(changes.shape[1])
    regions = main_regions(head, changes) if head is not None else [[]] * len(changes)
    columns = {
        "token": np.arange(len(changes)) % size,
        "place": ["any" if model.config.shared_codebook else str(word // size + 1) for word in range(len(changes))],
        "display": lexicon.display,
        "level": np.arange(len(changes)) % model.config.levels,
        "strength": lexicon.strength.round(3),
        "group": lexicon.group,
        "words": _sentences(model, head),
        "action_units": _units(model, changes, metric),
        "region": [" and ".join(found[:2]) for found in regions],
        "mm": mesh_length(changes, metric).round(3),
    }
    return pd.DataFrame(columns)


def _sentences(model: RvqVae, head: MorphableModel | None) -> list[str]:
    changes, levels, strength = model.templates(), model.config.levels, model.strengths().ravel()
    if head is None:
        return [""] * len(changes)
    said = [sentence(found) for found in movements(head, changes)]
    if levels == 1:
        return said
    top = level_name(levels - 1, levels)
    return [
        f"{words}, level {level_name(word % levels, levels)} of {top}" if strength[word] > 0 else NOTHING
        for word, words in enumerate(said)
    ]


def _units(model: RvqVae, changes: Float[np.ndarray, "k e"], metric: Float[np.ndarray, "e e"]) -> list[str]:
    if model.config.coefficients != ACTIONS:
        return [""] * len(changes)
    codes, _ = au_basis("facs")
    more, less = (5 * au_intensities(sign * changes, metric) for sign in (1, -1))
    return [
        ", ".join([*_named(codes, row, ""), *_named(codes, other, "-")]) for row, other in zip(more, less, strict=True)
    ]


def _named(codes: tuple[str, ...], strengths: Float[np.ndarray, " a"], sign: str) -> list[str]:
    order = np.argsort(-strengths, kind="stable")
    seen = [i for i in order if strengths[i] >= 5 * UNITS_SEEN]
    return [f"{codes[i]} {ACTION_UNITS[codes[i]].name} {sign}{strengths[i]:.1f}" for i in seen]
