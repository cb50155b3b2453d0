"""Which files are clips: videos and pictures of folders, globs and lists, with a name and a person each."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from .clip_table import MediaFile, read_subjects
from .media import PICTURES, VIDEOS
from .names import plain_name

__all__ = ["find_media", "subject_table", "with_subjects"]

Spec = str | os.PathLike | Iterable[str | os.PathLike]


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
    clips = [MediaFile(path, name, name) for path, name in zip(paths, _unique_names(paths), strict=True)]
    return clips if subjects is None else with_subjects(clips, subjects)


def with_subjects(clips: Iterable[MediaFile], subjects: Mapping[str, str] | str | os.PathLike) -> list[MediaFile]:
    """The clips with their people, see :func:`subject_table`."""
    clips = list(clips)
    people = subject_table(subjects, [clip.clip_id for clip in clips])
    return [replace(clip, subject_id=people[clip.clip_id]) for clip in clips]


def subject_table(subjects: Mapping[str, str] | str | os.PathLike, clip_ids: Iterable[str]) -> dict[str, str]:
    """The subject of each clip, from a mapping or a CSV file with the columns clip_id and subject_id.

    A clip may be called there as its file is, see `names.plain_name`.

    Raises:
        UserError: A clip has no subject, or the file is wrong, see :func:`clip_tables.read_subjects`.

    >>> subject_table({"a_1": "anna", "a_2": "anna", "b": "ben"}, ["a_1", "b"])
    {'a_1': 'anna', 'b': 'ben'}
    >>> subject_table({"my clip": "anna"}, ["my_clip"])
    {'my_clip': 'anna'}
    """
    if not isinstance(subjects, Mapping):
        subjects = read_subjects(subjects)
    clip_ids, subjects = list(clip_ids), {plain_name(name): who for name, who in subjects.items()} | dict(subjects)
    missing = [clip_id for clip_id in clip_ids if subjects.get(clip_id) in (None, "")]
    if missing:
        raise UserError(f"No subject is given for {_words(missing[:5])}: add a row for each clip.")
    return {clip_id: str(subjects[clip_id]) for clip_id in clip_ids}


def _paths(spec: str | os.PathLike, find_others: Callable[[Path], Iterable[Path]]) -> list[Path]:
    path = Path(spec).expanduser()
    if path.is_dir():
        others = list(find_others(path))
        return [*others, *_without_companions(_media_only(path.rglob("*")), others)]
    if path.is_file():
        if not _supported(path):
            return _others_only(path, find_others)
        return [path]
    if glob.has_magic(str(path)):
        found = [Path(name) for name in glob.iglob(str(path), recursive=True)]  # noqa: PTH207 - may be absolute
        others = [other for each in found for other in find_others(each)]
        return [*_without_companions(_media_only(found), others), *others]
    raise UserError(f"{path} does not exist: give a folder, a glob or a list of files.")


def _without_companions(media: list[Path], others: list[Path]) -> list[Path]:
    """Media that are clips by themselves: not what lies in another clip's folder, and not a table's own video."""
    named = {other.with_suffix("") for other in others}
    return [
        each
        for each in media
        if each.with_suffix("") not in named and not any(other in each.parents for other in others)
    ]


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
    found = (path for path in paths if _supported(path) and not path.name.startswith(".") and path.is_file())
    return [path for path in found if path.suffix.lower() != ".ts" or _is_transport_stream(path)]


def _is_transport_stream(path: Path) -> bool:
    """MPEG's transport streams share their ending with TypeScript; every packet starts with 0x47."""
    with path.open("rb") as file:
        return file.read(1) == b"\x47"


def _supported(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS + PICTURES


def _unique_names(paths: list[Path]) -> list[str]:
    # compared without case: clip names become file names, also where the file system ignores case
    names = [plain_name(path.stem) for path in paths]
    for longer in (_stem_and_type, _folder_and_stem, _whole_path):
        taken = _repeated(names)
        names = [
            plain_name(longer(path)) if name.casefold() in taken else name
            for path, name in zip(paths, names, strict=True)
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


def _words(items: Iterable[object]) -> str:
    return ", ".join(str(item) for item in items)
