"""A clip beside its reconstructed head and its tokens, as a web page that opens from disk, offline."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from ...io.film import open_film
from ...io.media import open_media
from ...io.tables import atomic_path, read_arrays
from ...morphable.anny import shown_tongue
from ...morphable.model import MorphableModel
from ...morphable.phrases import movements, sentence
from ...quantisation.lexicon import lexicon_of
from ...quantisation.rvqvae import RvqVae
from ..shown_clip import TURN, UNITS, ShownClip
from ..token_colours import token_colours
from .page import LIMITS_MM, pack, packed_head, write_page

__all__ = ["clip_page", "frame_readings", "playable", "write_viewer"]

PLAYED = ("h264", "vp8", "vp9", "av1")
"""Codecs that browsers play; of H.264 they play 8 bits and 4:2:0 only."""
PIXELS = ("yuv420p", "yuvj420p")
ENDINGS = {".m4v": ".mp4", ".mov": ".mp4", ".mp4": ".mp4", ".webm": ".webm"}
"""Containers that browsers play; QuickTime's is MP4's twin, and goes by that name."""
COLUMNS = ["frame", "time_s", "valid", "tokens", "error_mm"]
"""Of a tokens table; what `encode` knows beside them is shown where it is there."""
TYPICAL = 99
"""Percentile of the frames' largest displacements that the colour scale reaches."""


def write_viewer(media: Path, clip: ShownClip, folder: Path, model: RvqVae) -> Path:
    """Writes `folder/index.html` and the video beside it; returns the page's path.

    The head shows each frame as its tokens decode, and nothing where there is no face. Words, pose and action units of
    a frame are shown where the table has them.

    Arguments:
        media: a video of any kind that is read; what browsers do not play is encoded anew, without sound.
        clip: its encoded table.
        folder: made when it is missing.
        model: of the tokens.

    Raises:
        UserError: The clip cannot be read.
    """
    rows = read_arrays(clip._tokens, COLUMNS + [name for name in ("words", *TURN, *UNITS) if name in clip.columns])
    video = _video(media, folder)
    page = clip_page(model, clip.head, rows["time_s"], rows["tokens"], rows["valid"].astype(bool), rows["error_mm"])
    path = folder / "index.html"
    write_page(path, "viewer", {"clip": media.stem, "video": video} | page | frame_readings(rows))
    return path


def clip_page(
    model: RvqVae,
    head: MorphableModel,
    time_s: Float[np.ndarray, " n"],
    tokens: Int[np.ndarray, "n m"],
    valid: np.ndarray,
    error_mm: Float[np.ndarray, " n"],
) -> dict[str, Any]:
    """What the player's page reads, but for the video: the frames, their decoded psi, the tokens' names and colours."""
    psi = model.templates()
    still = model.still()
    decoded = np.tile(still, (len(time_s), 1))
    if valid.any():
        decoded[valid] = shown_tongue(head, model.decode(torch.as_tensor(tokens[valid].astype(np.int64))).numpy())
    most = np.array([np.linalg.norm(head.displacement_mm(row - still), axis=1).max() for row in decoded[valid]])
    reach = float(np.percentile(most, TYPICAL)) if len(most) else 1.0
    lexicon, first = lexicon_of(model), model.words(np.zeros(tokens.shape[1], int))
    return {
        "times": np.round(time_s, 4).tolist(), "valid": valid.astype(int).tolist(), "books": first.tolist(),
        "tokens": np.where(valid[:, None], tokens, -1).tolist(),
        "error": [round(float(e), 2) if np.isfinite(e) else None for e in error_mm],
        "psi": pack(decoded), "still": still.round(5).tolist(),
        "limit": next((each for each in LIMITS_MM if each >= reach), LIMITS_MM[-1]),
        "names": [sentence(found) for found in movements(head, psi)],
        "labels": [lexicon.label(code) for code in range(len(psi))], "colours": token_colours(model, head.gram()).tolist(),
        "levels": model.config.levels, "head": packed_head(head),
    }  # fmt: skip


def frame_readings(rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What the player's page reads of a frame beside its tokens, as far as known: words, head turn, action units.

    Tables turn a head by yaw, pitch and roll about axes that turn along; the page's roll comes after the other two.

    >>> frame_readings({"words": np.array(["smiles", None, "smiles"], object)})
    {'words': ['', 'smiles'], 'said': [1, 0, 1]}
    """
    found: dict[str, Any] = {}
    if "words" in rows:
        words, said = np.unique([text or "" for text in rows["words"]], return_inverse=True)
        found |= {"words": words.tolist(), "said": said.tolist()}
    if rows.keys() >= set(TURN):
        turn = np.stack([rows[name] for name in TURN], 1)
        known = np.isfinite(turn).all(1)
        rotation = Rotation.from_euler("YXZ", turn[known], degrees=True)
        turn[known] = rotation.as_euler("ZXY", degrees=True)[:, ::-1]
        found["turn"] = pack(np.nan_to_num(turn))
    units = [name for name in UNITS if name in rows]
    if units:
        found["units"] = [UNITS[name] for name in units]
        found["intensity"] = pack(np.nan_to_num(np.stack([rows[name] for name in units], 1)))
    return found


def playable(media: Path) -> bool:
    """Do browsers play this file as it is?

    Raises UserError when it cannot be opened or holds no video.
    """
    with open_media(media), av.open(str(media), metadata_errors="ignore") as container:
        context = container.streams.video[0].codec_context
        known = context.name in PLAYED and (context.name != "h264" or context.pix_fmt in PIXELS)
        return known and media.suffix.lower() in ENDINGS


def _video(media: Path, folder: Path) -> str:
    """Brings the video into the folder; its name there. Browsers count its time as the tables do."""
    if not playable(media):
        _encode(media, folder / "clip.mp4")
        return "clip.mp4"
    name = "clip" + ENDINGS[media.suffix.lower()]
    with atomic_path(folder / name) as partial:
        shutil.copyfile(media, partial)
    return name


def _encode(media: Path, out: Path) -> None:
    """The upright pictures at their true times, as H.264."""
    with open_media(media) as reader, open_film(out) as film:
        for frame in reader.frames:
            film.write(frame.rgb, frame.time_s)
