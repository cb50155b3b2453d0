"""A clip as a film: the fitted mesh over the picture, the head that its tokens say, the strip of tokens, in step."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial.transform import Rotation

from ...errors import UserError
from ...io.film import open_film
from ...io.media import Frame, open_media
from ...io.progress import bar
from ...io.tables import ROW_GROUP, atomic_path
from ...morphable.model import MM_PER_M
from ...morphable.rendering import Camera, HeadRenderer
from ...quantisation.rvqvae import RvqVae
from .page import tint
from .portraits import eyeballs, heated
from .shown_clip import TURN, UNITS, ShownClip, displacement_limit, face_triangles, gazing, shown_psi
from .token_colours import token_colours

__all__ = ["ClipFilm", "write_film", "write_still"]

PICTURE_PX = (854, 480)
"""The largest picture; a smaller one keeps its size."""
LEAST_PX = (320, 240)
"""A smaller one is enlarged."""
HEAD_PX = 400
WORDS_PX, STAGE_PX, GAP_PX = 54, 14, 4
FAR_M, NOMINAL = 4.0, 4.0
"""The overlay's camera stands far off, as poses have no perspective: a head is at most about a quarter of a metre."""
MESH_OPACITY = 0.5
HEAD_FOCAL = 3.1
"""Focal length of the head's camera, in heights of its picture."""
GROUND, INK, SOFT, CURSOR = (255, 255, 255), (28, 30, 33), (88, 93, 99), (213, 94, 0)
STRIP_GROUND = (233, 236, 238)
TEXT_PX, SMALL_PX = 17, 13
UNIT_SEEN, UNITS_TOLD = 0.5, 5
"""From which strength on, of 5, a unit is named, and how many are (our choice)."""
COLUMNS = ("frame", "time_s", "tokens", "words", "psi", *TURN, *UNITS)
Picture = UInt8[np.ndarray, "h w 3"]
Row = Mapping[str, Any]


def write_film(media: Path, clip: ShownClip, out: Path, model: RvqVae) -> int:
    """Writes an MP4 of a whole clip, without sound; returns its number of frames.

    One picture is held in memory at a time.

    Arguments:
        media: the clip's video. clip: its encoded table. out: ends in .mp4. model: of the tokens.

    Raises:
        UserError: The clip cannot be read, is not the table's, or the renderer is not installed.
    """
    told = clip.whole()
    count = 0
    with open_media(media) as reader, ClipFilm(clip, model, told) as film, open_film(out) as written:
        pairs = _paired(reader.frames, clip, media)
        for frame, row in bar(pairs, desc="film", unit="frame", total=len(told["frame"])):
            written.write(film(frame.rgb, row), frame.time_s)
            count += 1
    return count


def write_still(media: Path, clip: ShownClip, out: Path, model: RvqVae, at_s: float) -> int:
    """Writes the picture of a film that is shown at a time, as PNG; returns the number of its frame.

    Raises:
        UserError: The clip ends before, or as :func:`write_film`.
    """
    told = clip.whole()
    time_s = told["time_s"]
    wanted = int(np.searchsorted(time_s, at_s, side="right")) - 1
    if not np.isfinite(at_s) or wanted < 0 or at_s > time_s[-1] + 1:
        raise UserError(
            f"{media} has no picture at {at_s:g} s: name a time from {time_s[0]:.2f} to {time_s[-1]:.2f} s."
        )
    with open_media(media) as reader, ClipFilm(clip, model, told) as film:
        for frame, row in _paired(reader.frames, clip, media):
            if frame.index == told["frame"][wanted]:
                with atomic_path(out) as partial:
                    Image.fromarray(film(frame.rgb, row)).save(partial, "PNG")
                return frame.index
    raise UserError(f"{media} ends before its table does: encode it again.")


