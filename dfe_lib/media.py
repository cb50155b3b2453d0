"""Videos and pictures as upright RGB frames with true times, one at a time; a picture is a clip of one frame."""

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from .errors import UserError

__all__ = [
    "PICTURES",
    "VIDEOS",
    "Frame",
    "MediaFile",
    "MediaReader",
    "find_media",
    "open_media",
    "subject_table",
]

VIDEOS = (".avi", ".mkv", ".mov", ".mp4", ".webm")
PICTURES = (".jpeg", ".jpg", ".png")

Spec = str | os.PathLike | Iterable[str | os.PathLike]


@dataclass(frozen=True)
class MediaFile:
    """A video or picture to read; `clip_id` is unique among the files found together and names its tables."""

    path: Path
    clip_id: str
    subject_id: str


@dataclass(frozen=True)
class Frame:
    """One upright picture; `time_s` counts from the clip's first frame."""

    index: int
    time_s: float
    rgb: UInt8[np.ndarray, "height width 3"]


@dataclass
class MediaReader:
    """An open video or picture; `frames` can be walked once.

    `expected` is the number of frames the file claims (0 when it does not say), `read` counts the frames decoded so
    far and `skipped` the corrupt ones left out, and `stopped` says why reading ended early, if it did.
    """

    path: Path
    still: bool
    expected: int
    read: int = 0
    skipped: int = 0
    stopped: str = ""
    frames: Generator[Frame, None, None] = field(default_factory=lambda: _no_frames())

    @property
    def damage(self) -> str:
        """What could not be read, in words; empty for a sound file that was read to its end."""
        skipped = f"{self.skipped} corrupt frames left out" if self.skipped else ""
        # a claim of a few frames more is common in sound files
        missing = not self.still and self.read < 0.9 * self.expected
        short = f"{self.read} frames of the {self.expected} it claims" if missing else ""
        return "; ".join(filter(None, (skipped, short, self.stopped)))


def find_media(
    spec: Spec,
    subjects: Mapping[str, str] | str | os.PathLike | None = None,
    find_others: Callable[[Path], Iterable[Path]] | None = None,
) -> list[MediaFile]:
    """Videos and pictures of a folder (with its subfolders), a glob, a file, or a list of these, sorted by path.

    A clip is called by its file's stem; files of the same stem get the folder's name or the suffix in front or
    behind, so that no two clips share a name.

    Arguments:
        spec: Where to look.
        subjects: Who is in which clip, as a mapping from clip_id or a CSV file with the columns clip_id and
            subject_id; without it each clip is its own subject.
        find_others: Finds clips that are no media, such as `formats.find_recordings`: those that a file or folder is
            or holds.

    Raises:
        UserError: A path does not exist, a file named outright is of no supported type, nothing was found, or
            `subjects` leaves out a clip.
    """
    specs = [spec] if isinstance(spec, str | os.PathLike) else list(spec)
    paths = sorted({path for item in specs for path in _paths(item, find_others or _no_others)})
    if not paths:
        raise UserError(f"No video or picture at {_words(specs)}: the types read are {_words(VIDEOS + PICTURES)}.")
    names = _unique_names(paths)
    people = subject_table(subjects, names) if subjects is not None else {name: name for name in names}
    return [MediaFile(path, name, people[name]) for path, name in zip(paths, names, strict=True)]


def subject_table(subjects: Mapping[str, str] | str | os.PathLike, clip_ids: Iterable[str]) -> dict[str, str]:
    """The subject of each clip, from a mapping or a CSV file with the columns clip_id and subject_id.

    Raises:
        UserError: A clip has no subject, or the file is wrong, see :func:`clip_tables.read_subjects`.

    >>> subject_table({"a_1": "anna", "a_2": "anna", "b": "ben"}, ["a_1", "b"])
    {'a_1': 'anna', 'b': 'ben'}
    """
    if not isinstance(subjects, Mapping):
        from .clip_tables import read_subjects  # which needs MediaFile of this module

        subjects = read_subjects(subjects)
    clip_ids = list(clip_ids)
    missing = [clip_id for clip_id in clip_ids if subjects.get(clip_id) in (None, "")]
    if missing:
        raise UserError(f"No subject is given for {_words(missing[:5])}: add a row for each clip.")
    return {clip_id: str(subjects[clip_id]) for clip_id in clip_ids}


