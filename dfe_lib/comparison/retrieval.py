"""Precision of a code: faces of other people found by the code alone, and how like the face asked for they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..morphable.metric import mesh_energy, mesh_length, metric_root
from ..quantisation.corpus import Frames
from .frame_codes import FrameCode

__all__ = ["nearest_others", "retrieval_table"]

RANKS = (1, 5, 10)
BLOCK = 256
"""Queries at a time: their distances to the whole gallery are in memory at once."""
DRAWS = 1000
ASKED_MM = 0.5
"""A face that moves less (rms) is not asked for: any neutral face would do."""


def nearest_others(
    asked: Float[np.ndarray, "q d"],
    gallery: Float[np.ndarray, "n d"],
    asker: Int[np.ndarray, " q"],
    owner: Int[np.ndarray, " n"],
    count: int = max(RANKS),
    seed: int = 0,
) -> Int[np.ndarray, "q k"]:
    """The `count` rows of the gallery nearest to each query among other people's, nearest first.

    Codes are coarse, so that many distances are alike: ties are broken at random, the same for all codes.

    Arguments:
        asked, gallery: points. asker, owner: whose they are.

    >>> nearest_others(np.zeros((1, 1)), np.array([[0.0], [2.0], [1.0]]), np.array([0]), np.array([0, 1, 1]), 2)
    array([[2, 1]])
    """
    order = np.random.default_rng(seed).permutation(len(gallery))
    points, whose = gallery[order].astype(np.float32), owner[order]
    length = np.square(points).sum(1)
    found = np.empty((len(asked), min(count, len(gallery))), int)
    for start in range(0, len(asked), BLOCK):
        rows = slice(start, start + BLOCK)
        distance = np.round(length - 2 * asked[rows].astype(np.float32) @ points.T, 4)
        distance[asker[rows][:, None] == whose] = np.inf
        found[rows] = order[np.argsort(distance, axis=1, kind="stable")[:, : found.shape[1]]]
    return found


def retrieval_table(
    codes: Sequence[FrameCode],
    frames: Frames,
    queries: Int[np.ndarray, " q"],
    metric: Float[np.ndarray, "e e"],
    data: str,
    seed: int = 0,
) -> pd.DataFrame:
    """How like each query the face found first is, and whether the first k show its true display.

    A code is compared by the distance in mm of what it decodes to, which is the best that can be done with it alone.
    The rows `exact` (no code: psi itself) and `random` (any frame of others) are the ends of the scale.

    Columns: representation, level, bits, data, cosine (mesh, of the first found), distance_mm (rms), recall_at_1, 5, 10
    (share of the queries with a known display; NaN without), 95 % intervals over people of cosine and recall_at_1,
    queries, gallery, people.

    Arguments:
        codes: of `frames`.
        queries: rows of `frames` to ask for; those that hardly move are left out.
    """
    strength = mesh_length(frames.psi, metric)
    queries = queries[strength[queries] > ASKED_MM]
    people, owner = np.unique(frames.subject, return_inverse=True)
    root = metric_root(metric)
    exact = FrameCode("exact", "continuous", float("nan"), np.empty((len(frames), 0), int), frames.psi, frames.psi[:0])
    rows = []
    for code in (*codes, exact, None):
        found = (
            _any_others(owner, queries, seed)
            if code is None
            else nearest_others(code.decoded[queries] @ root, code.decoded @ root, owner[queries], owner, seed=seed)
        )
        named = ("random", "", float("nan")) if code is None else (code.representation, code.level, code.bits)
        known = dict(zip(("representation", "level", "bits"), named, strict=True)) | {"data": data}
        rows.append(known | _scores(frames, queries, found, metric, owner, seed))
    return pd.DataFrame(rows).assign(queries=len(queries), gallery=len(frames), people=len(people))


def _any_others(owner: Int[np.ndarray, " n"], queries: Int[np.ndarray, " q"], seed: int) -> Int[np.ndarray, "q k"]:
    """Random frames of other people."""
    rng = np.random.default_rng([seed, 1])
    others = {person: np.flatnonzero(owner != person) for person in np.unique(owner[queries])}
    return np.stack([rng.choice(others[person], max(RANKS)) for person in owner[queries]])


def _scores(
    frames: Frames, queries: np.ndarray, found: Int[np.ndarray, "q k"], metric: np.ndarray, owner: np.ndarray,
    seed: int,
) -> dict[str, float]:  # fmt: skip
    psi, first = frames.psi[queries], frames.psi[found[:, 0]]
    lengths = np.sqrt(mesh_energy(psi, metric) * np.maximum(mesh_energy(first, metric), 1e-12))
    cosine = np.einsum("qi,qi->q", psi @ metric, first) / lengths
    display = frames.display[queries]
    known = display != ""
    hit = frames.display[found] == display[:, None]
    recall = {f"recall_at_{k}": hit[known, :k].any(1) for k in RANKS}
    who = owner[queries]
    return (
        {"cosine": float(cosine.mean())}
        | _interval("cosine_", cosine, who, seed)
        | {"distance_mm": float(mesh_length(psi - first, metric).mean())}
        | {name: float(values.mean()) if known.any() else float("nan") for name, values in recall.items()}
        | _interval("recall_at_1_", recall["recall_at_1"].astype(float), who[known], seed)
    )


def _interval(prefix: str, values: Float[np.ndarray, " q"], who: Int[np.ndarray, " q"], seed: int) -> dict[str, float]:
    """Bootstrap over the people who ask."""
    people, place = np.unique(who, return_inverse=True)
    if len(people) < 2:
        return {f"{prefix}low": float("nan"), f"{prefix}high": float("nan")}
    draws = np.random.default_rng(seed).multinomial(len(people), np.full(len(people), 1 / len(people)), DRAWS)
    drawn = (draws @ np.bincount(place, values)) / (draws @ np.bincount(place))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {f"{prefix}low": float(low), f"{prefix}high": float(high)}
