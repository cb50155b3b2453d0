"""Live video, picture by picture: rows of the encoded table with a delay that is stated."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ..errors import UserError
from ..fitting.estimator import FaceNeutral, pretrained_estimator
from ..fitting.neutral import MIN_FRAMES
from ..fitting.person import NEUTRAL_FRAMES
from ..fitting.smoothing import WINDOW_S, metric_scale, on_grid, smooth_frame
from ..io.media import Frame
from ..io.tables import REAL
from ..io.threads import one_thread
from ..tracking.detection import FaceFinder, FoundFace
from ..tracking.feature_axes import kept_features
from ..tracking.identity import Tracker
from .rows import Batch, RowMaker

__all__ = ["Row", "Stream"]

Row = dict[str, Any]
NAME = "live"
ASSUMED_STEP_S = 1 / 25


@dataclass
class _Person:
    """What is known of somebody: the face at rest, and psi of the last moments.

    Arguments:
        neutral: None until MIN_FRAMES frames have been seen.
        noted: landmarks, scores and features that the next neutral is read from; `seen` counts all frames.
        time_s, psi, places, covered: of the frames within the filter's reach.
    """

    neutral: FaceNeutral | None = None
    next_at: int = MIN_FRAMES
    seen: int = 0
    noted: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    time_s: deque[float] = field(default_factory=deque)
    psi: deque[np.ndarray] = field(default_factory=deque)
    places: deque[np.ndarray] = field(default_factory=deque)
    covered: deque[float] = field(default_factory=deque)


@dataclass(frozen=True)
class _Waiting:
    """A face, or a frame without one, whose row waits for the frames after it."""

    frame: int
    time_s: float
    face_id: int = -1
    found: FoundFace | None = None


class Stream:
    """Pictures of one live video to rows; each row comes once a picture `delay_s` later has been pushed.

    The filter over time is the one of files, which looks 0.45 s to both sides; here it sees what has come by then, so
    a delay of 0.45 s smooths as files do, and none lets a row tremble a little more. The face at rest is read from the
    frames so far, first after 25 and again whenever their number has doubled (a pause of about a tenth of a second
    on two cores); before that psi holds some of the person's features.

    Arguments:
        rows: of the model, as `Tokenizer.rows`. delay_s: 0 to 0.45.
        faces: `"largest"` gives rows of the one person who has shown most face so far, `"all"` of everybody.
    """

    def __init__(self, rows: RowMaker, delay_s: float = 0.0, faces: str = "largest") -> None:
        if not 0 <= delay_s <= WINDOW_S:
            raise UserError(f"a delay of {delay_s} s is of no use: give 0 to {WINDOW_S:g}, as far as the filter looks.")
        if faces not in ("largest", "all"):
            raise UserError(f"faces must be 'largest' or 'all', not {faces!r}.")
        self.delay_s, self._everyone = delay_s, faces == "all"
        self._rows, self._hold, self._estimator = rows, rows.holder(), pretrained_estimator()
        self._find, self._tracker = FaceFinder(still=False, everyone=self._everyone), Tracker()
        self._people: dict[int, _Person] = {}
        self._waiting: deque[_Waiting] = deque()
        self._scale = metric_scale(rows.metric)
        self._frame, self._now = -1, -np.inf

    def push(self, rgb: UInt8[np.ndarray, "height width 3"], time_s: float | None = None) -> list[Row]:
        """Rows that this picture completes, the oldest first: columns of `columns.COLUMNS` by name.

        Arguments:
            rgb: the next picture, upright, red first.
            time_s: when it was taken, from any beginning; it must not fall. A twenty-fifth later when None.
        """
        if time_s is None:
            time_s = self._now + ASSUMED_STEP_S if self._frame >= 0 else 0.0
        if time_s < self._now:
            raise UserError(
                f"this picture is of {time_s:g} s and the one before of {self._now:g} s: push them in order."
            )
        self._frame, self._now = self._frame + 1, time_s
        with one_thread():
            return self._pushed(rgb)

    def _pushed(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[Row]:
        time_s = self._now
        found = self._find(Frame(self._frame, time_s, rgb))
        ids = self._tracker.update([each.box for each in found], time_s)
        wanted = self._wanted(ids)
        for face_id, each in zip(ids, found, strict=True):
            self._see(face_id, each)
            if face_id in wanted:
                self._waiting.append(_Waiting(self._frame, time_s, face_id, each))
        if not wanted:
            self._waiting.append(_Waiting(self._frame, time_s))
        return self._completed(time_s - self.delay_s)

    def flush(self) -> list[Row]:
        """The rows that still wait, when no more pictures come."""
        return self._completed(np.inf)

    def close(self) -> None:
        """Lets go of the detectors."""
        self._find.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: Any) -> None:
        self._find.__exit__(*error)

    def _wanted(self, ids: list[int]) -> set[int]:
        return set(ids) if self._everyone else {self._tracker.largest()} & set(ids)

    def _see(self, face_id: int, found: FoundFace) -> None:
        """Fits psi to a face and remembers it for as long as the filter reaches."""
        person = self._people.setdefault(face_id, _Person())
        seen = found.face.landmarks[None], found.face.blendshapes[None], kept_features(found.face)[None]
        person.noted.append(seen)
        person.seen += 1
        if person.seen == person.next_at:
            noted = (np.concatenate(parts) for parts in zip(*person.noted, strict=True))
            person.neutral = self._estimator.neutral_of_clip(*noted)
            person.next_at *= 2
        if len(person.noted) > NEUTRAL_FRAMES:
            person.noted = person.noted[::2]
        landmarks, scores, features = seen
        estimate = self._estimator.estimate(landmarks, scores, person.neutral, features)
        psi = estimate.psi.astype(float)
        person.time_s.append(self._now)
        person.psi.append(psi[0])
        person.places.append(psi[0] @ self._scale)
        person.covered.append(float(estimate.covered[0]))
        while person.time_s[0] < self._now - WINDOW_S - self.delay_s:
            for kept in (person.time_s, person.psi, person.places, person.covered):
                kept.popleft()

    def _completed(self, until_s: float) -> list[Row]:
        rows: list[Row] = []
        while self._waiting and self._waiting[0].time_s <= until_s:
            columns = self._rows(self._batch(self._waiting.popleft()), self._hold)
            rows.append({name: _plain(values[0]) for name, values in columns.items()})
        return rows

    def _batch(self, waiting: _Waiting) -> Batch:
        """One row as a batch."""
        key = {"clip_id": NAME, "subject_id": NAME, "data": REAL}
        where = {"face_id": waiting.face_id, "frame": waiting.frame, "time_s": waiting.time_s}
        batch: Batch = {name: np.array([value]) for name, value in (key | where).items()}
        if waiting.found is None:
            nothing = np.full((1, len(self._rows.model.config.coefficients)), np.nan, np.float32)
            return batch | {"psi": nothing, "valid": np.array([False])}
        face, confidence = waiting.found.face, waiting.found.confidence
        psi = on_grid(self._smooth(waiting))[None].astype(np.float32)
        return batch | {
            "psi": psi, "valid": np.array([np.isfinite(psi).all()]), "landmarks": face.landmarks.reshape(1, -1),
            "rotation": face.rotation.reshape(1, 9), "covered": self._covered(waiting),
            "confidence": np.array([np.nan if confidence is None else confidence], np.float32),
        }  # fmt: skip

    def _covered(self, waiting: _Waiting) -> Float[np.ndarray, "1"]:
        person = self._people[waiting.face_id]
        return np.array([person.covered[person.time_s.index(waiting.time_s)]])

    def _smooth(self, waiting: _Waiting) -> Float[np.ndarray, " e"]:
        person = self._people[waiting.face_id]
        time_s, psi, places = (np.array(each) for each in (person.time_s, person.psi, person.places))
        at = int(np.searchsorted(time_s, waiting.time_s))
        seen = np.isfinite(psi).all(1)
        if not seen[at]:
            return psi[at]
        return smooth_frame(psi[seen], time_s[seen], places[seen], int(seen[:at].sum()))


def _plain(value: object) -> object:
    """A number of Python where it is one of NumPy, a list where it is an array."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
