"""What a command was given: files, folders and globs, as clips with a name each."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..io.assets import sample_or_path
from ..io.clip_table import MediaFile, is_clip_table, table_clips
from ..io.exported import exported_kind
from ..io.media_files import find_media
from ..io.tables import read_metadata
from ..tracking.formats.registry import find_recordings
from ..tracking.import_clips import is_media

__all__ = ["Failure", "content_key", "find_inputs", "input_kind"]

TABLE_KINDS = ("frames", "expressions", "tokens")


@dataclass(frozen=True)
class Failure:
    """Something that could not be encoded, and why."""

    name: str
    reason: str


def find_inputs(
    specs: Sequence[str | os.PathLike], outputs: Iterable[Path] = ()
) -> tuple[list[MediaFile], list[Failure]]:
    """The clips of files, folders (with their subfolders) and globs, and what among them is none.

    Videos and pictures, files of other programs, and this project's own tables of frames or expressions; a table of
    clips stands for its clips. Tables of tokens are results: in a folder they are passed over, by name they are read.

    Arguments:
        specs: what a person wrote; the name of a sample will do.
        outputs: files and folders that are written now, or were by an earlier run: no inputs.
    """
    left_out = [path.resolve() for path in outputs]
    failures, good, clips = [], [], []
    for spec in map(sample_or_path, specs):
        try:
            if is_clip_table(Path(spec)):
                clips += table_clips(Path(spec))
            else:
                find_media(spec, find_others=_finder(left_out))
                good.append(spec)
        except UserError as error:
            failures.append(Failure(str(spec), str(error)))
    found = find_media(good, find_others=_finder(left_out)) if good else []
    found = [clip for clip in found if not _is_below(clip.path, left_out)]
    if good and not (found or clips or failures):
        failures.append(Failure(str(good[0]), f"There is nothing to encode at {good[0]} but what dfe wrote there."))
    return [*clips, *found], failures


def input_kind(path: Path) -> str:
    """`"media"`, `"frames"`, `"expressions"` or `"tokens"` (a table of ours, in Parquet or CSV), or `"recording"`."""
    if is_media(path):
        return "media"
    if path.suffix.lower() == ".parquet":
        kind = read_metadata(path).get("kind", "")
        if kind not in TABLE_KINDS:
            raise UserError(f"{path} is a Parquet file that dfe did not write: give a table of frames or expressions.")
        return kind
    return exported_kind(path) or "recording"


def content_key(clip: MediaFile, noted: dict[str, object]) -> str:
    """A name for what will come of a clip: another one when the file, or what is asked for, has changed.

    Arguments:
        clip: its path, names, and its files' sizes and times count.
        noted: settings, model and version, as JSON takes them.
    """
    files = sorted(clip.path.rglob("*")) if clip.path.is_dir() else [clip.path]
    stats = [(str(file.relative_to(clip.path)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    facts = [str(clip.path.resolve()), clip.clip_id, clip.subject_id, stats, noted]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _finder(left_out: list[Path]) -> Callable[[Path], Iterable[Path]]:
    def find(path: Path) -> Iterator[Path]:
        if path.is_dir():
            # a folder that is one clip of another program is no place to look for tables
            recordings = [each for each in find_recordings(path) if not exported_kind(each)]
            yield from recordings
            yield from () if path in recordings else _own_tables(path)
        elif path.suffix.lower() == ".parquet" or exported_kind(path):
            yield path
        else:
            yield from find_recordings(path)

    return lambda path: (each for each in find(path) if not _is_below(each, left_out))


def _own_tables(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in (".parquet", ".csv") or not path.is_file():
            continue
        try:
            kind = input_kind(path) if path.suffix.lower() == ".parquet" else exported_kind(path)
        except UserError:
            continue
        if kind in ("frames", "expressions"):
            yield path


def _is_below(path: Path, folders: list[Path]) -> bool:
    real = path.resolve()
    return any(real == each or each in real.parents for each in folders)