class ClipFilm:
    """Makes the pictures of a film, one for each row of the table; hold it open over them.

    Arguments:
        clip: what is shown. model: of its tokens. told: as `ShownClip.whole` gives it.
    """

    def __init__(self, clip: ShownClip, model: RvqVae, told: Mapping[str, np.ndarray]) -> None:
        self._clip, self._model, self._head = clip, model, clip.head
        self._limit = displacement_limit(model, clip.head, told["tokens"], told["valid"])
        self._told, self._still = told, model.still()
        self._size: tuple[int, int] | None = None

    def __call__(self, rgb: Picture, row: Row) -> UInt8[np.ndarray, "rows columns 3"]:
        """The picture of one frame.

        Arguments:
            rgb: the clip's, of one size throughout. row: of the table, by column.
        """
        if self._size is None:
            self._begin(rgb.shape[1], rgb.shape[0])
        width, height = self._shape
        sheet = Image.new("RGB", (width, height), GROUND)
        picture = np.asarray(Image.fromarray(rgb).resize(self._panel, Image.Resampling.BILINEAR))
        sheet.paste(Image.fromarray(self._overlaid(picture, row)), (0, 0))
        sheet.paste(Image.fromarray(self._heads(row)), (self._panel[0], 0))
        self._write_words(ImageDraw.Draw(sheet), row)
        top = self._panel[1] + WORDS_PX
        sheet.paste(self._strip, (0, top))
        at = self._cursor(float(row["time_s"]))
        ImageDraw.Draw(sheet).rectangle((at, top, at + 1, height), fill=CURSOR)
        return np.asarray(sheet)

    def __enter__(self) -> "ClipFilm":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._size is not None:
            self._mesh.close()
            self._portrait.close()

    def _begin(self, width: int, height: int) -> None:
        """Sizes, cameras and the strip, once the size of the pictures is known."""
        self._size = (width, height)
        fits = min(most / side for most, side in zip(PICTURE_PX, self._size, strict=True))
        visible = max(least / side for least, side in zip(LEAST_PX, self._size, strict=True))
        self._factor = min(fits, max(1.0, visible))
        wide, high = (2 * max(1, round(side * self._factor / 2)) for side in self._size)
        self._panel = (wide, high)
        stages = self._told["tokens"].shape[1]
        self._shape = (wide + HEAD_PX, high + WORDS_PX + stages * (STAGE_PX + 1) + 1 - (stages + 1) % 2)
        self._per_m = NOMINAL * high
        overlay = Camera(FAR_M, FAR_M * self._per_m, wide, high)
        count = len(self._head.template)
        self._mesh = HeadRenderer(face_triangles(self._head), count, overlay, smooth=False)
        self._portrait = HeadRenderer(
            self._head.faces, count, Camera(0.9, HEAD_FOCAL * high, HEAD_PX, high), subdivisions=1
        )
        self._paint = {0: tint(self._head, 0), 1: tint(self._head, 1)}
        self._strip = Image.fromarray(self._drawn_strip(self._shape[0], self._shape[1] - high - WORDS_PX))

    def _overlaid(self, picture: Picture, row: Row) -> Picture:
        """The fitted mesh, half transparent, coloured by what the fitted expression moves."""
        if "scale" not in row or not np.isfinite(row["scale"]) or self._clip.placer is None:
            return picture
        scale, turn = float(row["scale"]) * self._factor, row["rotation"]
        head = (self._clip.placer.shape + np.tensordot(row["psi"], self._head.expression, 1)) * MM_PER_M
        middle = row["translation"][:2] * self._factor + np.array([-self._panel[0], self._panel[1]]) / 2
        placed = (scale * head @ turn.T + [*middle, 0.0]) / self._per_m
        drawn = self._mesh.cut_out(placed, self._heat(row["psi"], 0))
        opacity = MESH_OPACITY * drawn[..., 3:] / 255
        return (picture * (1 - opacity) + drawn[..., :3] * opacity).round().astype(np.uint8)

    def _heads(self, row: Row) -> Picture:
        """The head that the tokens say, turned as in the picture; empty without a face."""
        if not row["valid"]:
            return np.full((self._panel[1], HEAD_PX, 3), 255, np.uint8)
        psi = shown_psi(self._model, self._head, row["tokens"][None])
        if "psi" in row:
            psi = gazing(self._head, psi, row["psi"][None])
        vertices = self._head.vertices(psi[0]).astype(float) - self._middle()
        return self._portrait.render(vertices, self._heat(psi[0] - self._still, 1), _turned(row))

    def _middle(self) -> Float[np.ndarray, "3"]:
        low, high = self._head.template.min(0), self._head.template.max(0)
        return (low + high) / 2 * [0, 1, 0]  # of the whole head, so that its crown is in the picture

    def _heat(self, change: Float[np.ndarray, " e"], cut: int) -> Float[np.ndarray, "w 3"]:
        renderer = self._portrait if cut else self._mesh
        moved = self._head.displacement_mm(change.astype(float)) * ~eyeballs(self._head)[:, None]
        return heated(self._paint[cut], np.linalg.norm(renderer.refine @ moved, axis=1) / self._limit)

    def _write_words(self, pen: ImageDraw.ImageDraw, row: Row) -> None:
        """Time and words, the strongest units, and what colours mean."""
        top = self._panel[1] + 6
        said = _text(row, "words") if row["valid"] else "no face"
        lines = [f"{float(row['time_s']):.2f} s   {said}", _units_told(row)]
        room = (self._shape[0] - 16, self._shape[0] - 170)
        for text, size, ink, down, wide in zip(lines, (TEXT_PX, SMALL_PX), (INK, SOFT), (0, 24), room, strict=True):
            pen.text((8, top + down), _fitting(text, size, wide), font=_font(size), fill=ink)
        told = f"colours: 0 to {self._limit:g} mm"
        pen.text((self._shape[0] - 8, top + 24), told, font=_font(SMALL_PX), fill=SOFT, anchor="ra")

    def _cursor(self, time_s: float) -> int:
        first, last = self._told["time_s"][[0, -1]]
        return round((self._shape[0] - 2) * (time_s - first) / max(last - first, 1e-9))

    def _drawn_strip(self, width: int, height: int) -> Picture:
        """A row a stage; each column shows the token that most of its frames have."""
        strip = np.tile(np.array(STRIP_GROUND, float), (height, width, 1))
        colours = token_colours(self._model, self._head.gram())
        words = self._model.words(np.where(self._told["valid"][:, None], self._told["tokens"], 0))
        words[~self._told["valid"]] = -1
        for column, here in enumerate(_columns(self._told["time_s"], width)):
            for stage in range(words.shape[1]):
                word = _commonest(words[here, stage])
                if word >= 0:
                    top = stage * (STAGE_PX + 1)
                    opacity = colours[word, 3]
                    strip[top : top + STAGE_PX, column] *= 1 - opacity
                    strip[top : top + STAGE_PX, column] += opacity * colours[word, :3]
        return strip.round().astype(np.uint8)


