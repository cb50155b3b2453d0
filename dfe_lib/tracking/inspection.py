"""What a file is, what is in it, and what the study can do with it."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..io.exported import exported_kind, read_exported
from ..io.media import MediaReader, is_media, open_media
from ..io.row_sums import sum_rows
from ..io.scratch import scratch
from ..io.tables import read_metadata, table_schema
from .formats.recording import Report, write_recording
from .formats.registry import recognise
from .formats.settings import ReadSettings
from .formats.takes import compare_with_video

__all__ = ["Inspection", "inspect_file"]

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
        last = sum_rows(out).last
        report.notes += filter(None, [compare_with_video(path, last[0] + 1 if last else 0)])
        return _frames(found.name, out, report)


def _media(path: Path, settings: ReadSettings) -> Inspection:
    with open_media(path) as reader:
        count, first_s, last_s = _walked(reader)
        kind = f"picture ({path.suffix[1:]})" if reader.still else f"video ({path.suffix[1:]})"
        damage = reader.damage
    fps = (count - 1) / (last_s - first_s) if count > 1 else 0.0
    use = "landmark detection, then expressions: train, tokenise and compare"
    given = settings.fps or settings.width or settings.height or settings.offset
    notes = [damage] * bool(damage) + ["its own times and size are used, not those of the settings"] * bool(given)
    return Inspection(kind, ["pictures"], count, count, round(fps, 2), 0, notes, [], [use])


def _walked(reader: MediaReader) -> tuple[int, float, float]:
    """Number of frames, and time of the first and the last."""
    count, ends = 0, [0.0]
    for count, frame in enumerate(reader.frames, 1):
        ends = [*ends[:1], frame.time_s] if count > 1 else [frame.time_s]
    return count, ends[0], ends[-1]


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
    sums = sum_rows(table)
    return Inspection(
        kind,
        [f"{name} ({size} values a frame)" for name, size in lists.items()],
        sums.frames,
        sums.with_face,
        round(sums.fps, 2),
        sums.people,
        report.remarks,
        report.lacks,
        [use for name, use in USES.items() if name in lists] or ["nothing: it has no face measurement"],
    )
