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
from ..io.media import is_media
from ..io.media_files import find_media
from ..io.tables import read_metadata
from ..tracking.formats.registry import find_recordings
from ..tracking.skipped import skipped_files
from .settings import is_companion_table

__all__ = ["Failure", "Inputs", "content_key", "find_inputs", "input_kind"]

TABLE_KINDS = ("frames", "expressions", "tokens")


@dataclass(frozen=True)
class Failure:
    """Something that could not be encoded, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Inputs:
    """What was found.

    Arguments:
        failures: what was named and is no clip. skipped: what lies in a folder beside its clips.
    """

    clips: list[MediaFile]
    failures: list[Failure]
    skipped: list[Failure]


def find_inputs(specs: Sequence[str | os.PathLike], outputs: Iterable[Path] = ()) -> Inputs:
    """The clips of files, folders (with their subfolders) and globs, and what among them is none.

    Videos and pictures, files of other programs, and this project's own tables of frames or expressions; a table of
    clips stands for its clips. Tables of tokens are results: in a folder they are passed over, by name they are read.

    Arguments:
        specs: what a person wrote; the name of a sample will do.
        outputs: files and folders that are written now, or were by an earlier run: no inputs.
    """
    left_out = [path.resolve() for path in outputs]
    failures, good, clips = [], [], []
    skipped: dict[Path, str] = {}
    finder = _finder(left_out, skipped)
    for spec in map(sample_or_path, specs):
        try:
            if is_clip_table(Path(spec)):
                clips += table_clips(Path(spec))
            else:
                find_media(spec, find_others=finder)
                good.append(spec)
        except UserError as error:
            failures.append(Failure(str(spec), str(error)))
    found = find_media(good, find_others=finder) if good else []
    found = [clip for clip in found if not _is_below(clip.path, left_out)]
    if good and not (found or clips or failures):
        failures.append(Failure(str(good[0]), f"There is nothing to encode at {good[0]} but what dfe wrote there."))
    taken = {clip.path for clip in found}
    passed = {
        path: reason
        for path, reason in skipped.items()
        if path not in taken and not (exported_kind(path) or is_companion_table(path) or _is_below(path, left_out))
    }
    return Inputs([*clips, *found], failures, [Failure(*each) for each in skipped_files(passed)])


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


def _finder(left_out: list[Path], skipped: dict[Path, str]) -> Callable[[Path], Iterable[Path]]:
    def find(path: Path) -> Iterator[Path]:
        if path.is_dir():
            # a folder that is one clip of another program is no place to look for tables
            recordings = [each for each in find_recordings(path, skipped) if not exported_kind(each)]
            yield from recordings
            yield from () if path in recordings else _own_tables(path, skipped)
        elif path.suffix.lower() == ".parquet" or exported_kind(path):
            yield path
        else:
            yield from find_recordings(path, skipped)

    return lambda path: (each for each in find(path) if not _is_below(each, left_out))


def _own_tables(folder: Path, skipped: dict[Path, str]) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in (".parquet", ".csv") or not path.is_file():
            continue
        try:
            kind = input_kind(path) if path.suffix.lower() == ".parquet" else exported_kind(path)
        except UserError as error:
            skipped[path] = str(error)
            continue
        if kind in ("frames", "expressions"):
            yield path


def _is_below(path: Path, folders: list[Path]) -> bool:
    real = path.resolve()
    return any(real == each or each in real.parents for each in folders)
