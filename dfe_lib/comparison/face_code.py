"""What every code of a face can do: fit to bits, encode, decode, templates."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

__all__ = ["FaceCode"]


@runtime_checkable
class FaceCode(Protocol):
    """A code of psi: fitted on the training subjects, then used on others."""

    @property
    def bits(self) -> float:
        """Bits a frame, as they would be stored (no entropy coding); 0 before it is fitted."""

    @property
    def codebook_size(self) -> int:
        """Number of values of each symbol; 0 where the symbols have alphabets of their own."""

    @property
    def shared(self) -> bool:
        """Do the symbols of a frame come from one alphabet?"""

    def fit(self, psi: Float[np.ndarray, "n e"], metric: Float[np.ndarray, "e e"], bits: int) -> "FaceCode":
        """Fits to training frames (N, E) in the mesh metric (E, E), mm2, for at most so many bits a frame."""

    def encode(self, psi: Float[np.ndarray, "n e"]) -> Int[np.ndarray, "n m"]:
        """Symbols of each frame."""

    def decode(self, codes: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
        """psi from symbols."""

    def templates(self) -> Float[np.ndarray, "t e"]:
        """Changes of psi that the code is made of; those that come with either sign are there twice."""
