"""FaceLandmarker's blendshape scores as people write them: CSV with a column a score, JSON of its results.

FaceLandmarker names its 52 scores in the results of each frame: `faceBlendshapes[i].categories[j].categoryName` in
JavaScript, `face_blendshapes[i][j].category_name` in Python. Both are read, and mappings of names to scores.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...blendshapes import ACTIONS
from ...errors import UserError
from ...io.delimited import read_columns, text_layout
from .action_columns import OUTSIDE, action_columns, plain_name, share_psi, shares
from .clock_columns import FACE, FRAME, TIME, find_column, seconds
from .live_link import TIMECODE
from .people import follow
from .recording import ASSUMED_TIMES, Recording, Report, Rows, recording
from .settings import ASSUMED_FPS, ReadSettings

__all__ = ["JSON", "is_blendshape_json", "is_blendshape_table", "read_blendshape_json", "read_blendshape_table"]

JSON = (".json", ".jsonl", ".ndjson")
FEWEST = 40
"""Actions by which a table of them is known, of the 52."""
HEAD = 1 << 16
LARGEST = 1 << 28
"""Bytes of a JSON file that is not in lines; it is held in memory many times over."""
SCORES = ("faceBlendshapes", "face_blendshapes", "blendshapes", "blendShapes", "categories", "scores")
POINTS = ("faceLandmarks", "face_landmarks", "landmarks")
FRAMES = ("frames", "results", "data", "detections")
NAMES = ("categoryName", "category_name", "displayName", "name")
VALUES = ("score", "value")
UNCALIBRATED = "FaceLandmarker's scores are taken as coefficients as they are, without its landmarks"


def is_blendshape_table(names: Sequence[str]) -> bool:
    """Are most of the actions among these columns, and no timecode?"""
    known = {plain_name(name) for name in names}
    return TIMECODE not in known and sum(plain_name(action) in known for action in ACTIONS) >= FEWEST


def is_blendshape_json(path: Path) -> bool:
    """Does this JSON file begin with named scores?"""
    if path.suffix.lower() not in JSON or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(HEAD)
    return b'"jawOpen"' in start or b'"_neutral"' in start or b'"browDownLeft"' in start


def read_blendshape_table(path: Path, settings: ReadSettings) -> Recording:
    """Rows of a table of scores: psi in the order of `blendshapes.ACTIONS`.

    Raises UserError when an action other than the tongue is missing.
    """
    layout, report = text_layout(path), Report()
    columns = action_columns(layout, path, report)
    key = {kind: find_column(layout.names, names) for kind, names in (("frame", FRAME), ("time", TIME), ("face", FACE))}
    named = {kind: name for kind, name in key.items() if name and name not in columns.values()}
    batches = list(read_columns(path, layout, [*named.values(), *columns.values()], report.dropped))
    if not batches:
        raise UserError(f"{path} has no whole row of values: it was cut off, or nothing was recorded.")
    table = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    scores = {action: table[name] for action, name in columns.items()}
    times = {kind: table[name] for kind, name in named.items()}
    if "time" in times:
        times["time"] = seconds(times["time"], named["time"], report)
    return _recording(path, scores, times, None, settings, report)


def read_blendshape_json(path: Path, settings: ReadSettings) -> Recording:
    """Rows of results as JSON; where they hold landmarks, people are followed by them.

    Raises UserError for a file that is no JSON, and for one in which no frame has named scores.
    """
    report = Report()
    faces = [each for number, frame in enumerate(_frames(path)) for each in _faces_of(frame, number)]
    if not any(each["scores"] for each in faces):
        raise UserError(f"{path} has no frame with named blendshape scores: write the results of FaceLandmarker.")
    known = {name for each in faces for name in each["scores"]}
    wanted = {action: action for action in ACTIONS if action in known}
    report.notes += ["no score tongueOut: the tongue is taken as in"] * ("tongueOut" not in wanted)
    missing = [action for action in ACTIONS[:-1] if action not in wanted]
    if missing:
        raise UserError(f"{path} lacks the scores {', '.join(missing[:5])}: write all that FaceLandmarker gives.")
    scores = {action: np.array([each["scores"].get(action, np.nan) for each in faces], float) for action in wanted}
    key = {kind: np.array([each[kind] for each in faces], float) for kind in ("frame", "time")}
    name = next(each["time_name"] for each in faces)
    if np.isfinite(key["time"]).all():
        key["time"] = seconds(key["time"], name, report)
    else:
        del key["time"]
    boxes = np.array([each["box"] for each in faces], float)
    return _recording(path, scores, key, boxes if np.isfinite(boxes).any() else None, settings, report)


def _recording(
    path: Path,
    scores: Mapping[str, np.ndarray],
    key: Mapping[str, np.ndarray],
    boxes: np.ndarray | None,
    settings: ReadSettings,
    report: Report,
) -> Recording:
    count = len(scores["jawOpen"])
    frame = key.get("frame", np.arange(count, dtype=float))
    if "frame" not in key and "face" in key and "time" in key:
        frame = np.unique(key["time"], return_inverse=True)[1].astype(float)
    elif "frame" in key and len(frame) and frame[0] > 0 and np.array_equal(np.unique(np.diff(frame)), [1.0]):
        frame = frame if frame[0] > 1 else frame - 1
    if "time" not in key and not settings.fps:
        report.notes.append(ASSUMED_TIMES)
    times = key.get("time", frame / (settings.fps or ASSUMED_FPS))
    report.notes.append(UNCALIBRATED)
    scale = shares(np.stack(list(scores.values())).max(0), path, report)
    psi, beyond = share_psi(scores, scale)
    report.dropped[OUTSIDE] += beyond
    seen = np.isfinite(np.stack(list(scores.values()))).any(0)
    rows: Rows = {"frame": frame, "time_s": times, "detected": seen, "psi": psi}
    who = {} if boxes is None else {"box": boxes}
    who |= {"name": key["face"]} if "face" in key else {}
    cast = follow(rows | who, settings.faces, report)
    report.lacks.append("landmarks")
    return recording(path, "FaceLandmarker scores", {"psi": ACTIONS}, cast.rows(iter([rows]), report), settings, report)


def _frames(path: Path) -> Iterator[Mapping]:
    """The results of each frame: of a list, of a list under a name, or one a line."""
    try:
        if path.suffix.lower() == ".json":
            if path.stat().st_size > LARGEST:
                raise UserError(f"{path} has {path.stat().st_size >> 20} MB of JSON: write one result a line (.jsonl).")
            found = json.loads(path.read_text(encoding="utf-8-sig"))
        else:
            with path.open(encoding="utf-8-sig") as file:
                found = [json.loads(line) for line in file if line.strip()]
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({type(error).__name__}): write it again.") from None
    if isinstance(found, Mapping):
        found = next((found[name] for name in FRAMES if isinstance(found.get(name), list)), [found])
    if not isinstance(found, list) or not all(isinstance(each, Mapping | list) for each in found):
        raise UserError(f"{path} holds no list of results: write those of FaceLandmarker, one a frame.")
    yield from found


def _faces_of(frame: Any, number: int) -> list[dict[str, Any]]:
    """Every face of a frame; one without scores where there is none."""
    frame = frame if isinstance(frame, Mapping) else {"scores": frame}
    time = find_column([str(name) for name in frame], TIME) or ""
    index = find_column([str(name) for name in frame], FRAME)
    key = {"frame": _number(frame.get(index, number)), "time": _number(frame.get(time)), "time_name": time}
    value = next((frame[name] for name in SCORES if name in frame), frame)
    points: list = next((frame[name] for name in POINTS if isinstance(frame.get(name), list)), [])
    scores = _scores(value) or [{}]
    boxes = [_box(each) for each in points] if len(points) == len(scores) else [[np.nan] * 4] * len(scores)
    return [key | {"scores": each, "box": box} for each, box in zip(scores, boxes, strict=True)]


def _scores(value: Any) -> list[dict[str, float]]:
    """Scores by name of each face in a piece of JSON, however deep its lists are."""
    if isinstance(value, Mapping):
        inner = next((value[name] for name in SCORES if name in value), None)
        if inner is not None:
            return _scores(inner)
        known = {name: _number(score) for name, score in value.items() if name in ACTIONS}
        return [known] if known else []
    if not isinstance(value, list):
        return []
    named = [each for each in value if isinstance(each, Mapping) and any(name in each for name in NAMES)]
    if named:
        return [{str(_first(each, NAMES)): _number(_first(each, VALUES)) for each in named}]
    return [face for each in value for face in _scores(each)]


def _first(entry: Mapping, names: Sequence[str]) -> Any:
    return next((entry[name] for name in names if name in entry), None)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def _box(points: Any) -> list[float]:
    """Left, top, right and bottom of a face's landmarks, in shares of the picture."""
    if not isinstance(points, list) or not all(isinstance(each, Mapping) for each in points) or not points:
        return [np.nan] * 4
    x, y = ([_number(each.get(axis)) for each in points] for axis in "xy")
    return [min(x), min(y), max(x), max(y)]
