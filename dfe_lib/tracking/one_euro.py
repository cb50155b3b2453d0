"""Landmarks smoothed over time as MediaPipe smooths the one face that it follows."""

import numpy as np
from jaxtyping import Float

__all__ = ["OneEuro"]

Points = Float[np.ndarray, "l 3"]

LEAST_HZ, BETA, SPEED_HZ = 0.05, 80.0, 1.0
"""Cutoff at rest, what speed adds to it, and cutoff of the speed (MediaPipe, face_landmarks_detector_graph.cc)."""


class OneEuro:
    r"""A low pass whose cutoff rises with speed: still faces do not tremble, quick ones do not lag.

    .. math:: c = c_0 + \beta |v|, \quad y_t = y_{t-1} + \alpha(c) (x_t - y_{t-1}), \quad
        \alpha(c) = 1 / (1 + 1 / (2 \pi c \Delta t))

    for each coordinate, with its own low-passed speed v in face sizes a second. Casiez, Roussel and Vogel, "1 Euro
    filter" (CHI 2012).
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """What comes next is another face."""
        self._before: tuple[int, Points, Points, Points] | None = None

    def __call__(self, points: Points, time_ms: int) -> Points:
        """The points smoothed; `time_ms` rises from call to call."""
        smooth, speed = points, np.zeros_like(points)
        if self._before is not None:
            before_ms, raw, smooth, speed = self._before
            seconds = (time_ms - before_ms) / 1000
            size = np.ptp(points[:, :2], axis=0).mean()
            speed = speed + _share(SPEED_HZ, seconds) * ((points - raw) / (seconds * size) - speed)
            smooth = smooth + _share(LEAST_HZ + BETA * np.abs(speed), seconds) * (points - smooth)
        self._before = time_ms, points, smooth, speed
        return smooth


def _share(cutoff_hz: Float[np.ndarray, "l 3"] | float, seconds: float) -> Float[np.ndarray, "l 3"] | float:
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * seconds))
