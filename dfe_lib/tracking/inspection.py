"""What a file is, what is in it, and what the study can do with it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..io.exported import exported_kind, read_exported
from ..io.media import is_media, open_media
from ..io.scratch import scratch
from ..io.tables import read_arrays, read_metadata, table_schema
from .formats.recording import Report, write_recording
from .formats.registry import recognise
from .formats.settings import ReadSettings
from .formats.takes import compare_with_video

__all__ = ["Inspection", "inspect_file"]

MOST_FRAMES = 1 << 32
"""More than a clip has, since its frames are numbered in 32 bits."""
USES = {
    "tokens": "tokens: bag of words, export to CSV and ELAN",
    "psi": "expressions as they are: train, tokenise and compare",
    "landmarks": "expressions by the fit of landmarks: train, tokenise and compare",
    "landmarks_mm": "expressions by the fit of landmarks in mm",
    "au_intensity": "the FACS side: intensities of action units",
    "au_occurrence": "the FACS side: occurrences of action units",
    "rotation": "head pose as a confound",
}
"""What the study does with a column, in words."""


@dataclass(frozen=True)
class Inspection:
    """What was found in a file.

    Arguments:
        kind: what people call it.
        holds: what is in it, in words.
        frames, usable: how many frames there are, and how many with a face and every value.
        fps: frames a second; 0 for a picture. people: distinct faces.
        notes: what was assumed, dropped or repaired, one sentence each; none for a sound file.
        lacks: what the format could have and the file does not. uses: what the study can do with it.
    """

    kind: str
    holds: list[str]
    frames: int
    usable: int
    fps: float
    people: int
    notes: list[str]
    lacks: list[str]
    uses: list[str]

    def __str__(self) -> str:
        rate = f", {self.fps:g} frames a second" if self.fps else ""
        lines = [self.kind, f"  frames: {self.frames}, usable {self.usable}{rate}"]
        lines += [f"  people: {self.people}"] * (self.people > 1)
        noted = (("holds", self.holds), ("lacks", self.lacks), ("good for", self.uses), ("note", self.notes))
        lines += [f"  {title}: {value}" for title, values in noted for value in values]
        return "\n".join(lines)


def inspect_file(path: str | os.PathLike, settings: ReadSettings | None = None) -> Inspection:
    """Reads the whole file, as the study would, and says what became of it.

    Raises UserError when it is nothing that is read here, and says why.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist: check the name.")
    if is_media(path):
        return _media(path, settings or ReadSettings())
    if path.suffix == ".parquet":
        return _table(path)
    if exported_kind(path):
        with scratch() as folder:
            read_exported(path, folder / "exported.parquet")
            return _table(folder / "exported.parquet")
    found = recognise(path)
    source = found.read(path, settings or ReadSettings(faces="all"))
    with scratch() as folder:
        out = folder / "frames.parquet"
        report = write_recording(source, out, path.stem, path.stem)
        last = int(read_arrays(out, ["frame"])["frame"].max())
        report.notes += filter(None, [compare_with_video(path, last + 1)])
        return _frames(found.name, out, report)


def _media(path: Path, settings: ReadSettings) -> Inspection:
    with open_media(path) as reader:
        times = [frame.time_s for frame in reader.frames]
        kind = f"picture ({path.suffix[1:]})" if reader.still else f"video ({path.suffix[1:]})"
        damage = reader.damage
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
    use = "landmark detection, then expressions: train, tokenise and compare"
    given = settings.fps or settings.width or settings.height or settings.offset
    notes = [damage] * bool(damage) + ["its own times and size are used, not those of the settings"] * bool(given)
    return Inspection(kind, ["pictures"], len(times), len(times), round(fps, 2), 0, notes, [], [use])


def _table(path: Path) -> Inspection:
    """One of the study's own tables."""
    metadata = read_metadata(path)
    if metadata.get("kind") not in ("frames", "expressions", "tokens"):
        raise UserError(f"{path} is a Parquet file that the study did not write: give a table of results/<run>.")
    report = Report()
    return _frames(f"{metadata['kind']} table of the study", path, report)


def _frames(kind: str, table: Path, report: Report) -> Inspection:
    schema = table_schema(table)
    lists = {field.name: field.type.list_size for field in schema if hasattr(field.type, "list_size")}
    shown = "detected" if "detected" in schema.names else "valid"
    rows = read_arrays(table, ["clip_id", "face_id", "frame", "time_s", shown])
    clip = np.unique(rows["clip_id"].astype(str), return_inverse=True)[1].astype(np.int64)
    frame = rows["frame"] + clip * MOST_FRAMES  # a table may hold several clips
    one = clip == clip[:1]
    frames, first = np.unique(frame[one], return_index=True)
    span = float(rows["time_s"][one][first[-1]] - rows["time_s"][one][first[0]]) if len(first) else 0.0
    return Inspection(
        kind,
        [f"{name} ({size} values a frame)" for name, size in lists.items()],
        len(np.unique(frame)),
        len(np.unique(frame[rows[shown]])),
        round(float(frames[-1] - frames[0]) / span, 2) if span else 0.0,
        len(np.unique((rows["face_id"] + clip * MOST_FRAMES)[rows[shown]])),
        report.remarks,
        report.lacks,
        [use for name, use in USES.items() if name in lists] or ["nothing: it has no face measurement"],
    )
