"""An atlas of the displays in one's own clips: each time it names opens the clip's page there."""

import os
from collections.abc import Sequence
from pathlib import Path
from shutil import move

from ..io.clip_table import MediaFile
from ..io.names import plain_name
from ..io.scratch import scratch
from ..report.pages.atlas import atlas_of_model
from ..tracking.sources import write_sources
from .view import encoded_clip

__all__ = ["atlas_of_clips"]

CLIPS = "clips"


def atlas_of_clips(paths: Sequence[str | os.PathLike], folder: str | os.PathLike, model: str | os.PathLike) -> Path:
    """Encodes videos and writes the atlas of a model over them, and below it a page of each; returns the atlas' path.

    Arguments:
        paths: videos; names of samples will do. folder: made when it is missing. model: folder of a trained model.

    Raises:
        UserError: A clip cannot be shown (see `view.view_media`), or there is no model.
    """
    out, pages, clips = Path(folder), {}, []
    with scratch() as work:
        for number, path in enumerate(paths, 1):
            name = plain_name(Path(path).stem)
            name = name if name not in pages else f"{name} {number}"
            with encoded_clip(path, model) as clip:
                clip.page(out / CLIPS / str(number))
                clips.append(MediaFile(clip.media, name, name))
                for table, kind in ((clip.shown.tokens, "tokens"), (clip.frames, "frames")):
                    (work / kind).mkdir(exist_ok=True)
                    move(table, work / kind / f"{name}.parquet")
            pages[name] = f"{CLIPS}/{number}/index.html"
        write_sources(clips, work / "frames")
        tables = [work / "tokens" / f"{name}.parquet" for name in pages]
        return atlas_of_model(Path(model), out, tables, work / "frames", pages)
