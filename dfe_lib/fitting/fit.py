"""Frames tables to expressions tables: landmarks and scores of a face to its expression coefficients psi."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..io.cluster import open_workers
from ..io.processes import WorkerDied
from ..io.segments import table_segments
from ..io.tables import read_batches, read_metadata, remove_others, table_writer
from ..io.threads import one_thread
from ..morphable.model import MorphableModel
from .estimator import FaceNeutral
from .measurement import Measurement, measurement_kind, measurement_of
from .person import Person, person_neutrals
from .segment_fit import PersonFit, fit_segment

__all__ = ["FitSummary", "fit_tables"]

_Alike = tuple[str, str, str]
"""Subject, what measured the face, and the kind of measurement: clips alike in these share a neutral."""


@dataclass(frozen=True)
class FitSummary:
    """What became of one person in one clip.

    Arguments:
        neutral: where the neutral face came from, see `estimator.FaceNeutral`; `"not needed"` where psi was given,
            `"no landmarks"` where there is nothing to fit.
        residual_mm: median over the frames of `solver.HeadFit.residual_mm`; most of it is who the person is.
        smoothing_mm: how much smoothing changed the expressions, root mean square; 0 where nothing was smoothed.
        covered: share of the person's frames in which something covers the face; NaN where nothing tells.
    """

    clip_id: str
    subject_id: str
    face_id: int
    frames: int
    neutral: str
    neutral_frames: int
    residual_mm: float
    smoothing_mm: float = 0.0
    covered: float = float("nan")


def fit_tables(
    frames: Iterable[Path],
    folder: Path,
    head: MorphableModel | None,
    smoothing: str = "none",
    workers: int = 1,
    scheduler: str = "",
) -> pd.DataFrame:
    """Writes `folder/<clip>.parquet` for each frames table, whatever it came from; one summary row a person and clip.

    A person's neutral is estimated over all the clips of the subject; the people of a clip that shows several are
    taken one by one. A clip is fitted segment by segment, see `io.segments`, in one thread: memory does not grow with
    its length, and psi does not depend on the number of processors. Tables of action units alone have no expressions:
    they get a summary row that says so, and no table. Afterwards the folder has no table of any other clip.

    Arguments:
        frames: frames tables: all the clips of a run.
        folder: where the expressions tables go.
        head: Anny's head; None will do where every table has psi already.
        smoothing: of `smoothing.SMOOTHINGS`; a still picture has nothing to smooth, and psi that a table has already
            stays as it is.
        workers: processes that share the subjects; the tables are the same for any number.
        scheduler: address of a Dask scheduler, whose workers do it instead; all tables lie on a shared disk.

    Raises `processes.WorkerDied` where the clips of a subject take two processes with them.
    """
    alike, without = _grouped(sorted(path.absolute() for path in frames))
    groups = [(kind, paths) for (*_, kind), paths in sorted(alike.items())]
    rows = [_unfitted(path) for path in without]
    if workers == 1 and not scheduler:
        measured = {kind: measurement_of(kind, head) for kind in sorted({kind for kind, _ in groups})}
        with one_thread():
            for kind, paths in groups:
                rows += _fit_group(paths, folder, measured[kind], smoothing)
    elif groups:
        rows += _fitted_by_others(groups, folder.absolute(), head, smoothing, workers, scheduler)
    remove_others(folder, [path.stem for paths in alike.values() for path in paths])
    table = pd.DataFrame([asdict(row) for row in rows], columns=list(FitSummary.__annotations__))
    return table.sort_values(["clip_id", "face_id"], ignore_index=True)


def _fitted_by_others(
    groups: list[tuple[str, list[Path]]], folder: Path, head: MorphableModel | None, smoothing: str, workers: int,
    scheduler: str,
) -> Iterator[FitSummary]:  # fmt: skip
    """Each group by one worker, the longest first."""
    longest_first = sorted(groups, key=lambda group: -sum(path.stat().st_size for path in group[1]))
    with open_workers(workers, scheduler, folder, tqdm(disable=True), len(groups)) as crew:
        futures = [(paths, crew.submit(_fit_alike, kind, paths, folder, head, smoothing))
                   for kind, paths in longest_first]  # fmt: skip
        for paths, future in futures:
            if isinstance(error := future.exception(), WorkerDied):
                raise WorkerDied(f"{paths[0].stem}: {error}") from None
            yield from future.result()


def _fit_alike(
    kind: str, paths: list[Path], folder: Path, head: MorphableModel | None, smoothing: str, progress: tqdm | bool
) -> list[FitSummary]:
    with one_thread():
        return _fit_group(paths, folder, measurement_of(kind, head), smoothing)


def _grouped(paths: list[Path]) -> tuple[dict[_Alike, list[Path]], list[Path]]:
    """Clips that share a neutral, and those that have nothing to fit."""
    alike: dict[_Alike, list[Path]] = {}
    without: list[Path] = []
    for path in paths:
        kind = measurement_kind(path)
        if kind is None:
            without.append(path)
        else:
            alike.setdefault((_subject(path), read_metadata(path).get("front_end", ""), kind), []).append(path)
    return alike, without


def _subject(path: Path) -> str:
    first = next(read_batches(path, ["subject_id"], rows=1), None)
    return str(first["subject_id"][0]) if first else ""


def _unfitted(path: Path) -> FitSummary:
    rows = sum(len(batch["frame"]) for batch in read_batches(path, ["frame"]))
    return FitSummary(path.stem, _subject(path), -1, rows, "no landmarks", 0, float("nan"))


def _fit_group(paths: list[Path], folder: Path, measurement: Measurement, smoothing: str) -> list[FitSummary]:
    """The clips that share a neutral; of the landmarks, those of one neutral or segment are held at a time."""
    clips = {path: table_segments(path) for path in paths}
    neutrals = person_neutrals(list(clips.values()), measurement) if measurement.needs_neutral else {}
    rows: list[FitSummary] = []
    for path, segments in clips.items():
        found: dict[Person, list[PersonFit]] = {}
        with table_writer(folder / path.name, schema := measurement.schema(path)) as table:
            for number in range(len(segments)):
                fit = fit_segment(segments, number, neutrals, measurement, smoothing)
                for batch in fit.batches:
                    table.write({name: batch[name] for name in schema.names})
                for person, each in fit.people.items():
                    found.setdefault(person, []).append(each)
            rows += [_summary(path, neutrals, person, found[person], table.rows) for person in sorted(found)]
    return rows


def _summary(
    path: Path, neutrals: Mapping[Person, FaceNeutral | None], person: Person, parts: list[PersonFit], frames: int
) -> FitSummary:
    neutral = neutrals.get(person)
    shown = sum(part.rows for part in parts)
    source, count = (neutral.source, neutral.frames) if neutral else ("not needed", shown)
    residual = np.concatenate([part.residual_mm for part in parts])
    median = float(np.median(residual)) if len(residual) else float("nan")
    changed, weights = np.array([part.changed for part in parts]).T
    change = float(np.sqrt(np.average(changed**2, weights=weights))) if weights.any() else 0.0
    covered, told = np.sum([part.covered for part in parts], axis=0)
    share = float(covered / told) if told else float("nan")
    return FitSummary(person[0], _subject(path), person[1], frames, source, count, median, change, share)
