"""Where the displays of a codebook occur: how often, in which frames, and with which others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix

from ...io.tables import N_LANDMARKS, REAL, read_arrays
from ...quantisation.lexicon import lexicon_of
from ...quantisation.rvqvae import RvqVae
from ...tracking.sources import stills
from ..drawing import face_crop

__all__ = [
    "Occurrences",
    "display_companions",
    "display_runs",
    "example_faces",
    "example_rows",
    "token_occurrences",
]

N_EXAMPLES = 3
APART_S = 0.999
"""Examples from one clip lie at least so far apart: a second, but for rounding."""
N_COMPANIONS = 4
LEAST_TOGETHER = 5
"""Frames that two displays must share before they count as companions,"""
LEAST_LIFT = 1.2
"""and how many times as often as by chance (both our choice)."""


@dataclass(frozen=True)
class Occurrences:
    """Where tokens and displays occur, over the frames with a face.

    Arguments:
        kind: (N,) `"real"` or `"simulated"`. table: (N,) which of the tables. frame, face_id, time_s: (N,).
        tokens: (N, M) words of the model, rows of its templates.
        displays: (N, M) that they show, -1 where a token means nothing.
        paths: the tables.
    """

    kind: np.ndarray
    table: Int[np.ndarray, " n"]
    frame: Int[np.ndarray, " n"]
    face_id: Int[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    tokens: Int[np.ndarray, "n m"]
    displays: Int[np.ndarray, "n m"]
    paths: tuple[Path, ...]

    def presence(self, count: int) -> csr_matrix:
        """(N, count) matrix of 0 and 1: which displays each frame has."""
        rows, places = np.nonzero(self.displays >= 0)
        shown = self.displays[rows, places]
        there = csr_matrix((np.ones(len(rows)), (rows, shown)), shape=(len(self.displays), count))
        there.data[:] = 1.0
        return there


def token_occurrences(tables: Iterable[Path], model: RvqVae) -> Occurrences:
    """Reads the frames with a face from tokens tables."""
    paths = tuple(sorted(Path(path) for path in tables))
    parts = [_valid_rows(path, i, model) for i, path in enumerate(paths)]
    empty = {"kind": np.empty(0, "<U9"), "time_s": np.empty(0), "tokens": np.empty((0, model.config.n_stages), int)}
    empty |= {name: np.empty(0, int) for name in ("table", "frame", "face_id")}
    columns = {name: np.concatenate([p[name] for p in [empty, *parts]]) for name in empty}
    return Occurrences(**columns, displays=lexicon_of(model).words(columns["tokens"]), paths=paths)


def display_companions(seen: Occurrences, count: int) -> list[list[tuple[int, float]]]:
    r"""For each display, those that share frames with it most beyond chance, with the lift $p(a, b) / (p(a) p(b))$."""
    there = seen.presence(count)
    together = (there.T @ there).toarray().astype(float)
    alone = np.maximum(together.diagonal(), 1.0)
    lift = together * len(seen.tokens) / np.outer(alone, alone)
    lift[(together < LEAST_TOGETHER) | np.eye(count, dtype=bool)] = 0.0
    order = np.argsort(-lift, axis=1, kind="stable")[:, :N_COMPANIONS]
    return [[(int(b), float(lift[a, b])) for b in row if lift[a, b] > LEAST_LIFT] for a, row in enumerate(order)]


def display_runs(seen: Occurrences, count: int, most: int = 4) -> list[list[tuple[int, float, float]]]:
    """For each display, its longest runs of frames in real clips: (table, start, end) in seconds, longest first."""
    there = seen.presence(count).tocsc()
    real = seen.kind == REAL
    found = []
    for display in range(count):
        rows = np.sort(there.indices[there.indptr[display] : there.indptr[display + 1]])
        found.append(_longest(seen, rows[real[rows]], most))
    return found


def _longest(seen: Occurrences, rows: Int[np.ndarray, " r"], most: int) -> list[tuple[int, float, float]]:
    if not len(rows):
        return []
    apart = (np.diff(seen.table[rows]) != 0) | (np.diff(seen.face_id[rows]) != 0) | (np.diff(seen.frame[rows]) != 1)
    firsts, lasts = np.r_[0, np.flatnonzero(apart) + 1], np.r_[np.flatnonzero(apart), len(rows) - 1]
    starts, ends = seen.time_s[rows[firsts]], seen.time_s[rows[lasts]]
    order = np.argsort(-(ends - starts), kind="stable")[:most]
    tables = seen.table[rows[firsts]]
    return [(int(tables[i]), round(float(starts[i]), 2), round(float(ends[i]), 2)) for i in order]


def example_rows(
    seen: Occurrences,
    rows: Int[np.ndarray, " r"],
    moved: Float[np.ndarray, "r e"],
    templates: Float[np.ndarray, "k e"],
    metric: Float[np.ndarray, "e e"],
) -> list[list[int]]:
    """For each display, a few frames in which it does most of what the face does.

    Arguments:
        rows: frames of `seen` that may be taken.
        moved: what the face does in each of them, as a change of psi.
        templates: change of psi that each display makes. metric: of the mesh.
    """
    size = np.linalg.norm(moved, axis=1) + 1e-6
    moved = (moved / size[:, None]) @ metric
    there = seen.presence(len(templates))[rows].tocsc()  # a table of every frame by every token would not fit in memory
    chosen = []
    for display, template in enumerate(templates):
        here = there.indices[there.indptr[display] : there.indptr[display + 1]]
        alike = np.einsum("re,e->r", moved[here], template)
        chosen.append(_spaced(seen, rows[here[np.argsort(-alike, kind="stable")]]))
    return chosen


def example_faces(
    seen: Occurrences, rows: Sequence[int], sources: Mapping[str, Path], frames: Path
) -> list[np.ndarray]:
    """The faces of some frames, cut out of their clips.

    Arguments:
        rows: of `seen`. sources: file of each clip. frames: folder of the frames tables, for the landmarks.
    """
    cut: dict[int, np.ndarray] = {}
    for number in sorted({int(seen.table[row]) for row in rows}):
        clip, here = seen.paths[number].stem, [row for row in rows if seen.table[row] == number]
        found = stills(sources[clip], seen.frame[here].tolist())
        table = read_arrays(frames / f"{clip}.parquet", ["frame", "face_id", "landmarks"])
        for row in here:
            at = np.flatnonzero((table["frame"] == seen.frame[row]) & (table["face_id"] == seen.face_id[row]))[0]
            marks = table["landmarks"][at].reshape(N_LANDMARKS, 3)
            cut[row], _ = face_crop(found[int(seen.frame[row])], marks)
    return [cut[row] for row in rows]


def _valid_rows(path: Path, number: int, model: RvqVae) -> dict[str, np.ndarray]:
    table = read_arrays(path, ["frame", "face_id", "time_s", "valid", "tokens", "data"])
    valid = table["valid"].astype(bool)
    rows = {name: table[name][valid] for name in ("frame", "face_id", "time_s")}
    rows["tokens"] = model.words(table["tokens"][valid])
    return rows | {"kind": table["data"][valid].astype(str), "table": np.full(valid.sum(), number)}


def _spaced(seen: Occurrences, rows: Int[np.ndarray, " r"]) -> list[int]:
    """The first few of the rows that lie in different clips or apart in time."""
    picks: list[int] = []
    for row in rows:
        near = (seen.table[picks] == seen.table[row]) & (np.abs(seen.time_s[picks] - seen.time_s[row]) < APART_S)
        if not near.any():
            picks.append(int(row))
        if len(picks) == N_EXAMPLES:
            break
    return picks
