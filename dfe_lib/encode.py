"""A video or picture to its tokens, end to end: what `dfe encode` does."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from .errors import UserError
from .fitting.fit import fit_tables
from .io.media import PICTURES
from .io.tables import atomic_path
from .morphable.anny import anny_head
from .quantisation.encoder import DiscreteFacialEncoder
from .quantisation.tokens import tokenise
from .report.pages.viewer import write_viewer
from .tracking.extraction import extract_clip

__all__ = ["encode_media", "view_media"]


def encode_media(
    path: str | os.PathLike,
    out: str | os.PathLike,
    model: str | os.PathLike | None = None,
    faces: Literal["largest", "all"] = "largest",
    smoothing: str = "bilateral",
    expressions: str | os.PathLike | None = None,
) -> dict[str, float | int]:
    """Writes the tokens table of a clip; returns frames, valid frames and mean error in mm.

    Arguments:
        path: Video or picture.
        out: Parquet file, one row a frame (and a face); it appears when it is whole.
        model: Folder of a trained model, the study's when None.
        faces: `"largest"` or `"all"`.
        smoothing: Of `smoothing.SMOOTHINGS`; the default is that of the study, whose tokens these then are.
        expressions: Parquet file for the coefficients psi on the way; they are not kept when None.

    Raises:
        UserError: The clip cannot be read, an output is no name of a new Parquet file, or the model's coefficients are
            not those of the fit.
    """
    for target in (out, expressions):
        if target is not None:
            _check_target(Path(target), Path(path))
    if expressions is not None and Path(expressions).resolve() == Path(out).resolve():
        raise UserError(f"{out} cannot hold tokens and expressions: give each a file of its own.")
    encoder = DiscreteFacialEncoder.from_pretrained(Path(model) if model else None)
    head = anny_head()
    with tempfile.TemporaryDirectory(prefix="dfe-") as folder:
        frames = Path(folder) / "frames" / f"{Path(path).stem}.parquet"
        extract_clip(path, frames, faces=faces)
        fit_tables([frames], Path(folder) / "expressions", head, smoothing)
        psi = Path(folder) / "expressions" / frames.name
        done = tokenise(encoder.model_, psi, Path(out), head.gram())
        if expressions is not None:
            with atomic_path(expressions) as partial:
                shutil.copyfile(psi, partial)
        return done


def view_media(path: str | os.PathLike, folder: str | os.PathLike, model: str | os.PathLike | None = None) -> Path:
    """Encodes a video and writes the page that plays it beside its head and tokens; returns the page's path.

    Arguments:
        path: Video.
        folder: Where `index.html` and the video go; made when it is missing.
        model: Folder of a trained model, the study's when None.

    Raises:
        UserError: The clip is a picture, cannot be read, or the model's coefficients are not those of the fit.
    """
    if Path(path).suffix.lower() in PICTURES:
        raise UserError(f"{path} is a picture, and a clip player needs a video: use `dfe encode` for its tokens.")
    with tempfile.TemporaryDirectory(prefix="dfe-") as work:
        tokens = Path(work) / "tokens.parquet"
        encode_media(path, tokens, model)
        return write_viewer(Path(path), tokens, Path(folder), Path(model) if model else None)


def _check_target(target: Path, source: Path) -> None:
    if target.suffix != ".parquet":
        raise UserError(f"{target} must end in .parquet; `dfe export` makes a CSV file of it.")
    if target.is_dir() or target.resolve() == source.resolve():
        raise UserError(f"{target} is there already and no table: give the name of the Parquet file to write.")
