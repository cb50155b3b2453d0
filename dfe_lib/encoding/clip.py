"""One clip of any kind to its encoded table: the way that every command takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ..errors import UserError
from ..fitting.fit import fit_tables
from ..io.clip_table import MediaFile
from ..io.exported import read_exported
from ..io.scratch import scratch
from ..io.tables import coefficient_names, table_writer
from ..tracking.extraction import extract_clip
from ..tracking.formats.settings import ReadSettings
from ..tracking.import_clips import take_clip
from .columns import encoded_schema
from .inputs import input_kind
from .rows import Batch, RowMaker, fitted_batches, psi_batches, token_batches
from .settings import Settings
from .threads import one_thread

__all__ = ["ReadClip", "finish_clip", "fitted_rows", "read_clip", "write_clip", "write_rows"]

NO_EXPRESSIONS = "no landmarks"
"""What `fit.FitSummary.neutral` says of a table that has action units alone."""


@dataclass(frozen=True)
class ReadClip:
    """A clip that has been read, not fitted yet.

    Arguments:
        kind: see `inputs.input_kind`. table: its frames, expressions or tokens table.
        note: what of it could not be read or had to be assumed. advice: what to try where it shows hardly a face.
    """

    clip: MediaFile
    kind: str
    table: Path
    note: str = ""
    advice: str = ""


def write_clip(
    rows: RowMaker,
    clip: MediaFile,
    out: Path,
    settings: Settings,
    metadata: Mapping[str, str] | None = None,
    progress: tqdm | bool | None = None,
) -> None:
    """Writes the encoded table of one clip; it appears when it is whole.

    Arguments:
        rows: of the model. clip: what `inputs.find_inputs` found. out: Parquet file.
        metadata: what the file is to say of itself, beside its `note` of damage.
        progress: a bar to move on frame by frame, or whether to show one (default: when a terminal watches).

    Raises UserError when the clip cannot be read, or its psi is not the model's.
    """
    with scratch() as folder:
        finish_clip(rows, read_clip(clip, folder, settings, progress), out, settings, metadata)


def read_clip(clip: MediaFile, work: Path, settings: Settings, progress: tqdm | bool | None = None) -> ReadClip:
    """The first half of :func:`write_clip`: finds the faces of a clip, or reads a table, into a folder of its own."""
    kind, table = input_kind(clip.path), work / f"{clip.clip_id}.parquet"
    if kind in ("media", "recording"):
        return ReadClip(clip, kind, table, *_extract(clip, kind, table, settings, progress))
    if clip.path.suffix.lower() == ".parquet":
        return ReadClip(clip, kind, clip.path)
    read_exported(clip.path, table)
    return ReadClip(clip, kind, table)


def finish_clip(
    rows: RowMaker, read: ReadClip, out: Path, settings: Settings, metadata: Mapping[str, str] | None = None
) -> None:
    """The second half of :func:`write_clip`: psi, where there is none yet, and the rows."""
    with one_thread(), scratch() as folder:
        if read.kind == "tokens":
            batches = token_batches(read.table)
        elif read.kind == "expressions":
            _check_psi(read.clip, read.table, rows)
            batches = psi_batches(read.table)
        else:
            batches = fitted_rows(rows, read.clip, read.table, folder, settings)
        write_rows(rows, batches, out, settings, dict(metadata or {}) | {"advice": read.advice}, read.note)


def fitted_rows(rows: RowMaker, clip: MediaFile, frames: Path, folder: Path, settings: Settings) -> Iterator[Batch]:
    """Fits psi to a frames table and gives the rows of both, a few hundred at a time."""
    summary = fit_tables([frames], folder, rows.head, settings.smoothing)
    if NO_EXPRESSIONS in set(summary.neutral):
        raise UserError(f"{clip.path} has action units alone, and tokens need landmarks or coefficients.")
    _check_psi(clip, folder / frames.name, rows)
    return fitted_batches(frames, folder / frames.name)


def write_rows(
    rows: RowMaker, batches: Iterator[Batch], out: Path, settings: Settings, metadata: dict[str, str], note: str = ""
) -> None:
    """Writes batches with psi or tokens as an encoded table: the part of the clip and the columns of the settings."""
    config = rows.model.config
    schema = encoded_schema(config.n_stages, config.coefficients, settings.groups, metadata | {"note": note})
    with table_writer(out, schema) as table:
        for batch in batches:
            part = _wanted(batch, settings)
            if len(part["time_s"]):
                columns = rows(part) | {"note": note or None}
                table.write({name: columns[name] for name in schema.names})
        if not table.rows:
            raise UserError("no frame lies in the part that --start and --end name: the clip is shorter.")


def _extract(
    clip: MediaFile, kind: str, out: Path, settings: Settings, progress: tqdm | bool | None
) -> tuple[str, str]:
    """Writes the frames table; returns what is to be said of the clip, and what to try where it shows hardly a face."""
    if kind == "recording":
        width, height = settings.width, settings.height
        reading = ReadSettings(settings.fps, width, height, faces=settings.faces, offset=settings.offset)
        read = take_clip(clip, out, reading)
        return "; ".join(filter(None, (read.reason, read.notes))), ""
    done = extract_clip(
        clip.path, out, clip_id=clip.clip_id, subject_id=clip.subject_id, faces=settings.faces,
        start_s=settings.start_s, end_s=settings.end_s, fps=settings.fps or None, progress=progress,
    )  # fmt: skip
    return done.reason, done.advice


def _check_psi(clip: MediaFile, table: Path, rows: RowMaker) -> None:
    names, known = coefficient_names(table), rows.model.config.coefficients
    if names != known:
        raise UserError(
            f"{clip.path} has other coefficients than the model was trained on ({len(names)} against {len(known)}): "
            "name a model of the same kind, or train one."
        )


def _wanted(batch: Batch, settings: Settings) -> Batch:
    """The rows within the part of the clip; of a video no others were read."""
    late = settings.end_s is not None and batch["time_s"] >= settings.end_s
    here = ~(late | (batch["time_s"] < settings.start_s))
    return batch if here.all() else {name: values[here] for name, values in batch.items()}
