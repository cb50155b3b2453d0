"""Frames that lie in a folder one by one, as `frame_1.npz` or `000012_000/`: their numbers and order."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .recording import Report

__all__ = ["Member", "numbered"]

NUMBERED = re.compile(r"(?P<name>.*?)(?P<frame>\d{1,9})(?:_(?P<face>\d{3}))?")
"""A frame's file or folder: `000012`, `frame_12`, or with EMOCA's number of the face `000012_000`."""
Member = tuple[int, int, Path]


def numbered(members: Sequence[Path], faces: str, report: Report) -> list[Member]:
    """Frame from 0, face and place of each member, in the order of frames.

    Numbers count from 1 unless there is a 0: number 31 is frame 30, also where it is the first. Members without
    numbers, or of several names, are frames in the natural order of their names, and the report says so.

    Arguments:
        faces: `"largest"` keeps the number of face that is there most.
    """
    found = _numbers(members)
    if found is None:
        report.notes.append("frames are numbered in the order of their names")
        return [(i, 0, path) for i, path in enumerate(sorted(members, key=_natural))]
    first = min(frame for frame, _, _ in found)
    if first > 1:
        report.notes.append(f"frame numbers start at {first}, which is frame {first - 1}: what came before is not here")
    found = sorted((frame - min(first, 1), face, path) for frame, face, path in found)
    counts = Counter(face for _, face, _ in found)
    if len(counts) > 1:
        report.notes.append(
            f"faces numbered {', '.join(map(str, sorted(counts)))} in each frame by their detector, which does not say "
            "who is who from frame to frame"
        )
    if faces == "all":
        return found
    most = counts.most_common(1)[0][0]
    return [(frame, 0, path) for frame, face, path in found if face == most]


def _numbers(members: Sequence[Path]) -> list[Member] | None:
    """None where the names do not number the frames of one clip."""
    matches = [NUMBERED.fullmatch(path.stem) for path in members]
    if not members or not all(matches) or len({match["name"] for match in matches if match}) > 1:
        return None
    keys = [(int(match["frame"]), int(match["face"] or 0)) for match in matches if match]
    if len({frame for frame, _ in keys}) == 1 < len({face for _, face in keys}):
        keys = [(face, 0) for _, face in keys]  # the number in front is the clip's, such as a year
    if len(set(keys)) < len(keys):
        return None
    return [(*key, path) for key, path in zip(keys, members, strict=True)]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts numbers within names by their size."""
    parts = re.split(r"(\d+)", path.stem.casefold())
    return [(0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part) for part in parts]
