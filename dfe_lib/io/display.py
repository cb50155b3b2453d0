"""How a stored picture is meant to be seen: turned, mirrored, with square pixels, and no larger than is read here."""

import numpy as np
from jaxtyping import UInt8

__all__ = ["LONGEST_PX", "limited", "square_size", "upright"]

LONGEST_PX = 16384
"""Longest side of a picture: MediaPipe ends the process at one of 32,768 pixels."""
ASPECTS = 0.2, 5.0
"""Width over height of a pixel, at least and at most, that a file's word is taken for."""


def square_size(width: int, height: int, aspect: float) -> tuple[int, int]:
    """Width and height in square pixels, limited; `aspect` is the width of a stored pixel over its height.

    >>> square_size(720, 576, 16 / 15), square_size(720, 576, 100.0)
    ((768, 576), (720, 576))
    """
    return limited(round(width * aspect) if ASPECTS[0] <= aspect <= ASPECTS[1] else width, height)


def limited(width: int, height: int) -> tuple[int, int]:
    """Width and height of the same shape whose longer side is at most `LONGEST_PX`."""
    shrink = min(1.0, LONGEST_PX / max(width, height))
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def upright(
    rgb: UInt8[np.ndarray, "height width 3"], matrix: tuple[int, int, int, int]
) -> UInt8[np.ndarray, "height_ width_ 3"]:
    """The picture turned and mirrored by its display matrix, by the nearest of the eight that keep a rectangle.

    $$ x' = a x + c y, \\quad y' = b x + d y, $$

    with x to the right and y down.

    Arguments:
        matrix: a, b, c, d in any unit (ISO/IEC 14496-12, 8.3.2 has 65536 for 1).

    >>> upright(np.arange(6, dtype=np.uint8).reshape(1, 2, 3), (-1, 0, 0, 1))[0, :, 0].tolist()
    [3, 0]
    """
    a, b, c, d = matrix
    across, down = a, d
    if abs(a) + abs(d) < abs(b) + abs(c):
        rgb, across, down = rgb.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(rgb[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