def _paired(frames: Iterator[Frame], clip: ShownClip, media: Path) -> Iterator[tuple[Frame, Row]]:
    """Each frame with its row."""
    for row in _rows(clip):
        frame = next((each for each in frames if each.index == row["frame"]), None)
        if frame is None:
            raise UserError(f"{media} ends before its table does: encode it again.")
        yield frame, row


def _rows(clip: ShownClip) -> Iterator[Row]:
    for batch in clip.batches(COLUMNS, ROW_GROUP):
        for i in range(len(batch["frame"])):
            yield {name: values[i] for name, values in batch.items()}


def _turned(row: Row) -> Float[np.ndarray, "3 3"]:
    """Rotation of the head in the picture: that of the fit, or else of the table; none where neither is known."""
    if "rotation" in row and np.isfinite(row["rotation"]).all():
        return row["rotation"]
    angles = [float(row.get(name, np.nan)) for name in TURN]
    return Rotation.from_euler("YXZ", np.nan_to_num(angles), degrees=True).as_matrix()


def _units_told(row: Row) -> str:
    """The strongest units of a frame, such as `AU12 lip corner puller 2.3`."""
    strength = {name: float(row[name]) for name in UNITS if name in row and row[name] >= UNIT_SEEN}
    strongest = sorted(strength, key=lambda name: -strength[name])[:UNITS_TOLD]
    return "   ".join(f"AU{UNITS[name]} {strength[name]:.1f}" for name in strongest)


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


def _fitting(text: str, size: int, width: int) -> str:
    """As much of a text as is so wide."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _columns(time_s: Float[np.ndarray, " n"], width: int) -> Iterator[slice]:
    """The frames of each column of a strip, at least one."""
    edges = np.searchsorted(time_s, np.linspace(time_s[0], time_s[-1], width + 1))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield slice(min(first, len(time_s) - 1), max(last, first + 1))


def _commonest(words: Int[np.ndarray, " n"]) -> int:
    """The first of the most frequent; -1 where most have no face."""
    found, counts = np.unique(words, return_counts=True)
    return int(found[counts.argmax()])
