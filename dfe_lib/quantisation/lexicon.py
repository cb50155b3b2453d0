"""The words that the codes of a model are, at three grains: groups of displays, displays, and codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform

from ..errors import UserError
from ..morphable.metric import mesh_cosine
from .rvqvae import RvqVae

__all__ = ["VOCABULARIES", "Lexicon", "level_name", "lexicon_of", "word_templates"]

VOCABULARIES = {"groups": "group", "displays": "display", "codes": "token"}
"""The vocabularies, coarse to fine, each with what one of its words is called."""
GROUPS = 16
"""Groups that the displays are put into, but no more than one for every four displays."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What each code counts as; codes are numbered as :meth:`~dfe_lib.quantisation.rvqvae.RvqVae.words` does.

    Arguments:
        display: (W,) that a code shows. group: (W,) that its display belongs to.
        strength: (W,) share of the display's top level, 0 for a code that means nothing.

    >>> lexicon = Lexicon(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), np.array([0, 1, 0.5, 1]))
    >>> lexicon.words(np.array([[0, 3]]), "displays").tolist(), lexicon.size("codes")
    ([[-1, 1]], 4)
    """

    display: Int[np.ndarray, " w"]
    group: Int[np.ndarray, " w"]
    strength: Float[np.ndarray, " w"]

    def words(self, codes: Int[np.ndarray, "*b m"], vocabulary: str = "displays") -> Int[np.ndarray, "*b m"]:
        """The word of each code, -1 for one that means nothing.

        Arguments:
            vocabulary: of `VOCABULARIES`.

        Raises:
            UserError: There is no such vocabulary, or a code is not of this model.
        """
        word = self._of(vocabulary)
        if codes.size and not 0 <= codes.min() <= codes.max() < len(word):
            raise UserError(f"these tokens are not of this model, which has {len(word)} codes: name their own.")
        return np.where(self.strength > 0, word, -1)[codes]

    def label(self, code: int) -> str:
        """What people call a code: its display and its level; the display alone where there is one level.

        >>> Lexicon(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), np.array([0, 1, 0.5, 1])).label(3)
        '1 B'
        """
        if not self.strength[code]:
            return "at rest"
        level = level_name(code % self.levels, self.levels)
        return f"{self.display[code]}{f' {level}' if self.levels > 1 else ''}"

    @property
    def levels(self) -> int:
        """Strengths of a display."""
        return len(self.display) // self.size("displays")

    def size(self, vocabulary: str) -> int:
        """How many words a vocabulary has."""
        return int(self._of(vocabulary).max()) + 1

    def finest(self, people: int) -> str:
        """The finest vocabulary that has no more words than so many people; the groups for fewer still.

        >>> Lexicon(np.arange(64) // 4, np.arange(64) // 16, np.ones(64)).finest(people=20)
        'displays'
        """
        borne = [name for name in VOCABULARIES if self.size(name) <= people]
        return borne[-1] if borne else "groups"

    def _of(self, vocabulary: str) -> Int[np.ndarray, " w"]:
        if vocabulary not in VOCABULARIES:
            raise UserError(f"vocabulary must be one of {', '.join(VOCABULARIES)}, not {vocabulary!r}.")
        return {"groups": self.group, "displays": self.display, "codes": np.arange(len(self.display))}[vocabulary]


def lexicon_of(model: RvqVae) -> Lexicon:
    """The lexicon of a model, which depends on nothing else.

    Displays are grouped by the cosine of their templates in the metric of the model's latent (agglomerative, complete
    linkage: no two displays of a group are far apart); groups are numbered by their first display.
    """
    strength = model.strengths()
    display = np.repeat(np.arange(len(strength)), strength.shape[1])
    return Lexicon(display, _groups(model)[display], strength.ravel())


def word_templates(model: RvqVae, names: Iterable[str]) -> Float[np.ndarray, "n e"]:
    """Change of psi that each word makes, of a group the mean of its displays', at full strength.

    Arguments:
        names: such as `display_17`, `group_3` or `token_68`, which is a code as `RvqVae.words` numbers it.

    >>> from .rvqvae import RvqVaeConfig
    >>> model = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=8, n_stages=2, levels=4))
    >>> (word_templates(model, ["token_3", "display_0"]) == model.display_templates()[0]).all().item()
    True
    """
    lexicon, displays = lexicon_of(model), model.display_templates()
    members = lexicon.group[:: lexicon.levels]
    means = np.stack([displays[members == group].mean(0) for group in range(lexicon.size("groups"))])
    tables = {"token": model.templates(), "display": displays, "group": means}
    return np.stack([tables[kind][int(number)] for kind, _, number in (name.rpartition("_") for name in names)])


def level_name(level: int, levels: int) -> str:
    """A for the weakest of up to 26 levels, as FACS has it; else its number, from 1.

    >>> level_name(2, 4), level_name(30, 32)
    ('C', '31')
    """
    return ascii_uppercase[level] if levels <= len(ascii_uppercase) else str(level + 1)


def _groups(model: RvqVae) -> Int[np.ndarray, " d"]:
    templates = model.display_templates()
    count = min(GROUPS, max(1, len(templates) // 4))
    if len(templates) < 2:
        return np.zeros(len(templates), int)
    analysis = model.analysis.detach().cpu().numpy().astype(float)
    # a cosine of 1 may be rounded up
    distance = np.maximum(1 - mesh_cosine(templates, templates, analysis.T @ analysis), 0.0)
    found = cut_tree(linkage(squareform(distance, checks=False), "complete"), count).ravel()
    _, first, which = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which]
