"""Who is who in a table that may hold several people: the same person in every frame, and one person at a time.

People are followed by the name that the table gives them, else by the boxes of their faces (`identity.Tracker`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..identity import Tracker
from ..landmarker import Box
from .gaps import with_every_frame
from .recording import Report, Rows

__all__ = ["Cast", "follow"]

MOST_ZOOM = 2.5
"""Times by which a face may grow or shrink from one frame to the next and still be the same person's (our choice)."""
OTHERS = "frames that show others only, or nobody"


@dataclass(frozen=True)
class Cast:
    """Whose every row of a table is.

    Arguments:
        face: of each row; -1 without a face.
        frame, time_s: of each row.
        kept: the face that is kept, as face 0; None keeps all.
    """

    face: Int[np.ndarray, " n"]
    frame: Float[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    kept: int | None

    def rows(self, batches: Iterable[Rows], report: Report) -> Iterator[Rows]:
        """The table's rows with their `face`; of the one that is kept, a row for every frame that the table has."""
        if self.kept is None:
            return self._chosen(batches)
        frame, first = np.unique(self.frame, return_index=True)
        return with_every_frame(self._chosen(batches), frame, self.time_s[first], report, OTHERS)

    def _chosen(self, batches: Iterable[Rows]) -> Iterator[Rows]:
        start, chosen = 0, self._mask()
        for batch in batches:
            here = slice(start, start + len(batch["frame"]))
            start = here.stop
            face = np.maximum(self.face[here], 0) if self.kept is None else np.zeros(len(batch["frame"]))
            yield {name: values[chosen[here]] for name, values in (batch | {"face": face.astype(float)}).items()}

    def _mask(self) -> Bool[np.ndarray, " n"]:
        if self.kept is not None:
            return self.face == self.kept
        # a row without a face beside faces of the same frame says nothing
        return (self.face >= 0) | ~np.isin(self.frame, self.frame[self.face >= 0])


def follow(table: Rows, faces: str, report: Report) -> Cast:
    """Follows the people of a table.

    Where no frame has two faces and nobody is named, there is one person, wherever the face is: single pictures and
    cuts are no evidence of two.

    Arguments:
        table: all its rows in the order of the file: `frame`, `time_s`, `detected`, and where it has them `box` (left,
            top, right and bottom of the face, in any one unit) and `name` (who the row is of).
        faces: `"largest"` or `"all"`, as in `ReadSettings`.
        report: takes a note of how many people there are.
    """
    frame, time_s, detected = (table[name] for name in ("frame", "time_s", "detected"))
    boxes, names = table.get("box"), table.get("name")
    face, how = np.where(detected, 0, -1), ""
    sizes = np.ones(len(frame)) if boxes is None else _sizes(boxes)
    named = np.zeros(len(frame), bool) if names is None else ~pd.isna(names)
    boxed = detected & (sizes > 0)
    if names is not None and _once_a_frame(frame[named], names[named]):
        face[named], how = np.unique(names[named], return_inverse=True)[1], "by name"
    elif boxes is not None and len(np.unique(frame[boxed])) < boxed.sum():
        face[boxed], how = _by_box(frame[boxed], time_s[boxed], boxes[boxed]), "by the boxes of their faces"
        report.notes += ["two faces of a frame have one name: the names are not used"] * (names is not None)
    here = detected & (face >= 0)
    shown = np.bincount(face[here], sizes[here])
    count = int((shown > 0).sum())
    if count > 1:
        choice = "the one that shows most is kept" if faces == "largest" else "all are kept"
        report.notes.append(f"{count} faces, told apart {how}: {choice}")
    kept = int(shown.argmax()) if len(shown) else -1
    return Cast(face, frame, time_s, kept if faces == "largest" else None)


def _sizes(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """Side of the square of the same area; 0 where there is no box."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    return np.sqrt(np.nan_to_num(np.clip(width, 0, None) * np.clip(height, 0, None), posinf=0.0))


def _once_a_frame(frame: Float[np.ndarray, " n"], names: np.ndarray) -> bool:
    _, codes = np.unique(names, return_inverse=True)
    return len(frame) > 0 and len(np.unique(np.stack([frame, codes]), axis=1).T) == len(frame)


def _by_box(
    frame: Float[np.ndarray, " n"], time_s: Float[np.ndarray, " n"], boxes: Float[np.ndarray, "n 4"]
) -> Int[np.ndarray, " n"]:
    tracker, face = Tracker(zoom=MOST_ZOOM), np.full(len(frame), -1)
    order = np.argsort(frame, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(frame[order])) + 1):
        face[rows] = tracker.update([Box(*map(float, boxes[row])) for row in rows], float(time_s[rows[0]]))
    return face
