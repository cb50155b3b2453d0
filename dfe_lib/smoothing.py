"""Expressions over time without the detector's tremble: the one-euro filter, run both ways so that nothing lags."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .errors import UserError

__all__ = ["Smoothed", "smooth_expressions"]

MAX_GAP_S = 0.5
"""After a longer gap, or a frame without a face, the filter starts anew (our choice)."""
SPEED_CUTOFF_HZ = 1.0
"""Cut-off of the filter that the speed goes through, as Casiez et al. recommend."""


@dataclass(frozen=True)
class Smoothed:
    """Smoothed expressions, and how much that changed them.

    Arguments:
        psi: (n, E); rows that were NaN still are.
        change: root mean square of what the smoothing took away, in mm with a mesh metric, else in units of psi.
    """

    psi: Float[np.ndarray, "n e"]
    change: float


def smooth_expressions(
    psi: Float[np.ndarray, "n e"],
    time_s: Float[np.ndarray, " n"],
    cutoff_hz: float = 3.0,
    speed_gain: float = 4.0,
    metric: Float[np.ndarray, "e e"] | None = None,
) -> Smoothed:
    r"""One-euro filter (Casiez, Roussel and Vogel 2012) forwards and backwards, and the mean of the two.

    A first-order low-pass whose cut-off `cutoff_hz + speed_gain |d psi / dt|` rises with speed, action by action:
    still faces are smoothed, onsets stay sharp. For clips only; a still picture has no time.

    Arguments:
        psi: one person's frames in order, NaN rows where there is no face.
        time_s: of the frames, rising.
        cutoff_hz: at rest. speed_gain: Hz for each unit of psi a second; infinity leaves psi as it is.
        metric: (E, E) mesh metric, see `MorphableModel.gram`, for the reported change.

    Raises UserError when time does not rise.

    >>> time = np.arange(100) / 30
    >>> held = smooth_expressions(np.full((100, 2), 0.4), time)
    >>> bool(np.allclose(held.psi, 0.4)), held.change < 1e-9
    (True, True)
    """
    if (np.diff(time_s) <= 0).any():
        raise UserError("times must rise from frame to frame: sort the frames of one clip by time_s")
    forwards = _one_euro(psi, time_s, cutoff_hz, speed_gain)
    backwards = _one_euro(psi[::-1], -time_s[::-1], cutoff_hz, speed_gain)[::-1]
    smooth = ((forwards + backwards) / 2).astype(psi.dtype)
    gap = (smooth - psi)[np.isfinite(psi).all(1)].astype(float)
    weighted = gap if metric is None else gap @ metric
    return Smoothed(smooth, float(np.sqrt((weighted * gap).sum(1).mean())) if len(gap) else 0.0)


def _one_euro(
    psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], cutoff_hz: float, speed_gain: float
) -> Float[np.ndarray, "n e"]:
    out = np.full(psi.shape, np.nan)
    speed = np.zeros(psi.shape[1])
    for i, now in enumerate(psi.astype(float)):
        step = time_s[i] - time_s[i - 1] if i else np.inf
        if step > MAX_GAP_S or np.isnan(out[i - 1]).any():
            out[i], speed = now, np.zeros(psi.shape[1])
            continue
        speed += _share(SPEED_CUTOFF_HZ, step) * ((now - psi[i - 1]) / step - speed)
        out[i] = out[i - 1] + _share(cutoff_hz + speed_gain * np.abs(speed), step) * (now - out[i - 1])
    return out


def _share(cutoff_hz: float | Float[np.ndarray, " e"], step: float) -> float | Float[np.ndarray, " e"]:
    """Weight of the new value in a first-order low-pass."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step))
