"""Small square pictures of a face, cut out of a clip's frames by its landmarks: what masked autoencoders look at."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from ..errors import UserError
from ..io.media import PICTURES
from ..io.names import table_path
from ..io.tables import main_face, read_arrays, read_at, table_schema
from .sources import read_sources, stills

__all__ = ["Crops", "clip_crops", "crop_face", "run_crops", "spread"]

Crops = UInt8[np.ndarray, "_ s s 3"]
"""Square pictures in red, green and blue."""
MARGIN = 1.25
"""Side of the square in units of the landmarks' longer side."""


def crop_face(
    picture: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "l _"], size: int
) -> UInt8[np.ndarray, "s s 3"]:
    """The square around a face, (size, size); what lies outside the picture is black.

    Arguments:
        picture: upright.
        landmarks: (l, 2 or more) x and y in pixels.
        size: of the crop in pixels.
    """
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    half = max(float((high - low).max()) * MARGIN / 2, 1.0)
    x, y = ((low + high) / 2).tolist()
    square = Image.fromarray(picture).crop((round(x - half), round(y - half), round(x + half), round(y + half)))
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0))


def spread(time_s: Float[np.ndarray, " t"], n: int, span_s: float | None = None) -> Int[np.ndarray, " n"]:
    """n of a clip's frames in even steps, from the `span_s` seconds around the middle one or from all.

    Steps are of frames, not of time, or a single false detection after a long gap would be taken again and again.
    Frames repeat where there are fewer than n.

    >>> spread(np.arange(100) / 10, 3, span_s=2.0).tolist()
    [40, 50, 60]
    """
    rows = np.arange(len(time_s))
    if span_s is not None:
        rows = rows[np.abs(time_s - time_s[len(rows) // 2]) <= span_s / 2 + 1e-9]
    return rows[np.linspace(0, len(rows) - 1, n).round().astype(int)]


def clip_crops(
    video: Path, frames: Path, n: int = 16, size: int = 64, span_s: float | None = None, face: int | None = None
) -> Crops:
    """n crops of the face of a clip, see :func:`spread`.

    Arguments:
        video: the clip's file. frames: its frames table.
        n: crops. size: of each in pixels. span_s: seconds in the middle that they come from; all when None.

    Raises:
        UserError: The clip shows no face, or its table has no landmarks in pixels.
    """
    if "landmarks" not in table_schema(frames).names:
        raise UserError(f"{frames.name} has no landmarks in pixels: faces cannot be cut out of its pictures.")
    rows = read_arrays(frames, ["frame", "face_id", "time_s", "detected"])
    kept = rows["detected"] & (rows["face_id"] == (main_face(frames) if face is None else face))
    if not kept.any():
        raise UserError(f"{frames.stem} shows no face: leave it out.")
    chosen = np.flatnonzero(kept)[spread(rows["time_s"][kept], n, span_s)]
    pictures = stills(video, np.unique(rows["frame"][chosen]).tolist())
    flat = read_at(frames, chosen, ["landmarks"])["landmarks"]
    marks = flat.reshape(len(chosen), -1, 3 if flat.shape[1] % 478 == 0 else 2).astype(float)
    shown = zip(rows["frame"][chosen].tolist(), marks, strict=True)
    return np.stack([crop_face(pictures[frame], points, size) for frame, points in shown])


def run_crops(frames: Path, per_clip: int = 64, size: int = 64) -> UInt8[np.ndarray, "n s s 3"]:
    """Crops of every video of a run whose file is still there, clip after clip, in the order of time.

    Arguments:
        frames: folder of the run's frames tables.
        per_clip: crops of each. size: in pixels.
    """
    found = []
    for name, path in sorted(read_sources(frames).items()):
        table = table_path(frames, name)
        if table.exists() and path.is_file() and path.suffix.lower() not in PICTURES:
            try:
                found.append(clip_crops(path, table, per_clip, size))
            except UserError:  # a clip without a face, or without pictures, has nothing to give
                continue
    return np.concatenate(found) if found else np.zeros((0, size, size, 3), np.uint8)
