"""A face as a few atoms of dictionaries learned region by region, each at one of a few strengths."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from ..morphable.metric import mesh_energy, metric_root
from ..quantisation.quantiser import ResidualQuantiser
from .baselines import MeshAxes

__all__ = ["REGIONS", "RegionDictionary", "region_columns"]

REGIONS: dict[str, tuple[str, ...]] = {
    "brows": ("brow",),
    "eyes": ("eye",),
    "nose_cheeks": ("nose", "cheek"),
    "mouth_jaw": ("mouth", "jaw", "tongue"),
}
"""What the names of a region's actions begin with."""
FRAMES = 4096
"""Training frames that the dictionaries are learned from at most, evenly taken."""


def region_columns(names: Sequence[str]) -> dict[str, list[int]]:
    """Columns of psi that belong to each region.

    >>> region_columns(("jawOpen", "browInnerUp", "mouthLeft"))
    {'brows': [1], 'mouth_jaw': [0, 2]}
    """
    columns = {
        region: [column for column, name in enumerate(names) if name.startswith(starts)]
        for region, starts in REGIONS.items()
    }
    return {region: found for region, found in columns.items() if found}


class RegionDictionary:
    """Sparse dictionaries of regions: the idea of the Facial Basis, on psi.

    Each region has atoms in proportion to how far it moves the face. A symbol names an atom and one of its strengths;
    a frame is the sum of its symbols and the neutral face. They are found by the same beam search as the codebook's.

    A frame takes as many symbols as the bits pay for, one at least.

    Arguments:
        names: coefficients of psi, ARKit's actions.
        codebook_size: symbols, atoms times strengths; more where that leaves a region without an atom.
        strengths: strengths of an atom.
        seed: of the learning.

    Source: Sariyanidi et al., "Beyond FACS: data-driven facial expression dictionaries", 2025 (the idea).
    """

    bits, shared = 0.0, True

    def __init__(self, names: Sequence[str], codebook_size: int = 256, strengths: int = 4, seed: int = 0):
        self.regions, self.strengths, self.seed = region_columns(names), strengths, seed
        self.codebook_size = max(codebook_size, len(self.regions) * strengths)

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "RegionDictionary":
        each = math.log2(self.codebook_size)
        stages = max(1, int(bits / each))
        self.bits = stages * each
        self.axes = MeshAxes.of(psi, metric)
        some = np.asarray(psi[:: -(-len(psi) // FRAMES)], float)
        learned = [self._learned(some, metric, *part) for part in self._atom_counts(some, metric)]
        self.atoms = np.concatenate([atoms for atoms, _ in learned])
        self.symbols = np.concatenate([_at_strengths(*part, self.strengths) for part in learned])
        quantiser = ResidualQuantiser(psi.shape[1], len(self.symbols), stages)
        quantiser.codebook.data = torch.as_tensor(self.symbols @ self.axes.analysis.T, dtype=torch.float32)[None]
        self._quantiser = quantiser
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        z = torch.as_tensor((psi @ self.axes.analysis.T).astype(np.float32))
        return np.concatenate([self._quantiser.search(chunk).numpy() for chunk in z.split(512)])

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.symbols[codes].sum(1)

    def templates(self) -> Float[np.ndarray, "t e"]:
        return self.atoms

    def _atom_counts(self, psi: np.ndarray, metric: np.ndarray) -> list[tuple[list[int], int]]:
        """Columns and number of atoms of each region, by its rms motion; one symbol is left for a still face."""
        total = self.codebook_size // self.strengths
        motion = np.sqrt([mesh_energy(psi[:, c], metric[np.ix_(c, c)]).sum() for c in self.regions.values()])
        counts = np.maximum(1, np.floor(motion / max(motion.sum(), 1e-12) * total)).astype(int)
        while counts.sum() > total:
            counts[counts.argmax()] -= 1
        return list(zip(self.regions.values(), counts.tolist(), strict=True))

    def _learned(
        self, psi: np.ndarray, metric: np.ndarray, columns: list[int], count: int
    ) -> tuple[Float[np.ndarray, "a e"], Float[np.ndarray, "n a"]]:
        """Atoms (A, E) of a region and their strengths (N, A) in the training frames, none below 0."""
        root = metric_root(metric[np.ix_(columns, columns)])
        moved = psi[:, columns] @ root
        learner = MiniBatchDictionaryLearning(
            count, alpha=0.1, batch_size=256, max_iter=10, fit_algorithm="cd", transform_algorithm="lasso_cd",
            positive_code=True, random_state=self.seed, transform_alpha=0.1,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # its tolerance is finer than the strengths are
            learner.fit(moved / max(moved.std(), 1e-9))
            strengths = learner.transform(moved / max(moved.std(), 1e-9))
        atoms = np.zeros((count, psi.shape[1]))
        atoms[:, columns] = learner.components_ @ np.linalg.inv(root) * moved.std()
        return atoms, strengths


def _at_strengths(atoms: np.ndarray, strengths: np.ndarray, count: int) -> Float[np.ndarray, "s e"]:
    """Each atom at the quantiles of its own strengths where it is there at all."""
    steps = (np.arange(count) + 0.5) / count
    symbols = []
    for atom, column in zip(atoms, strengths.T, strict=True):
        there = column[column > 1e-6 * max(column.max(), 1e-12)]
        symbols.append(np.quantile(there, steps)[:, None] * atom if len(there) else np.zeros((count, len(atom))))
    return np.concatenate([np.zeros((1, atoms.shape[1])), *symbols])[: len(symbols) * count]
