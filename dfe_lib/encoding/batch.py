"""Many clips to one table or a folder of tables: what `dfe encode` does."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from ..errors import UserError
from ..io.clip_table import MediaFile
from ..io.scratch import sole_writer, sweep
from ..io.tables import write_csv
from ..quantisation.rvqvae import STUDY_MODEL
from .codebook import codebook_table
from .columns import data_dictionary
from .inputs import Failure, content_key, find_inputs
from .jobs import run_jobs
from .parts import PartSummary, is_done, join_expressions, join_parts, summary_of
from .settings import GROUPS, Settings, check_outputs, parts_folder
from .tasks import Job, loaded
from .tokenizer import Tokenizer

__all__ = ["BatchResult", "encode_inputs"]

VERSION = 2
"""Of what is written: a new one makes finished clips be done again."""
WEIGHTS = ("config.json", "model.safetensors")
NO_FACE = (
    "no frame has a face, so there are no tokens: see whether faces are upright, lit and large enough, "
    "and try --faces all, which looks at every frame for everybody"
)

VANISHED = "its table was finished and somebody has removed it: run again."
UNSEEN = "its worker wrote it where this machine cannot see it: give all of them the same disk."


@dataclass
class BatchResult:
    """What became of the clips: the finished ones, how many of these an earlier run had done, what failed, and what
    lies in a folder and is no clip."""

    done: list[PartSummary] = field(default_factory=list)
    earlier: int = 0
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    new_frames: int = 0

    @property
    def with_face(self) -> int:
        return sum(each.with_face for each in self.done)

    @property
    def is_sound(self) -> bool:
        """Was everything read, and a face found in it?"""
        return not self.failed and self.with_face > 0

    def __str__(self) -> str:
        frames = sum(each.frames for each in self.done)
        earlier = f" ({self.earlier} from an earlier run)" if self.earlier else ""
        rate = f", {self.new_frames / self.seconds:.0f} frames a second" if self.new_frames else ""
        clips = f"{len(self.done)} clip{'s' if len(self.done) != 1 else ''}{earlier}"
        passed = f", {len(self.skipped)} passed over" if self.skipped else ""
        return f"{clips}{passed}: {self.with_face} of {frames} frames have a face{rate}"


def encode_inputs(
    inputs: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    settings: Settings | None = None,
    model: str | os.PathLike | None = None,
    expressions: str | os.PathLike | None = None,
    workers: int = 1,
    say: Callable[[str], None] = tqdm.write,
    scheduler: str = "",
) -> BatchResult:
    """Encodes clips into one table, or a folder with a table each; finished clips of an earlier run are kept.

    Each clip becomes a whole table in the folder `OUT.parts` (or in the folder that is the output), which says what
    it was made from; a clip whose file, settings or model has changed is done again. At the end the parts are joined.
    Beside the output are `columns.csv`, which explains its columns, and `codebook.csv`, which explains the tokens.

    Arguments:
        inputs: Files, folders and globs, see `inputs.find_inputs`.
        out: `.csv` or `.parquet`, or a folder for a Parquet table each.
        settings: See :class:`~dfe_lib.encoding.settings.Settings`.
        model: Folder of a trained model, the study's when None.
        expressions: Where psi goes, in the same three forms; nowhere when None.
        workers: Processes that share the clips; the tables are the same for any number.
        scheduler: Address of a Dask scheduler, whose workers do it instead. Inputs, model and output then lie on a
            disk that they share.
        say: Takes the lines for people.

    Raises UserError for an output that would mislead or destroy or that another process writes, and where there is
    nothing at all to encode.
    """
    settings = settings or Settings()
    if workers < 1:
        raise UserError(f"--workers must be 1 or more, not {workers}.")
    check_outputs(inputs, out, expressions)
    target, folder = Path(out), parts_folder(out)
    written = [target, folder] + [Path(each) for each in (expressions, settings.frames) if each]
    found = find_inputs(inputs, written)
    clips, failed = found.clips, found.failures
    result = BatchResult(failed=failed, skipped=found.skipped)
    for each in found.skipped:
        say(f"{each.name}: passed over, {each.reason}")
    if not clips:
        raise UserError(failed[0].reason if failed else "there is no clip to encode: name a file or a folder.")
    if scheduler:
        clips = [replace(clip, path=clip.path.absolute()) for clip in clips]
    model = Path(model) if model else STUDY_MODEL
    with sole_writer(folder):
        _encode_clips(clips, target, settings, model, expressions, workers, scheduler, say, result)
    return result


def _encode_clips(
    clips: list[MediaFile], target: Path, settings: Settings, model: Path, expressions: str | os.PathLike | None,
    workers: int, scheduler: str, say: Callable[[str], None], result: BatchResult,
) -> None:  # fmt: skip
    """Does what is not done yet and joins the parts; notes in `result` what became of each clip."""
    digest = _digest(model)
    tokenizer = loaded(model, digest)
    jobs = _jobs(clips, target, settings, model, digest, expressions is not None)
    todo = [job for job in jobs if not is_done(job.part, job.key)]
    _sweep(target, expressions, todo)
    result.earlier, summaries = len(jobs) - len(todo), dict[Path, PartSummary]()
    start = time.perf_counter()
    for job, reason in run_jobs(todo, workers, scheduler, parts_folder(target)):
        name = job.clip.clip_id
        reason = reason or ("" if is_done(job.part, job.key) else UNSEEN)
        if reason:
            result.failed.append(Failure(name, reason))
            say(f"{name}: FAILED, {reason}")
        else:
            summaries[job.part] = summary = summary_of(job.part)
            result.new_frames += summary.frames
            say(str(summary))
    result.seconds = time.perf_counter() - start
    finished = [job.part for job in jobs if is_done(job.part, job.key)]
    named = {part.stem for part in finished} | {failure.name for failure in result.failed}
    result.failed += [Failure(clip.clip_id, VANISHED) for clip in clips if clip.clip_id not in named]
    place = {clip.clip_id: row for row, clip in enumerate(clips)}
    result.failed.sort(key=lambda failure: place.get(failure.name, -1))
    result.done = [summaries.get(part) or summary_of(part) for part in finished]
    if finished:
        _write(finished, target, settings, tokenizer, expressions)


def _sweep(target: Path, expressions: str | os.PathLike | None, todo: list[Job]) -> None:
    """Removes what killed runs have left, but for the segments of long clips that are gone on with."""
    for path in (target, *([Path(expressions)] if expressions is not None else [])):
        sweep(path.parent, f".{path.name}.*")
    wanted = {job.work for job in todo}
    for folder in parts_folder(target).glob(".*.work"):
        if folder.name not in wanted:
            rmtree(folder, ignore_errors=True)


def _jobs(
    clips: list[MediaFile], target: Path, settings: Settings, model: Path, digest: str, with_psi: bool
) -> list[Job]:
    """A job a clip, by names that hold on every machine that shares the disk."""
    stored, folder = _stored_settings(settings, target, with_psi), parts_folder(target).resolve()
    noted = asdict(stored) | {"model": digest, "version": VERSION}
    return [
        Job(clip, folder / f"{clip.clip_id}.parquet", stored, content_key(clip, noted), model.resolve(), digest)
        for clip in clips
    ]


def _stored_settings(settings: Settings, target: Path, with_psi: bool) -> Settings:
    """Parts beside a table hold every column, for those who later ask for others; in a folder they are the tables."""
    if target.suffix:
        return replace(settings, groups=GROUPS)
    more = [name for name in ("psi", "fit") if with_psi and name not in settings.groups]
    return replace(settings, groups=(*settings.groups, *more))


def _digest(model: Path) -> str:
    """Of what a model is made of."""
    digest = hashlib.sha256()
    for name in WEIGHTS:
        path = model / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _write(
    parts: list[Path], target: Path, settings: Settings, tokenizer: Tokenizer, expressions: str | os.PathLike | None
) -> None:
    """Joins the parts, and explains them."""
    config, beside = tokenizer.model.config, target.parent if target.suffix else target
    if target.suffix:
        join_parts(parts, target, settings)
    if expressions is not None:
        join_expressions(parts, Path(expressions), config.coefficients)
    write_csv(beside / "columns.csv", data_dictionary(config.n_stages, config.coefficients, settings.groups))
    write_csv(beside / "codebook.csv", codebook_table(tokenizer.model, tokenizer.rows.head))
