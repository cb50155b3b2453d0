"""A video encoded and shown: as a page that plays it beside its head and tokens, as a film, as one picture."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UserError
from ..io.assets import sample_or_path
from ..io.clip_table import MediaFile
from ..io.media import PICTURES, VIDEOS, is_media
from ..io.scratch import scratch
from ..report.pages.shown_clip import ShownClip
from ..report.pages.viewer import write_pair, write_viewer
from .clip import write_clip
from .settings import Settings
from .tokenizer import Tokenizer

__all__ = ["EncodedClip", "encoded_clip", "view_media", "view_pair"]


NAME = "clip"


@dataclass(frozen=True)
class EncodedClip:
    """A video with its table, which is gone when the block ends that it is of.

    Arguments:
        media: the video. frames: its frames table. shown: its encoded table. tokenizer: that made it.
    """

    media: Path
    frames: Path
    shown: ShownClip
    tokenizer: Tokenizer

    def page(self, folder: str | os.PathLike) -> Path:
        """Writes `index.html` and the video into a folder, made when it is missing; returns the page's path."""
        return write_viewer(self.media, self.shown, Path(folder), self.tokenizer.model)

    def film(self, out: str | os.PathLike) -> int:
        """Writes an MP4 of picture with fitted mesh, head and strip; returns its frames. Needs VTK."""
        from ..report.pages.clip_film import write_film

        return write_film(self.media, self.shown, _ending(out, ".mp4", self.media), self.tokenizer.model)

    def still(self, out: str | os.PathLike, at_s: float) -> int:
        """Writes the film's picture at a time, as PNG; returns the number of its frame. Needs VTK."""
        from ..report.pages.clip_film import write_still

        return write_still(self.media, self.shown, _ending(out, ".png", self.media), self.tokenizer.model, at_s)


def view_media(path: str | os.PathLike, folder: str | os.PathLike, model: str | os.PathLike | None = None) -> Path:
    """Encodes a video and writes the page that plays it beside its head and tokens; returns the page's path.

    Arguments:
        path: Video; the name of a sample will do.
        folder: Where `index.html` and the video go; made when it is missing.
        model: Folder of a trained model, the study's when None.

    Raises:
        UserError: The clip is a picture, cannot be read, or the model's coefficients are not those of the fit.
    """
    with encoded_clip(path, model) as clip:
        return clip.page(folder)


def view_pair(
    paths: Sequence[str | os.PathLike], folder: str | os.PathLike, model: str | os.PathLike | None = None
) -> Path:
    """Writes a page that shows two videos side by side and in step; each has a page of its own below it.

    Arguments:
        paths: of the two videos. folder, model: as for :func:`view_media`.

    Raises:
        UserError: They are not two, or as :func:`view_media`.
    """
    if len(paths) != 2:
        raise UserError(f"{len(paths)} clips cannot be shown side by side: name two.")
    for number, path in enumerate(paths, 1):
        view_media(path, Path(folder) / str(number), model)
    return write_pair(["1", "2"], Path(folder), [Path(path).stem for path in paths])


@contextmanager
def encoded_clip(path: str | os.PathLike, model: str | os.PathLike | None = None) -> Iterator[EncodedClip]:
    """A video, encoded once to be shown in several ways; see :func:`view_media`."""
    path = sample_or_path(path)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder: name one video in it.' if path.is_dir() else 'does not exist.'}")
    if path.suffix.lower() in PICTURES:
        raise UserError(f"{path} is a picture, and a clip player needs a video: use `dfe encode` for its tokens.")
    if not is_media(path):
        raise UserError(f"{path} is no video that can be read: use {', '.join(VIDEOS)}.")
    tokenizer, settings = Tokenizer.from_pretrained(model), Settings()
    if tokenizer.rows.head is None:
        raise UserError("this model's coefficients have no head to show: name a model of ARKit's actions.")
    clip = MediaFile(path, NAME, NAME)
    with scratch() as work:
        tokens, frames = work / "encoded.parquet", work / "frames" / f"{NAME}.parquet"
        wanted = replace(settings, groups=(*settings.groups, "psi", "fit"), frames=str(frames.parent))
        write_clip(tokenizer.rows, clip, tokens, wanted)
        yield EncodedClip(path, frames, ShownClip(tokens, frames, tokenizer.rows.head), tokenizer)


def _ending(out: str | os.PathLike, suffix: str, media: Path) -> Path:
    """The output, checked before anything is drawn."""
    path = Path(out)
    if path.suffix.lower() != suffix:
        raise UserError(f"{path} must end in {suffix}.")
    if path.resolve() == media.resolve():
        raise UserError(f"{path} is the clip itself: give the output a name of its own.")
    return path
