"""Many clips to one table or a folder of tables: what `dfe encode` does."""

import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from ..errors import UserError
from ..io.clip_table import MediaFile
from ..io.media import is_media, open_media
from ..io.progress import bar, read_ahead
from ..io.scratch import scratch, sole_writer
from ..io.tables import write_csv
from ..quantisation.rvqvae import STUDY_MODEL
from ..tracking.extraction import UNREADABLE
from .clip import ReadClip, finish_clip, read_clip, write_clip
from .codebook import codebook_table
from .columns import data_dictionary
from .inputs import Failure, content_key, find_inputs
from .parts import KEY, PartSummary, is_done, join_expressions, join_parts, summary_of
from .settings import GROUPS, Settings, check_outputs, parts_folder
from .tokenizer import Tokenizer

__all__ = ["BatchResult", "encode_inputs"]

VERSION = 2
"""Of what is written: a new one makes finished clips be done again."""
WEIGHTS = ("config.json", "model.safetensors")
NO_FACE = (
    "no frame has a face, so there are no tokens: see whether faces are upright, lit and large enough, "
    "and try --faces all, which looks at every frame for everybody"
)


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
    with sole_writer(folder):
        _encode_clips(clips, target, settings, Path(model) if model else STUDY_MODEL, expressions, workers, say, result)
    return result


def _encode_clips(
    clips: list[MediaFile], target: Path, settings: Settings, model: Path, expressions: str | os.PathLike | None,
    workers: int, say: Callable[[str], None], result: BatchResult,
) -> None:  # fmt: skip
    """Does what is not done yet and joins the parts; notes in `result` what became of each clip."""
    stored, folder = _stored_settings(settings, target, expressions is not None), parts_folder(target)
    keys = {clip.clip_id: content_key(clip, _told(stored, model)) for clip in clips}
    parts = {clip.clip_id: folder / f"{clip.clip_id}.parquet" for clip in clips}
    todo = [clip for clip in clips if not is_done(parts[clip.clip_id], keys[clip.clip_id])]
    result.earlier = len(clips) - len(todo)
    tokenizer = Tokenizer.from_pretrained(model)
    start = time.perf_counter()
    jobs = [_Job(clip, parts[clip.clip_id], stored, keys[clip.clip_id]) for clip in todo]
    for job, reason in _run(jobs, tokenizer, model, workers):
        if reason:
            result.failed.append(Failure(job.clip.clip_id, reason))
            say(f"{job.clip.clip_id}: FAILED, {reason}")
        else:
            summary = summary_of(job.part)
            result.new_frames += summary.frames
            say(str(summary))
    result.seconds = time.perf_counter() - start
    finished = [parts[clip.clip_id] for clip in clips if is_done(parts[clip.clip_id], keys[clip.clip_id])]
    result.done = [summary_of(part) for part in finished]
    if finished:
        _write(finished, target, settings, tokenizer, expressions)


@dataclass(frozen=True)
class _Job:
    """A clip to be done, and where and how; its part is called finished by the key."""

    clip: MediaFile
    part: Path
    settings: Settings
    key: str


def _run(jobs: list[_Job], tokenizer: Tokenizer, model: Path, workers: int) -> Iterator[tuple[_Job, str]]:
    """Does the jobs; each with the reason why it failed, or nothing."""
    expected = sum(_expected(job) for job in jobs)
    with bar(total=expected or None, unit="frame", desc="encode", disable=None if jobs else True) as shown:
        if workers == 1 or len(jobs) < 2:
            yield from _in_turn(jobs, tokenizer, shown)
            return
        with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), _prepare, (model,)) as pool:
            futures = {pool.submit(_encode, job): job for job in jobs}
            for future in as_completed(futures):
                yield futures[future], _reason(future.exception()) or future.result()
                shown.update(_expected(futures[future]))


def _reason(error: BaseException | None) -> str:
    return f"its process ended ({error}); run again, finished clips are kept" if error is not None else ""


def _in_turn(jobs: list[_Job], tokenizer: Tokenizer, shown: tqdm) -> Iterator[tuple[_Job, str]]:
    """The faces of the next clip are looked for while psi of this one is fitted."""
    with scratch() as folder, read_ahead(_read(jobs, folder, shown), depth=1) as clips:
        for job, read in clips:
            yield job, read if isinstance(read, str) else _finish(job, read, tokenizer)
            rmtree(folder / job.clip.clip_id, ignore_errors=True)


def _read(jobs: list[_Job], folder: Path, shown: tqdm) -> Generator[tuple[_Job, ReadClip | str], None, None]:
    """Each clip as it was read, or why it could not be."""
    for job in jobs:
        try:
            yield job, read_clip(job.clip, folder / job.clip.clip_id, job.settings, shown)
        except UNREADABLE as error:
            yield job, _sentence(error)


def _finish(job: _Job, read: ReadClip, tokenizer: Tokenizer) -> str:
    """Writes a part; returns why it could not be."""
    try:
        finish_clip(tokenizer.rows, read, job.part, job.settings, {KEY: job.key})
    except UNREADABLE as error:
        return _sentence(error)
    return ""


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__


_prepared: list[Tokenizer] = []
"""The tokenizer of a worker process."""


def _prepare(model: Path) -> None:
    _prepared[:] = [Tokenizer.from_pretrained(model)]


def _encode(job: _Job) -> str:
    """Writes a part in a worker process; returns why it could not be."""
    try:
        write_clip(_prepared[0].rows, job.clip, job.part, job.settings, {KEY: job.key}, progress=False)
    except UNREADABLE as error:
        return _sentence(error)
    return ""


def _expected(job: _Job) -> int:
    """Frames of a video, as far as it says."""
    if not is_media(job.clip.path):
        return 0
    try:
        with open_media(job.clip.path, job.settings.start_s, job.settings.end_s) as reader:
            return reader.expected
    except UNREADABLE:  # whoever reads it says so
        return 0


def _stored_settings(settings: Settings, target: Path, with_psi: bool) -> Settings:
    """Parts beside a table hold every column, for those who later ask for others; in a folder they are the tables."""
    if target.suffix:
        return replace(settings, groups=GROUPS)
    more = [name for name in ("psi", "fit") if with_psi and name not in settings.groups]
    return replace(settings, groups=(*settings.groups, *more))


def _told(settings: Settings, model: Path) -> dict[str, object]:
    digest = hashlib.sha256()
    for name in WEIGHTS:
        path = model / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return asdict(settings) | {"model": digest.hexdigest(), "version": VERSION}


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
