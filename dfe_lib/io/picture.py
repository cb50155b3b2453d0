"""A picture file as upright 8-bit RGB, in memory that its header cannot blow up."""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from ..errors import UserError
from .display import limited

__all__ = ["read_picture"]

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")
"""By their contents, whatever the ending says."""
JPEGS = ("JPEG", "MPO")
"""The second is a JPEG with others behind it, as stereo cameras and phones write."""
MOST_PX = 40_000_000
"""Pixels decoded at once: up to 20 bytes each are in memory on the way."""
TOO_LARGE = Image.DecompressionBombError
UNREADABLE = (OSError, SyntaxError, ValueError)


def read_picture(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """The picture, turned by its EXIF orientation; transparency lies over white.

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB. A JPEG of more than 40 million pixels is decoded at a
    half, a quarter or an eighth of its size, and one with a side of more than `display.LONGEST_PX` is shrunk.

    Raises:
        UserError: It cannot be read, or would be too large decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it is shrunk or refused below
            with Image.open(path, formats=FORMATS) as picture:
                _reduce(picture, path)
                return _to_rgb(_shrunk(ImageOps.exif_transpose(picture)))
    except UserError:
        raise
    except TOO_LARGE:
        raise UserError(_too_large(path, "179 million pixels or more")) from None
    except UNREADABLE as error:
        raise UserError(f"{path} cannot be read as a picture: {error}.") from None


def _reduce(picture: Image.Image, path: Path) -> None:
    """Has a large JPEG decoded at a smaller size; raises UserError where that does not make it small enough."""
    width, height = picture.size
    # a progressive one is held whole before it is decoded
    if picture.format in JPEGS and "progressive" not in picture.info:
        parts = next((n for n in (1, 2, 4, 8) if width * height <= MOST_PX * n * n), 8)
        picture.draft(None, (width // parts, height // parts))
    if picture.width * picture.height > MOST_PX:
        raise UserError(_too_large(path, f"{width} x {height} pixels"))


def _too_large(path: Path, size: str) -> str:
    return f"{path} has {size}, and at most {MOST_PX // 10**6} million are decoded here: save it smaller."


def _shrunk(picture: Image.Image) -> Image.Image:
    size = limited(*picture.size)
    if size == picture.size:
        return picture
    # colours between those of a palette have no number in it
    plain = picture.convert("RGBA" if picture.has_transparency_data else "RGB") if picture.mode == "P" else picture
    return plain.resize(size, Image.Resampling.BOX)


def _to_rgb(picture: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float32)
        values = values * (255 / 65535) if values.max(initial=0) > 255 else values
        picture = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"))
