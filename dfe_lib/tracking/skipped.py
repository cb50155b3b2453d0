"""What a folder holds beside its clips, in few lines."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["skipped_files"]

MOST = 5
"""Files of one ending in one folder that have a line each."""


def skipped_files(skipped: Mapping[Path, str]) -> list[tuple[str, str]]:
    """Names and reasons of files that were passed over, sorted; the first of many alike stands for them.

    Arguments:
        skipped: what `formats.find_recordings` noted.

    >>> skipped_files({Path("a/notes.txt"): "no table", **{Path(f"b/{i}.npy"): "no face" for i in range(9)}})
    [('notes.txt', 'no table'), ('b/*.npy', 'no face (and so are 8 files like it)')]
    """
    alike: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(skipped):
        alike.setdefault((path.parent, path.suffix), []).append(path)
    found = []
    for (folder, ending), paths in alike.items():
        if len(paths) > MOST:
            more = f"{skipped[paths[0]]} (and so are {len(paths) - 1} files like it)"
            found.append((f"{folder.name}/*{ending}", more))
        else:
            found += [(path.name, skipped[path]) for path in paths]
    return found
