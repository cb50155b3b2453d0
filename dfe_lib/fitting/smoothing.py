"""Expressions over time without the detector's tremble."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..errors import UserError
from ..morphable.metric import mesh_energy, metric_root

__all__ = [
    "PSI_STEP",
    "SMOOTHINGS",
    "WINDOW_S",
    "Smoothed",
    "metric_scale",
    "on_grid",
    "reach_s",
    "smooth_expressions",
    "smooth_frame",
]

SMOOTHINGS = ("none", "one_euro", "bilateral")
WIDTH_S, RANGE_MM = 0.15, 0.4
"""Of the bilateral filter: how far it looks, and what counts as the same face. Chosen among 30 pairs by the error on
the moving actors of `fit_smoothing.csv`, too few to tell neighbours apart, and the tremble of the sample clips."""
BLOCK = 1024
"""Frames that the bilateral filter holds at a time, beside those in their reach."""
REACH = 3.0
"""Widths after which a frame counts no more."""
WINDOW_S = REACH * WIDTH_S
"""How far the bilateral filter looks before and after a frame, in seconds."""
CUTOFF_HZ, SPEED_GAIN = 3.0, 4.0
"""Of the one-euro filter: its cut-off at rest, and Hz more for each unit of psi a second (our choice)."""
SPEED_CUTOFF_HZ = 1.0
"""Cut-off of the filter that the speed goes through, as Casiez et al. recommend."""
WARM_S = 10.0
"""Time that it is given to find its feet before the first frame that counts."""
MIN_STEP_S = 1e-3
"""Some recordings give two frames the same time."""
MAX_GAP_S = 0.5
"""After a longer gap, or a frame without a face, the one-euro filter starts anew (our choice)."""

PSI_STEP = 2**-12
"""Step of finished coefficients, a hundredth of what the fit is uncertain by: machines differ in digits behind it."""


@dataclass(frozen=True)
class Smoothed:
    """Smoothed expressions, and how much that changed them.

    Arguments:
        psi: (n, E); rows that were NaN still are.
        change_mm: root mean square of what the smoothing took away.
    """

    psi: Float[np.ndarray, "n e"]
    change_mm: float


def smooth_expressions(
    psi: Float[np.ndarray, "n e"],
    time_s: Float[np.ndarray, " n"],
    metric: Float[np.ndarray, "e e"],
    method: str = "bilateral",
    part: slice = slice(None),
) -> Smoothed:
    r"""Smooth the expressions of one person's clip; a single frame stays as it is.

    `bilateral` (Tomasi and Manduchi 1998, over time and in the mesh metric) replaces a frame by the mean of those that
    are near in time and look alike, `w = exp(-dt^2 / 2 WIDTH_S^2 - |d psi|^2 / 2 RANGE_MM^2)`: a still face comes to
    rest, an onset keeps its shape, psi stays within [0, 1]. What moves less than RANGE_MM is smoothed away.
    `one_euro` (Casiez, Roussel and Vogel 2012) is a low-pass whose cut-off rises with speed, action by action, here the
    mean of a run forwards and one backwards. Both are our own: image libraries filter grids of a few channels, and
    one-euro packages take single numbers without gaps.

    Arguments:
        psi: one person's frames in order, NaN rows where there is no face.
        time_s: of the frames, not falling.
        metric: (E, E) mesh metric in mm2, see `MorphableModel.gram`.
        method: of SMOOTHINGS.
        part: frames that are wanted; the others are only looked at. Those of a clip are, bit for bit, what they are
            with the whole of it, where `reach_s(method)` before and after them are given.

    Raises UserError when time falls, and for another method.

    >>> held = smooth_expressions(np.full((100, 2), 0.4), np.arange(100) / 30, np.eye(2))
    >>> bool(np.allclose(held.psi, 0.4)), held.change_mm < 1e-9
    (True, True)
    """
    if method not in SMOOTHINGS:
        raise UserError(f"smoothing must be one of {', '.join(SMOOTHINGS)}, not {method!r}")
    if method == "none" or len(psi) < 2:
        return Smoothed(psi[part], 0.0)
    if (np.diff(time_s) < 0).any():
        raise UserError("times fall from frame to frame: sort the frames of one clip by time_s")
    smooth = _bilateral(psi, time_s, metric) if method == "bilateral" else _both_ways(psi, time_s)
    smooth, psi = smooth[part], psi[part]
    gap = (smooth - psi)[np.isfinite(psi).all(1)].astype(float)
    change = float(np.sqrt(mesh_energy(gap, metric).mean())) if len(gap) else 0.0
    return Smoothed(smooth.astype(psi.dtype), change)


def reach_s(method: str) -> float:
    """How far before and after a frame a smoothing looks, in seconds.

    The one-euro filter never quite forgets: it is run over segments of a clip (`io.segments`), from WARM_S before to
    WARM_S after each, by when what came before weighs less than 1e-9.
    """
    return {"none": 0.0, "bilateral": WINDOW_S + MIN_STEP_S, "one_euro": WARM_S}[method]


def smooth_frame(
    psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], places: Float[np.ndarray, "n e"], at: int
) -> Float[np.ndarray, " e"]:
    """One frame of the bilateral filter: what :func:`smooth_expressions` makes of frame `at` of these rows.

    For live video, where the frames after it have not come, or not all.

    Arguments:
        psi: one person's frames around it. time_s: of the frames. places: of the frames, `psi @ metric_scale(metric)`.
        at: the frame that is wanted.
    """
    away = (time_s - time_s[at]) / WIDTH_S
    share = _likeness(np.abs(away), np.square(places - places[at]).sum(1))
    return share @ psi / share.sum()


def on_grid(psi: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Finished coefficients in whole steps of PSI_STEP, so that what is decided on them depends on no last digit.

    >>> float(on_grid(np.array([0.70001]))[0]) == 2867 / 4096
    True
    """
    return np.round(psi / PSI_STEP) * PSI_STEP


