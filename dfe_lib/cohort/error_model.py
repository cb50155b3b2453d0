r"""What the estimator would read of known expressions: gain, cross-talk, drifting noise and lost frames, as measured.

$\hat\psi_t = \mathrm{clip}(A(\psi_t - \psi_0) + b + s(\psi_t)\,n_t, 0, 1)$ with the face at rest $\psi_0$ that the fit
takes for neutral, noise n of the covariance of the estimator's errors that keeps a share for the whole session and
forgets the rest at a constant rate, and s, how much more noise there is the more a face does.

    python -m dfe_lib.cohort.error_model_build fits it anew to the rendered benchmark and to films, and writes the file
"""

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from safetensors.numpy import load_file, save_file

from ..blendshapes import mirror_permutation
from ..errors import UserError
from ..io.tables import atomic_path

__all__ = ["ErrorModel", "fit_error_model", "observed", "pretrained_error_model"]

FILE = Path(__file__).parent / "data" / "error_model.safetensors"
RIDGE = 3.0
"""Frames' worth of pull to a response of 0 (our choice)."""
RESTING_QUANTILE = 0.25
"""The fit's neutral is what the face mostly does: a quarter of a session shows less of each action."""


@dataclass(frozen=True)
class ErrorModel:
    """Parameters of the estimator's errors.

    Arguments:
        response: (52, 52) A, truth to estimate: gains on its diagonal, cross-talk beside it.
        offset: (52,) b. covariance: (52, 52) of the noise.
        louder: (2,) s^2 = louder_0 + louder_1 x sum of psi.
        lasting: share of the noise's variance that stays for a session.
        memory_s: seconds in which the rest of it falls to 1/e. lost: share of frames without a face.
    """

    response: Float[np.ndarray, "e e"]
    offset: Float[np.ndarray, " e"]
    covariance: Float[np.ndarray, "e e"]
    louder: Float[np.ndarray, "2"]
    lasting: float
    memory_s: float
    lost: float

    def observe(
        self,
        psi: Float[np.ndarray, "n e"],
        time_s: Float[np.ndarray, " n"],
        seed: int,
        rest: Float[np.ndarray, " e"] | None = None,
    ) -> tuple[Float[np.ndarray, "n e"], Bool[np.ndarray, " n"]]:
        """One person's expressions as the estimator would give them, and in which frames it found a face.

        Arguments:
            psi: (n, 52) exact. time_s: (n,) rising.
            rest: (52,) what the fit takes for neutral; what the person mostly does when None.
        """
        rng = np.random.default_rng([seed, 5])
        moved = psi - (np.quantile(psi, RESTING_QUANTILE, axis=0) if rest is None else rest)
        loud = np.sqrt(self.louder[0] + self.louder[1] * np.abs(moved).sum(1))
        noise = self._noise(time_s, rng) * loud[:, None]
        found = rng.random(len(psi)) >= self.lost
        estimate = np.clip(moved @ self.response.T + self.offset + noise, 0, 1)
        return estimate.astype(np.float32), found

    def sigma(self, estimated: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n e"]:
        """Standard deviation of the noise of such estimates, as an estimator would state it: by what it sees move."""
        loud = np.sqrt(self.louder[0] + self.louder[1] * np.abs(estimated).sum(1, keepdims=True))
        return loud * np.sqrt(np.diag(self.covariance))

    def save(self, path: Path = FILE) -> None:
        values = {item.name: np.atleast_1d(np.asarray(getattr(self, item.name), np.float32)) for item in fields(self)}
        with atomic_path(path) as temporary:
            save_file({name: np.ascontiguousarray(value) for name, value in values.items()}, temporary)

    def _noise(self, time_s: Float[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n e"]:
        values, axes = np.linalg.eigh(self.covariance)
        white = rng.standard_normal((len(time_s), len(values)))
        keep = np.exp(-np.diff(time_s, prepend=-np.inf) / self.memory_s)
        drift = np.empty_like(white)
        state = np.zeros(len(values))
        for i, (share, fresh) in enumerate(zip(keep, white, strict=True)):
            state = share * state + np.sqrt(1 - share**2) * fresh
            drift[i] = state
        stays = rng.standard_normal(len(values))
        mixed = np.sqrt(self.lasting) * stays + np.sqrt(1 - self.lasting) * drift
        return mixed * np.sqrt(np.maximum(values, 0)) @ axes.T


def observed(psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], seed: int) -> Float[np.ndarray, "n e"]:
    """Expressions as the shipped estimator would give them; a lost frame repeats the one before.

    >>> observed(np.zeros((5, 52)), np.arange(5) / 10, seed=0).shape
    (5, 52)
    """
    estimate, found = pretrained_error_model().observe(psi, time_s, seed)
    last = np.maximum.accumulate(np.where(found, np.arange(len(found)), 0))
    return estimate[last]


@cache
def pretrained_error_model(path: Path = FILE) -> ErrorModel:
    """The error model of the shipped estimator; raises UserError when its file is missing."""
    if not path.exists():
        raise UserError(f"{path} is missing: `python -m dfe_lib.cohort.error_model_build` writes it.")
    values = {name: value.astype(float) for name, value in load_file(path).items()}
    lasting, memory_s, lost = (float(values[name][0]) for name in ("lasting", "memory_s", "lost"))
    response, offset, covariance, louder = (values[name] for name in ("response", "offset", "covariance", "louder"))
    return ErrorModel(response, offset, covariance, louder, lasting, memory_s, lost)


def fit_error_model(
    truth: Float[np.ndarray, "n e"], estimated: Float[np.ndarray, "n e"], lasting: float, memory_s: float, lost: float
) -> ErrorModel:
    """Fits response, offset and noise to pairs of expressions; what only time series can show is given.

    Arguments:
        truth, estimated: (n, 52) exact and estimated, of independent frames. Each counts mirrored, too.
        lasting, memory_s, lost: see :class:`ErrorModel`.
    """
    mirror = mirror_permutation()
    x, y = (np.concatenate([values, values[:, mirror]]) for values in (truth, estimated))
    design = np.hstack([x, np.ones((len(x), 1))])
    pull = np.diag([RIDGE] * x.shape[1] + [0.0])
    weights = np.linalg.solve(design.T @ design + pull, design.T @ y)
    left = y - design @ weights
    covariance = left.T @ left / len(left)
    size = np.square(left).sum(1) / np.trace(covariance)
    louder = np.linalg.lstsq(np.stack([np.ones(len(x)), x.sum(1)], 1), size, rcond=None)[0]
    return ErrorModel(weights[:-1].T, weights[-1], covariance, np.maximum(louder, 0.05), lasting, memory_s, lost)
