"""Classical codes of a face to compare the codebook with: residual, product and single codebooks, and scalars."""

import heapq
import math
from dataclasses import dataclass

import faiss
import numpy as np
from jaxtyping import Float, Int

from ..errors import UserError
from ..morphable.metric import metric_root

__all__ = ["KMeans", "MeshAxes", "PcaScalar", "ProductCode", "ResidualCode", "SummedBooks", "stages_of"]

LARGEST_BOOK_BITS = 12
"""Bits of a single codebook at most: 4,096 codes are as many as the study's frames can fill."""


@dataclass(frozen=True)
class MeshAxes:
    r"""Coordinates of psi in which squared distance is mm2: $z = A (\psi - \mu)$ with $A^\top A = G$, principal axes.

    Arguments:
        mean: $\mu$ (E,).
        analysis: A (E, E); the axes of largest variance first.
        synthesis: its inverse.

    >>> axes = MeshAxes.of(np.eye(2), np.diag([4.0, 1.0]))
    >>> bool(np.allclose(axes.back(axes(np.eye(2))), np.eye(2)))
    True
    """

    mean: Float[np.ndarray, " e"]
    analysis: Float[np.ndarray, "d e"]
    synthesis: Float[np.ndarray, "e d"]

    @classmethod
    def of(cls, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"]) -> "MeshAxes":
        """The axes of these frames in this metric; the identity metric gives those of the raw coefficients."""
        root, centred = metric_root(metric), np.asarray(psi, float) - psi.mean(0)
        turn = np.linalg.eigh(root.T @ (centred.T @ centred / len(psi)) @ root)[1][:, ::-1]
        return cls(np.asarray(psi.mean(0), float), (root @ turn).T, np.linalg.inv(root).T @ turn)

    def __call__(self, psi: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n d"]:
        return np.ascontiguousarray((psi - self.mean) @ self.analysis.T, np.float32)

    def back(self, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n e"]:
        """psi of coordinates z."""
        return self.mean + z @ self.synthesis.T


class SummedBooks:
    """Base of codes whose decoded face is the mean plus one code vector of each stage's codebook.

    Fitting raises UserError for fewer frames than codes.

    Arguments:
        codebook_size: codes K of each stage, a power of two.
        whiten: fit in the mesh metric; otherwise on the raw coefficients.
    """

    bits, shared = 0.0, False

    def __init__(self, codebook_size: int = 256, whiten: bool = True):
        self.codebook_size, self.whiten = codebook_size, whiten

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "SummedBooks":
        stages = self._stages(bits, len(psi))
        if len(psi) < self.codebook_size:
            raise UserError(f"{self.codebook_size} codes need at least as many frames, not {len(psi)}; give more "
                            "frames or take a smaller codebook_size.")  # fmt: skip
        self.axes = MeshAxes.of(psi, metric if self.whiten else np.eye(psi.shape[1]))
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # sums round by their number
        try:
            self.books = self._fitted(self.axes(psi), stages)
        finally:
            faiss.omp_set_num_threads(threads)
        self.bits = len(self.books) * math.log2(self.codebook_size)
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        return self._searched(self.axes(psi))

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.axes.back(sum(book[column] for book, column in zip(self.books, codes.T, strict=True)))

    def templates(self) -> Float[np.ndarray, "t e"]:
        """Displacements from the neutral face by the first stage, which carries the mean, and changes by the others."""
        first, *others = [book @ self.axes.synthesis.T for book in self.books]
        return np.concatenate([first + self.axes.mean, *others])

    def _stages(self, bits: int, frames: int) -> int:
        return stages_of(bits, self.codebook_size)

    def _fitted(self, z: Float[np.ndarray, "n d"], stages: int) -> Float[np.ndarray, "m k d"]:
        raise NotImplementedError

    def _searched(self, z: Float[np.ndarray, "n d"]) -> Int[np.ndarray, "n m"]:
        raise NotImplementedError


class ResidualCode(SummedBooks):
    """faiss' residual quantiser, each stage with a codebook of its own, found by beam search.

    Arguments:
        beam: partial sums that training and search keep.
        seed: of the k-means of its stages.

    Source: Johnson, Douze and Jegou, "Billion-scale similarity search with GPUs", 2019 (the library).
    """

    def __init__(self, codebook_size: int = 256, whiten: bool = True, beam: int = 5, seed: int = 0):
        super().__init__(codebook_size, whiten)
        self.beam, self.seed = beam, seed

    def reseeded(self, further: int) -> "ResidualCode":
        """The same, not fitted yet, that many seeds further."""
        return ResidualCode(self.codebook_size, self.whiten, self.beam, self.seed + further)

    def _fitted(self, z: Float[np.ndarray, "n d"], stages: int) -> Float[np.ndarray, "m k d"]:
        self._index = faiss.ResidualQuantizer(z.shape[1], stages, round(math.log2(self.codebook_size)))
        self._index.max_beam_size = self.beam
        self._index.cp.seed += self.seed
        self._index.cp.min_points_per_centroid = 1
        self._index.train(z)
        flat = faiss.vector_to_array(self._index.codebooks)
        return flat.reshape(stages, self.codebook_size, -1)

    def _searched(self, z: Float[np.ndarray, "n d"]) -> Int[np.ndarray, "n m"]:
        return _unpacked(self._index.compute_codes(z), len(self.books), self.codebook_size)


class ProductCode(SummedBooks):
    """faiss' product quantiser; the axes are dealt out so that each part has large and small ones."""

    def _fitted(self, z: Float[np.ndarray, "n d"], stages: int) -> Float[np.ndarray, "m k d"]:
        dim = z.shape[1]
        self._order = np.concatenate([np.arange(part, dim, stages) for part in range(stages)])
        self._width = -(-dim // stages)
        self._columns = np.concatenate(
            [part * self._width + np.arange(len(range(part, dim, stages))) for part in range(stages)]
        )
        self._index = faiss.ProductQuantizer(self._width * stages, stages, round(math.log2(self.codebook_size)))
        self._index.cp.min_points_per_centroid = 1
        self._index.train(self._dealt(z))
        parts = faiss.vector_to_array(self._index.centroids).reshape(stages, self.codebook_size, self._width)
        books = np.zeros((stages, self.codebook_size, self._width * stages), np.float32)
        for part, centroids in enumerate(parts):
            books[part, :, part * self._width : (part + 1) * self._width] = centroids
        return books[:, :, self._columns][:, :, np.argsort(self._order)]

    def _searched(self, z: Float[np.ndarray, "n d"]) -> Int[np.ndarray, "n m"]:
        return _unpacked(self._index.compute_codes(self._dealt(z)), len(self.books), self.codebook_size)

    def _dealt(self, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n w"]:
        """Parts of one width after one another, filled up with zeros."""
        dealt = np.zeros((len(z), self._index.d), np.float32)
        dealt[:, self._columns] = z[:, self._order]
        return dealt


class KMeans(SummedBooks):
    """One codebook of whole faces, of 12 bits at most and of no more codes than there are frames to fit."""

    shared = True

    def _stages(self, bits: int, frames: int) -> int:
        self.codebook_size = 2 ** max(1, min(bits, LARGEST_BOOK_BITS, frames.bit_length() - 1))
        return 1

    def _fitted(self, z: Float[np.ndarray, "n d"], stages: int) -> Float[np.ndarray, "m k d"]:
        means = faiss.Kmeans(z.shape[1], self.codebook_size, niter=10, seed=0, min_points_per_centroid=1)
        means.train(z)
        return np.asarray(means.centroids)[None]

    def _searched(self, z: Float[np.ndarray, "n d"]) -> Int[np.ndarray, "n m"]:
        return faiss.knn(z, self.books[0], 1)[1]


class PcaScalar:
    """Principal axes in the mesh metric, each rounded to levels; a bit more goes to where it helps most.

    Levels are the k-means of an axis' own values, so that they are many where values are frequent.

    >>> psi = np.random.default_rng(0).normal(size=(500, 2))
    >>> code = PcaScalar().fit(psi, np.eye(2), 8)
    >>> code.bits, bool(np.abs(code.decode(code.encode(psi)) - psi).mean() < 0.2)
    (8.0, True)
    """

    bits, codebook_size, shared = 0.0, 0, False

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "PcaScalar":
        self.axes = MeshAxes.of(psi, metric)
        z = self.axes(psi)
        self.levels = [np.zeros(1, np.float32) for _ in range(z.shape[1])]
        gains = [(-_gain(column, np.zeros(1)), place) for place, column in enumerate(z.T)]
        heapq.heapify(gains)
        for _ in range(bits):
            place = heapq.heappop(gains)[1]
            self.levels[place] = _line_means(z[:, place], 2 * len(self.levels[place]))
            heapq.heappush(gains, (-_gain(z[:, place], self.levels[place]), place))
        self.bits = float(bits)
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        return np.stack(
            [_nearest(column, level) for column, level in zip(self.axes(psi).T, self.levels, strict=True)], 1
        )

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.axes.back(np.stack([level[c] for level, c in zip(self.levels, codes.T, strict=True)], 1))

    def templates(self) -> Float[np.ndarray, "t e"]:
        used = self.axes.synthesis[:, [len(level) > 1 for level in self.levels]].T
        return np.concatenate([used, -used])


def stages_of(bits: int, codebook_size: int) -> int:
    """Stages of K codes that so many bits pay for.

    >>> stages_of(32, 256)
    4
    """
    stages = round(bits / math.log2(codebook_size))
    if stages < 1 or not math.isclose(stages * math.log2(codebook_size), bits):
        raise UserError(f"{bits} bits are no whole number of stages of {codebook_size} codes; choose other bits.")
    return stages


def _unpacked(packed: np.ndarray, stages: int, codebook_size: int) -> Int[np.ndarray, "n m"]:
    return faiss.unpack_bitstrings(packed, stages, round(math.log2(codebook_size))).astype(np.int64)


def _nearest(values: Float[np.ndarray, " n"], levels: Float[np.ndarray, " l"]) -> Int[np.ndarray, " n"]:
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, values)


def _gain(values: Float[np.ndarray, " n"], levels: Float[np.ndarray, " l"]) -> float:
    """What one bit more takes off the squared error, about three quarters of it."""
    return float(np.square(values - levels[_nearest(values, levels)]).mean())


def _line_means(values: Float[np.ndarray, " n"], count: int, rounds: int = 20) -> Float[np.ndarray, " c"]:
    """k-means on a line (Lloyd 1982), from evenly spaced levels."""
    low, high = np.percentile(values, [0.5, 99.5])
    levels = np.linspace(low, high, count)
    for _ in range(rounds):
        label = _nearest(values, levels)
        counts = np.bincount(label, minlength=count)
        means = np.bincount(label, values, count) / np.maximum(counts, 1)
        levels = np.sort(np.where(counts > 0, means, levels))
    return levels.astype(np.float32)