def metric_scale(metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, "e e"]:
    """R that takes psi to places whose Euclidean distance is that of the mesh metric, in units of RANGE_MM."""
    return metric_root(metric, least=0.0) / RANGE_MM


def _likeness(away: Float[np.ndarray, " n"], unlike: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Weight of a frame so many widths away in time and so far, squared, in the metric."""
    return np.exp(-(away**2 + unlike) / 2) * (away <= REACH)


def _bilateral(
    psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], metric: Float[np.ndarray, "e e"]
) -> Float[np.ndarray, "n e"]:
    """Some frames at a time with those in their reach, which give each frame the very digits that all frames would."""
    scale, reach = metric_scale(metric), reach_s("bilateral")
    smooth = np.empty(psi.shape)
    for start in range(0, len(psi), BLOCK):
        stop = min(start + BLOCK, len(psi))
        first = int(np.searchsorted(time_s, time_s[start] - reach))
        last = int(np.searchsorted(time_s, time_s[stop - 1] + reach, side="right"))
        window = _bilateral_window(psi[first:last], time_s[first:last], scale)
        smooth[start:stop] = window[start - first : stop - first]
    return smooth


def _bilateral_window(
    psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"], scale: Float[np.ndarray, "e e"]
) -> Float[np.ndarray, "n e"]:
    """One distance between frames at a time, so that a window needs no table of all pairs."""
    seen: Bool[np.ndarray, " n"] = np.isfinite(psi).all(1)
    values = np.where(seen[:, None], psi, 0).astype(float)
    placed = (values[:, None] @ scale)[:, 0]  # row by row: the digits of one product depend on its size
    total, weight = values.copy(), np.ones((len(psi), 1))
    for step in range(1, len(psi)):
        away = (time_s[step:] - time_s[:-step]) / WIDTH_S
        if away.min() > REACH:
            break
        unlike = np.square(placed[step:] - placed[:-step]).sum(1)
        share = _likeness(away, unlike) * (seen[step:] & seen[:-step])
        total[step:] += share[:, None] * values[:-step]
        total[:-step] += share[:, None] * values[step:]
        weight[step:, 0] += share
        weight[:-step, 0] += share
    return np.where(seen[:, None], total / weight, np.nan)


def _both_ways(psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n e"]:
    return (_one_euro(psi, time_s) + _one_euro(psi[::-1], -time_s[::-1])[::-1]) / 2


def _one_euro(psi: Float[np.ndarray, "n e"], time_s: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n e"]:
    out = np.full(psi.shape, np.nan)
    speed = np.zeros(psi.shape[1])
    for i, now in enumerate(psi.astype(float)):
        step = time_s[i] - time_s[i - 1] if i else np.inf
        if step > MAX_GAP_S or np.isnan(out[i - 1]).any():
            out[i], speed = now, np.zeros(psi.shape[1])
            continue
        step = max(step, MIN_STEP_S)
        speed += _share(SPEED_CUTOFF_HZ, step) * ((now - psi[i - 1]) / step - speed)
        out[i] = out[i - 1] + _share(CUTOFF_HZ + SPEED_GAIN * np.abs(speed), step) * (now - out[i - 1])
    return out


def _share(cutoff_hz: float | Float[np.ndarray, " e"], step: float) -> float | Float[np.ndarray, " e"]:
    """Weight of the new value in a first-order low-pass."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step))
