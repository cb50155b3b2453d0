"""A clip beside its reconstructed head and its tokens, as a web page that opens from disk, offline."""

import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import av
import numpy as np

from ...io.film import open_film
from ...io.media import open_media
from ...io.tables import atomic_path, write_text
from ...morphable.model import MM_PER_M, MorphableModel
from ...morphable.phrases import movements, sentence
from ...quantisation.lexicon import lexicon_of
from ...quantisation.rvqvae import RvqVae
from .clip_rows import COLUMNS, Overview, channel_names, channel_sizes_mm, packed_rows
from .page import base64_of, pack, packed_head, safe_json, write_page
from .shown_clip import TURN, UNITS, ShownClip, displacement_limit, face_triangles
from .token_colours import token_colours

__all__ = ["clip_page", "playable", "write_pair", "write_viewer"]

PLAYED = ("h264", "vp8", "vp9", "av1")
"""Codecs that browsers play; of H.264 they play 8 bits and 4:2:0 only."""
PIXELS = ("yuv420p", "yuvj420p")
ENDINGS = {".m4v": ".mp4", ".mov": ".mp4", ".mp4": ".mp4", ".webm": ".webm"}
"""Containers that browsers play; QuickTime's is MP4's twin, and goes by that name."""
PIECE = 8192
"""Rows that a page reads at a time: four and a half minutes. A longer clip's lie beside the page, a file a piece."""
TICK_S = 1e-4
"""Times are kept in whole ticks."""
ROWS_FOLDER = "rows"


def write_viewer(media: Path, clip: ShownClip, folder: Path, model: RvqVae) -> Path:
    """Writes `folder/index.html` and the video beside it; returns the page's path.

    The head shows each frame as its tokens decode, with the eyes as the fit has them, and nothing where there is no
    face. Words, pose, action units and the fitted mesh over the picture are shown where the table has them. Of a clip
    longer than `PIECE` frames the rows lie in `folder/rows`, and the page itself has all tokens and times, and curves
    as the largest value of each of 4,096 stretches.

    Arguments:
        media: a video of any kind that is read; what browsers do not play is encoded anew, without sound.
        clip: its encoded table.
        folder: made when it is missing.
        model: of the tokens.

    Raises:
        UserError: The clip cannot be read.
    """
    video, told = _video(media, folder), clip.whole()
    about = {"clip": media.stem, "video": video, "picture": _picture_size(media)}
    page = about | _whole_clip(model, clip.head, told) | _fitted_head(clip) | {"has": _has(clip.columns)}
    count, pieces = len(told["time_s"]), _pieces(clip, model)
    if count <= PIECE:
        page["pieces"] = [rows for _, rows, _ in pieces]
    else:
        page |= _write_pieces(folder / ROWS_FOLDER, pieces, Overview(clip.head, count))
    path = folder / "index.html"
    write_page(path, "viewer", page)
    return path


def write_pair(folders: Sequence[str], folder: Path, names: Sequence[str]) -> Path:
    """Writes `folder/index.html`, which shows two clips' pages side by side and keeps them in step; returns its path.

    Arguments:
        folders: of the two pages, below `folder`. names: of the two clips.
    """
    path = folder / "index.html"
    write_page(path, "pair", {"pages": [f"{each}/index.html" for each in folders], "names": list(names)})
    return path


def clip_page(model: RvqVae, head: MorphableModel, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What the player's page reads of a short clip, but for the video and the fitted mesh.

    Arguments:
        rows: `time_s`, `valid` and `tokens`, and what else of `clip_rows.COLUMNS` is known; at most `PIECE` of them.
    """
    pieces = [packed_rows(model, head, rows)]
    return _whole_clip(model, head, rows) | {"pieces": pieces, "has": _has(rows.keys())}


def _has(columns: Set[str]) -> dict[str, bool]:
    """What is known of a frame beside its tokens."""
    return {"units": columns >= set(UNITS), "psi": "psi" in columns, "turn": columns >= set(TURN)}


def _whole_clip(model: RvqVae, head: MorphableModel, told: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Times and tokens of all frames, and what the tokens' names and colours are."""
    tokens, valid, lexicon = told["tokens"], told["valid"].astype(bool), lexicon_of(model)
    psi, wide = model.templates(), model.config.codebook_size > 256
    return {
        "times": base64_of(np.round(told["time_s"] / TICK_S).astype("<i4")), "tick": TICK_S,
        "valid": base64_of(np.packbits(valid, bitorder="little")),
        "tokens": base64_of(np.where(valid[:, None], tokens, 0).astype("<u2" if wide else np.uint8)), "wide": wide,
        "books": model.words(np.zeros(tokens.shape[1], int)).tolist(), "still": model.still().round(5).tolist(),
        "limit": displacement_limit(model, head, tokens, valid),
        "names": [sentence(found) for found in movements(head, psi)],
        "labels": [lexicon.label(code) for code in range(len(psi))],
        "colours": token_colours(model, head.gram()).tolist(),
        "levels": model.config.levels, "head": packed_head(head), "piece": PIECE,
        "channels": channel_names(head), "sizes": channel_sizes_mm(head),
    }  # fmt: skip


def _fitted_head(clip: ShownClip) -> dict[str, Any]:
    """The person's shape, as its difference from the mean head, and the triangles that are laid over the picture."""
    if clip.placer is None:
        return {}
    own = (clip.placer.shape - clip.head.template) * MM_PER_M
    return {"shape": pack(own), "mask": base64_of(face_triangles(clip.head).astype("<u2"))}


def _pieces(clip: ShownClip, model: RvqVae) -> Iterator[tuple[int, dict[str, Any], dict[str, np.ndarray]]]:
    """Number of the first row, packed rows and rows of each piece."""
    first = 0
    for rows in clip.batches(COLUMNS, PIECE):
        yield first, packed_rows(model, clip.head, rows), rows
        first += len(rows["valid"])


def _write_pieces(
    folder: Path, pieces: Iterator[tuple[int, dict[str, Any], dict[str, np.ndarray]]], overview: Overview
) -> dict[str, Any]:
    """Writes each piece as a script, which a page from disk can read where it can read no other file."""
    for first, packed, rows in pieces:
        number = first // PIECE
        write_text(folder / f"{number}.js", f"rowsArrived({number}, {safe_json(packed)});\n")
        overview.add(first, rows)
    return {"pieces": None, "overview": overview.packed()}


def _picture_size(media: Path) -> list[int]:
    """Width and height of the upright pictures."""
    with open_media(media) as reader:
        height, width = next(reader.frames).rgb.shape[:2]
    return [width, height]


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
