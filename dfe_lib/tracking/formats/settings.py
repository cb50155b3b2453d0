"""What a file of another program may not say itself: frames a second, size of the picture, where its clock starts."""

import argparse
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UserError

__all__ = ["ASSUMED_FPS", "ReadSettings", "reading_settings"]

ASSUMED_FPS = 30.0
"""Where neither the file nor the user says it (our choice; every reader notes it)."""
KINDS = {"fps": float, "width": int, "height": int, "offset": float, "min_confidence": float, "jaw_6d": str}
FLAGS = ("fps", "width", "height", "offset")
"""Those that the command line takes."""


@dataclass(frozen=True)
class ReadSettings:
    """What a file may not say itself.

    Arguments:
        fps: frames a second, where the file has no times or wrong ones; 0 takes the file's own.
        width, height: of the picture in pixels, where landmarks are given as shares of it; 0 when unknown.
        min_confidence: frames that the front end was less sure of count as frames without a face, in [0, 1].
        faces: `"largest"` keeps the one person who shows most, `"all"` keeps everybody.
        offset: seconds that are added to all times.
        jaw_6d: which two vectors of a rotation matrix a jaw of six numbers is: `"rows"` (PyTorch3D) or `"columns"`
            (Zhou et al. 2019).

    Raises UserError when one of them is out of its range.
    """

    fps: float = 0.0
    width: int = 0
    height: int = 0
    min_confidence: float = 0.0
    faces: str = "largest"
    offset: float = 0.0
    jaw_6d: str = "rows"

    def __post_init__(self) -> None:
        if not np.isfinite(self.fps) or self.fps < 0:
            raise UserError(f"fps must be 0 or more, not {self.fps}.")
        if min(self.width, self.height) < 0:
            raise UserError(f"width and height must be 0 or more pixels, not {self.width} and {self.height}.")
        if not 0 <= self.min_confidence <= 1:
            raise UserError(f"min_confidence must be from 0 to 1, not {self.min_confidence}.")
        if not np.isfinite(self.offset):
            raise UserError(f"offset must be a number of seconds, not {self.offset}.")
        if self.faces not in ("largest", "all"):
            raise UserError(f"faces must be 'largest' or 'all', not {self.faces!r}.")
        if self.jaw_6d not in ("rows", "columns"):
            raise UserError(f"jaw_6d must be 'rows' or 'columns', not {self.jaw_6d!r}.")

    @classmethod
    def of(cls, values: Mapping[str, Any], faces: str = "largest") -> "ReadSettings":
        """Settings from a notebook's parameter; raises UserError for a name that is not one of them.

        >>> ReadSettings.of({"fps": 30}).fps
        30.0
        """
        for name in values:
            if name not in KINDS:
                close = difflib.get_close_matches(name, KINDS, 1)
                raise UserError(f"there is no reading setting {name!r}: use {' or '.join(close or KINDS)}.")
        try:
            known = {name: KINDS[name](value) for name, value in values.items()}
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"the reading settings must be numbers, not {dict(values)}.") from None
        return cls(**known, faces=faces)


def reading_settings(options: argparse.Namespace, faces: str = "largest") -> ReadSettings:
    """Settings from the flags of a command.

    Raises UserError for a value that is out of its range.

    >>> reading_settings(argparse.Namespace(fps=25.0, width=0, height=0, offset=1.5)).offset
    1.5
    """
    return ReadSettings.of({name: getattr(options, name) for name in FLAGS}, faces)
