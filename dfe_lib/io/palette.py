"""Pictures in few colours, which are small files; lines, marks and legends keep theirs exactly."""

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from scipy.spatial import cKDTree

__all__ = ["COLOURS", "with_palette"]

COLOURS = 256
"""Of a picture with a palette."""
MOST_FLAT, LEAST_FLAT = 64, 9
"""Colours that are kept as they are at most, and how many flat places one must have."""
CHANNELS = np.array([1 << 16, 1 << 8, 1])


def with_palette(picture: UInt8[np.ndarray, "h w 3"]) -> Image.Image:
    """The picture with a palette of `COLOURS`.

    A palette by the number of pixels alone gives a legend's small mark the colour of another one. So colours of flat
    places are kept, and of the others each weighs as the root of its number of pixels.

    >>> with_palette(np.full((4, 4, 3), 7, np.uint8)).convert("RGB").getpixel((0, 0))
    (7, 7, 7)
    """
    numbers = picture.astype(np.int64) @ CHANNELS
    different, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    kept = _flat(numbers)
    rest = _weighed(_colours(different), np.ceil(np.sqrt(counts)).astype(np.int64), COLOURS - len(kept))
    palette = np.vstack([_colours(kept), rest])
    _, nearest = cKDTree(palette.astype(float)).query(_colours(different).astype(float))
    drawn = Image.fromarray(nearest[place].reshape(numbers.shape).astype(np.uint8), "P")
    drawn.putpalette(palette.tobytes())
    return drawn


def _flat(numbers: Int[np.ndarray, "h w"]) -> Int[np.ndarray, " f"]:
    """The colours, by number, of squares of 2 x 2 pixels that have only one, commonest first."""
    corner = numbers[1:, 1:]
    alike = (corner == numbers[:-1, :-1]) & (corner == numbers[1:, :-1]) & (corner == numbers[:-1, 1:])
    different, counts = np.unique(corner[alike], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_FLAT]
    return different[order][counts[order] >= LEAST_FLAT]


def _weighed(colours: UInt8[np.ndarray, "c 3"], weights: Int[np.ndarray, " c"], count: int) -> UInt8[np.ndarray, "k 3"]:
    """At most `count` colours that stand for these."""
    row = Image.fromarray(np.repeat(colours, weights, axis=0)[None])
    chosen = row.quantize(count, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return np.unique(np.asarray(chosen.convert("RGB"))[0], axis=0)


def _colours(numbers: Int[np.ndarray, " c"]) -> UInt8[np.ndarray, "c 3"]:
    return (numbers[:, None] // CHANNELS % 256).astype(np.uint8)
