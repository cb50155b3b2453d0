"""Simulated expressions whose building blocks are known, for tests: a few planted displays at a time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dfe_lib.blendshapes import ACTIONS


@dataclass(frozen=True)
class PlantedDisplays:
    """Displays of one to five facial actions, of which one to four are active at a time at any intensity.

    Arguments:
        primitives: The planted displays (P, E), coefficients in [0, 1].
    """

    primitives: Float[np.ndarray, "p e"]

    @classmethod
    def invented(cls, n_primitives: int = 40, n_coefficients: int = len(ACTIONS), seed: int = 0) -> "PlantedDisplays":
        """Displays drawn at random.

        >>> PlantedDisplays.invented().primitives.shape
        (40, 52)
        """
        rng = np.random.default_rng(seed)
        primitives = np.zeros((n_primitives, n_coefficients))
        for row in primitives:
            size = rng.integers(1, min(5, n_coefficients) + 1)
            row[rng.choice(n_coefficients, size, replace=False)] = rng.uniform(0.3, 1.0, size)
        return cls(primitives)

    def sample(self, n_frames: int, seed: int = 0) -> tuple[Float[np.ndarray, "n e"], Float[np.ndarray, "n p"]]:
        """Frames psi (N, E) in [0, 1] and the intensities (N, P) behind them, 0 or 0.1 to 1."""
        rng = np.random.default_rng(seed)
        n_primitives = len(self.primitives)
        n_active = rng.integers(1, 5, n_frames)[:, None]
        active = rng.random((n_frames, n_primitives)).argsort(1).argsort(1) < n_active
        intensity = active * rng.uniform(0.1, 1.0, (n_frames, n_primitives))
        return np.clip(intensity @ self.primitives, 0.0, 1.0).astype(np.float32), intensity


def invented_metric(n_coefficients: int = len(ACTIONS), seed: int = 0) -> Float[np.ndarray, "e e"]:
    """An invented mesh metric in mm2, positive definite; each action moves a tenth of 300 points by 2 to 12 mm rms.

    >>> invented_metric(3).shape
    (3, 3)
    """
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(300, n_coefficients)) * (rng.random((300, n_coefficients)) < 0.1)
    basis *= rng.uniform(2.0, 12.0, n_coefficients) / np.sqrt(np.square(basis).mean(0))
    return basis.T @ basis / 300