@contextmanager
def open_media(path: str | os.PathLike) -> Iterator[MediaReader]:
    """Opens a video or picture.

    Rotation metadata, EXIF orientation and oblong pixels are applied; transparency is laid over white; grey,
    palette, CMYK and 16-bit pictures become 8-bit RGB.

    Raises:
        UserError: The file is missing, of no supported type, or cannot be read at all.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder: name one file in it.' if path.is_dir() else 'does not exist.'}")
    if path.suffix.lower() in PICTURES:
        yield MediaReader(path, still=True, expected=1, frames=_picture_frames(path))
    elif path.suffix.lower() in VIDEOS:
        with _open_video(path) as reader:
            yield reader
    else:
        raise UserError(f"{path} is no video or picture that can be read: use {_words(VIDEOS + PICTURES)}.")


def _paths(spec: str | os.PathLike, find_others: Callable[[Path], Iterable[Path]]) -> list[Path]:
    path = Path(spec).expanduser()
    if path.is_dir():
        others = list(find_others(path))
        # what lies in another clip's folder, such as the renderings of its frames, is no clip
        return [*others, *(each for each in _media_only(path.rglob("*")) if not any(o in each.parents for o in others))]
    if path.is_file():
        if not _supported(path):
            return _others_only(path, find_others)
        return [path]
    if glob.has_magic(str(path)):
        found = [Path(name) for name in glob.iglob(str(path), recursive=True)]  # noqa: PTH207 - may be absolute
        return [*_media_only(found), *(other for each in found for other in find_others(each))]
    raise UserError(f"{path} does not exist: give a folder, a glob or a list of files.")


def _no_others(path: Path) -> Iterable[Path]:
    return ()


def _others_only(path: Path, find_others: Callable[[Path], Iterable[Path]]) -> list[Path]:
    found = list(find_others(path))
    if not found:
        known = f"use {_words(VIDEOS + PICTURES)}, or see what `dfe inspect` says of it"
        raise UserError(f"{path} is no video or picture that can be read: {known}.")
    return found


def _media_only(paths: Iterable[Path]) -> list[Path]:
    # names that start with a dot are the leftovers of some file systems, not clips
    return [path for path in paths if _supported(path) and not path.name.startswith(".") and path.is_file()]


def _supported(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS + PICTURES


def _unique_names(paths: list[Path]) -> list[str]:
    # compared without case: clip names become file names, also where the file system ignores case
    names = [_plain(path.stem) for path in paths]
    for longer in (_stem_and_type, _folder_and_stem, _whole_path):
        taken = _repeated(names)
        names = [
            _plain(longer(path)) if name.casefold() in taken else name for path, name in zip(paths, names, strict=True)
        ]
    taken = _repeated(names)
    return [f"{name}-{i}" if name.casefold() in taken else name for i, name in enumerate(names)]


def _stem_and_type(path: Path) -> str:
    return f"{path.stem}_{path.suffix[1:]}"


def _folder_and_stem(path: Path) -> str:
    return f"{path.resolve().parent.name}_{path.stem}"


def _whole_path(path: Path) -> str:
    return "_".join(path.resolve().with_suffix("").parts[1:]) + f"_{path.suffix[1:]}"


def _repeated(names: list[str]) -> set[str]:
    counts = Counter(name.casefold() for name in names)
    return {name for name, count in counts.items() if count > 1}


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _words(items: Iterable[object]) -> str:
    return ", ".join(str(item) for item in items)


def _no_frames() -> Generator[Frame, None, None]:
    yield from ()


def _picture_frames(path: Path) -> Generator[Frame, None, None]:
    try:
        with Image.open(path) as picture:
            yield Frame(0, 0.0, _to_rgb(ImageOps.exif_transpose(picture)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as a picture: {error}.") from None


def _to_rgb(picture: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float64)
        values = values * (255 / 65535) if values.max(initial=0) > 255 else values
        picture = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"))


@contextmanager
def _open_video(path: Path) -> Iterator[MediaReader]:
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a video: {_reason(error)}.") from None
    with container:
        if not container.streams.video:
            raise UserError(f"{path} holds no video stream.")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        reader = MediaReader(path, still=False, expected=stream.frames)
        reader.frames = _video_frames(container, stream, reader)
        try:
            yield reader
        finally:
            reader.frames.close()


def _video_frames(
    container: "av.container.InputContainer", stream: "av.VideoStream", reader: MediaReader
) -> Generator[Frame, None, None]:
    step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
    start = previous = None
    for picture in _decoded(container, stream, reader):
        time = picture.time
        if time is None:  # some AVI files carry no timestamps
            time = 0.0 if previous is None else previous + step
        start, previous = (time if start is None else start), time
        reader.read += 1
        yield Frame(reader.read - 1, time - start, _upright(picture, stream))
    if not reader.read:
        raise UserError(f"{reader.path} cannot be read as a video: {reader.damage or 'it holds no frames'}.")


def _decoded(
    container: "av.container.InputContainer", stream: "av.VideoStream", reader: MediaReader
) -> Iterator[av.VideoFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
        except av.FFmpegError as error:
            reader.stopped = f"stopped early: {_reason(error)}"
            return
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            reader.skipped += 1
            continue
        for picture in pictures:
            if picture.is_corrupt:
                reader.skipped += 1
            else:
                yield picture


def _upright(picture: av.VideoFrame, stream: "av.VideoStream") -> UInt8[np.ndarray, "height width 3"]:
    oblong = float(stream.sample_aspect_ratio or 1)
    rgb = picture.to_ndarray(format="rgb24", width=max(1, round(picture.width * oblong)), height=picture.height)
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
