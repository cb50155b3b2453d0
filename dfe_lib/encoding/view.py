"""A video encoded and shown: the page that plays it beside its head and tokens."""

import os
from pathlib import Path

from ..errors import UserError
from ..io.assets import sample_or_path
from ..io.media import PICTURES
from ..io.scratch import scratch
from ..report.pages.viewer import write_viewer
from .files import encode_media

__all__ = ["view_media"]


def view_media(path: str | os.PathLike, folder: str | os.PathLike, model: str | os.PathLike | None = None) -> Path:
    """Encodes a video and writes the page that plays it beside its head and tokens; returns the page's path.

    Arguments:
        path: Video; the name of a sample will do.
        folder: Where `index.html` and the video go; made when it is missing.
        model: Folder of a trained model, the study's when None.

    Raises:
        UserError: The clip is a picture, cannot be read, or the model's coefficients are not those of the fit.
    """
    path = sample_or_path(path)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder: name one video in it.' if path.is_dir() else 'does not exist.'}")
    if path.suffix.lower() in PICTURES:
        raise UserError(f"{path} is a picture, and a clip player needs a video: use `dfe encode` for its tokens.")
    with scratch() as work:
        tokens = work / "tokens.parquet"
        encode_media(path, tokens, model)
        return write_viewer(path, tokens, Path(folder), Path(model) if model else None)
