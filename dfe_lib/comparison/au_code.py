"""Action units as a code of the face: what their levels, or their presence, keep of an expression."""

import math

import numpy as np
from jaxtyping import Float, Int

from ..facs import LEVEL_EDGES, au_basis, au_binary, au_intensities, au_levels

__all__ = ["AuCode"]

LEVEL_VALUES = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
"""Strength that a level stands for: absent, A to E; the middles between the edges."""


class AuCode:
    """Intensities of a set of action units in five levels and none, or their presence alone.

    The face is decoded from each unit's own template, or, to give the units their best shot, by the linear map from
    units to psi that fits the training frames best.

    Arguments:
        au_set: name in `action_units.AU_SETS`.
        binary: presence alone.
        regressed: decode by the fitted map.
    """

    shared = True

    def __init__(self, au_set: str = "openface17", binary: bool = False, regressed: bool = False):
        self.au_set, self.binary, self.regressed = au_set, binary, regressed
        self.weights = au_basis(au_set)[1]
        self.codebook_size = 2 if binary else len(LEVEL_EDGES) + 1
        self.bits = len(self.weights) * math.log2(self.codebook_size)

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "AuCode":
        """Fits what a unit that is present looks like; `bits` is what the units take, whatever is asked for."""
        self.metric = metric
        strength = au_intensities(psi, metric, self.au_set)
        codes = self._coded(strength)
        self.values = np.tile(LEVEL_VALUES, (len(self.weights), 1))
        if self.binary:
            mean = (strength * codes).sum(0) / np.maximum(codes.sum(0), 1)
            self.values = np.stack([np.zeros_like(mean), np.where(codes.any(0), mean, 0.5)], 1)
        self.still, self.change = np.zeros(psi.shape[1]), self.weights
        if self.regressed:
            known = np.column_stack([np.ones(len(psi)), self._strengths(codes)])
            fitted = np.linalg.lstsq(known.T @ known + 1e-6 * np.eye(known.shape[1]), known.T @ psi, rcond=None)[0]
            self.still, self.change = fitted[0], fitted[1:]
        return self

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        return self._coded(au_intensities(psi, self.metric, self.au_set))

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        return self.still + self._strengths(codes) @ self.change

    def templates(self) -> Float[np.ndarray, "t e"]:
        return self.change

    def _coded(self, strength: np.ndarray) -> Int[np.ndarray, "n m"]:
        return au_binary(strength).astype(np.int64) if self.binary else au_levels(strength).astype(np.int64)

    def _strengths(self, codes: np.ndarray) -> Float[np.ndarray, "n m"]:
        return np.take_along_axis(self.values.T, codes, 0)
