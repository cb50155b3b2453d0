"""A video or picture to its tokens, end to end: what `dfe encode` does."""

import os
import tempfile
from pathlib import Path
from typing import Literal

from .anny_head import anny_head
from .encoder import DiscreteFacialEncoder
from .errors import UserError
from .expressions import fit_clips
from .extraction import extract_clip
from .tokenisation import tokenise

__all__ = ["encode_media"]


def encode_media(
    path: str | os.PathLike,
    out: str | os.PathLike,
    model: str | os.PathLike | None = None,
    faces: Literal["largest", "all"] = "largest",
) -> dict[str, float | int]:
    """Writes the tokens table of a clip; returns frames, valid frames and mean error in mm.

    Arguments:
        path: Video or picture.
        out: Parquet file, one row a frame (and a face); it appears when it is whole.
        model: Folder of a trained model, the study's when None.
        faces: `"largest"` or `"all"`.

    Raises:
        UserError: The clip cannot be read or the model's coefficients are not those of the fit.
    """
    if Path(out).is_dir():
        raise UserError(f"{out} is a folder: give the name of the Parquet file to write.")
    encoder = DiscreteFacialEncoder.from_pretrained(Path(model) if model else None)
    head = anny_head()
    with tempfile.TemporaryDirectory(prefix="dfe-") as folder:
        frames = Path(folder) / "frames" / f"{Path(path).stem}.parquet"
        extract_clip(path, frames, faces=faces)
        fit_clips([frames], Path(folder) / "expressions", head)
        return tokenise(encoder.model_, Path(folder) / "expressions" / frames.name, Path(out), head.gram())
