"""How much of what faces do a code describes: the share of their displacement, in mm2, that it gives back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from ..cohort.displays import DISPLAYS
from ..errors import UserError
from ..io.tables import read_batches
from ..morphable.metric import mesh_energy, mesh_length
from ..quantisation.corpus import Frames
from ..quantisation.rvqvae import RvqVae
from ..quantisation.tokens import decoded
from .frame_codes import FrameCode

__all__ = [
    "contrast_frames",
    "coverage_of_tables",
    "coverage_table",
    "covers_more",
    "display_coverage",
    "find_code",
]

DRAWS = 1000
LEAST_FRAMES = 5
"""Frames a display needs in a table."""
MOVED_MM = 1.0
"""Frames whose face moves less (rms) are in no list of examples."""
ROWS = 16_384
"""Rows of a pair of tables that are in memory at a time."""


def coverage_table(
    codes: Sequence[FrameCode],
    frames: Frames,
    metrics: Mapping[str, Float[np.ndarray, "e e"]],
    data: str,
    reference: tuple[str, str] = ("dfe", "tokens"),
    seed: int = 0,
) -> pd.DataFrame:
    r"""Share explained $1 - \sum \|E(\psi - \hat\psi)\|^2 / \sum \|E\psi\|^2$ of each code in each region.

    Intervals (95 %) are bootstrapped over people, with the same draws for all codes; `behind_reference` is how much
    more the reference's longest code explains, and its interval. With one person there is no interval (NaN).

    Arguments:
        codes: of `frames`.
        metrics: mesh metric of each region.
        data: what the table calls these frames.
        reference: representation and level.
        seed: of the draws.
    """
    people, place = np.unique(frames.subject, return_inverse=True)
    draws = _draws(len(people), seed)
    longest = max((code for code in codes if (code.representation, code.level) == reference), key=lambda c: c.bits)
    entropy = [code.entropy_bits for code in codes]
    rows = []
    for region, metric in metrics.items():
        total = np.bincount(place, mesh_energy(frames.psi, metric))
        best = np.bincount(place, mesh_energy(frames.psi - longest.decoded, metric))
        for code, coded in zip(codes, entropy, strict=True):
            left = np.bincount(place, mesh_energy(frames.psi - code.decoded, metric))
            explained, more = _share(left, total), _share(best, total) - _share(left, total)
            drawn = 1 - (draws @ left) / (draws @ total)
            ahead = ((draws @ left) - (draws @ best)) / (draws @ total)
            rows.append(
                {"representation": code.representation, "level": code.level, "bits": code.bits,
                 "entropy_bits": coded, "data": data, "region": region, "explained": explained}
                | _interval("", drawn, len(people))
                | {"rms_mm": float(np.sqrt(left.sum() / len(frames))), "behind_reference": more}
                | _interval("behind_", ahead, len(people))
                | {"people": len(people), "frames": len(frames)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def coverage_of_tables(
    pairs: Iterable[tuple[Path, Path]], model: RvqVae, metrics: Mapping[str, Float[np.ndarray, "e e"]], seed: int = 0
) -> pd.DataFrame:
    """The share that the tokens of any number of clips explain, in each region; memory grows with people alone.

    Arguments:
        pairs: expressions table and tokens table of each clip.
        model: that wrote the tokens.
        metrics: mesh metric of each region.
        seed: of the draws of the interval (95 %, over people).

    Returns:
        Columns region, explained, ci_low, ci_high, rms_mm, people, frames.

    Raises:
        UserError: two tables of a clip have not the same frames, or there is no frame with a face.
    """
    sums: dict[str, np.ndarray] = {}
    frames = 0
    for subjects, psi, off in _pairs_of_faces(pairs, model):
        energies = np.stack([[mesh_energy(moved, metric) for metric in metrics.values()] for moved in (psi, off)])
        for person in np.unique(subjects):
            sums[person] = sums.get(person, 0.0) + energies[:, :, subjects == person].sum(2)
        frames += len(psi)
    if not frames:
        raise UserError("there is no frame with a face in these tables: add clips, or run 03_train again.")
    total, left = np.stack([sums[person] for person in sorted(sums)]).transpose(1, 2, 0)
    draws = _draws(len(sums), seed)
    rows = [
        {"region": region, "explained": _share(left[i], total[i])}
        | _interval("", 1 - (draws @ left[i]) / (draws @ total[i]), len(sums))
        | {"rms_mm": float(np.sqrt(left[i].sum() / frames)), "people": len(sums), "frames": frames}
        for i, region in enumerate(metrics)
    ]
    return pd.DataFrame(rows)


def _pairs_of_faces(
    pairs: Iterable[tuple[Path, Path]], model: RvqVae
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Whose, psi, and what its tokens leave over, of the frames with a face."""
    for expressions, tokens in pairs:
        theirs = read_batches(expressions, ["subject_id", "frame", "psi", "valid"], ROWS)
        ours = read_batches(tokens, ["frame", "tokens", "valid"], ROWS)
        for face, coded in zip_longest(theirs, ours):
            if not (face and coded and np.array_equal(face["frame"], coded["frame"])):
                raise UserError(f"{tokens} has other frames than {expressions}: run 03_train again.")
            valid = face["valid"].astype(bool) & coded["valid"].astype(bool)
            psi = face["psi"][valid].astype(float)
            yield face["subject_id"][valid].astype(str), psi, psi - decoded(model, coded["tokens"][valid])


def _draws(people: int, seed: int) -> np.ndarray:
    """How often each person is in each sample of the bootstrap."""
    return np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), DRAWS)


def display_coverage(codes: Mapping[str, FrameCode], frames: Frames, metric: Float[np.ndarray, "e e"]) -> pd.DataFrame:
    """Share explained of each true display's frames by each code; what gains most from `dfe` first.

    Columns: display, beyond_facs (of the repertoire), frames, moved_mm (rms), one for each code, and `gain`: of `dfe`
    over the next column.

    Arguments:
        codes: by the name of its column; `dfe` must be the first.
        frames: simulated frames, which know their display.
    """
    beyond = {display.name: display.beyond_facs for display in DISPLAYS}
    total = mesh_energy(frames.psi, metric)
    left = {name: mesh_energy(frames.psi - code.decoded, metric) for name, code in codes.items()}
    rows = []
    for display in np.unique(frames.display[frames.display != ""]):
        here = frames.display == display
        if here.sum() >= LEAST_FRAMES:
            explained = {name: _share(values[here], total[here]) for name, values in left.items()}
            moved = float(np.sqrt(total[here].mean()))
            known = {"display": display, "beyond_facs": beyond[str(display)], "frames": int(here.sum())}
            rows.append(known | {"moved_mm": moved} | explained)
    first, second = list(codes)[:2]
    columns = ["display", "beyond_facs", "frames", "moved_mm", *codes]
    table = pd.DataFrame(rows, columns=columns)
    table["gain"] = table[first] - table[second]
    return table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)


def contrast_frames(
    ours: FrameCode, theirs: FrameCode, frames: Frames, metric: Float[np.ndarray, "e e"], data: str, count: int = 12
) -> pd.DataFrame:
    """Frames that one code reconstructs and the other misses, both ways round; the starkest of each display and second.

    Columns: data, explained_by, clip_id, subject_id, frame, time_s, display, moved_mm, and the error in mm (rms over
    the face) of `ours` and of `theirs`; `row` is the frame's place in `frames`.
    """
    moved = mesh_length(frames.psi, metric)
    errors = [mesh_length(frames.psi - code.decoded, metric) for code in (ours, theirs)]
    missed, tables = list(zip((ours, theirs), errors, strict=True)), []
    for better, gain in ((ours, errors[1] - errors[0]), (theirs, errors[0] - errors[1])):
        order = [int(i) for i in np.argsort(-gain, kind="stable") if moved[i] > MOVED_MM and gain[i] > 0]
        rows = np.array(_apart(order, frames)[:count], int)
        tables.append(
            pd.DataFrame(
                {"data": data, "explained_by": f"{better.representation} {better.level}", "clip_id": frames.clip[rows],
                 "subject_id": frames.subject[rows], "frame": frames.frame[rows], "time_s": frames.time_s[rows],
                 "display": frames.display[rows], "moved_mm": moved[rows]}
                | {f"{code.representation}_{code.level}_mm": error[rows] for code, error in missed}
                | {"row": rows}
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def covers_more(coverage: pd.DataFrame, one: str, other: str, most_bits: float) -> bool:
    """Does the longest code of `one` within so many bits explain more of the whole face than `other`'s in any bits?

    Arguments:
        coverage: rows of :func:`coverage_table` of one kind of data.
        one: a representation in tokens. other: one in units that are present or absent.
    """
    whole = coverage[coverage.region == "all"]
    ours = whole[(whole.representation == one) & (whole.level == "tokens") & (whole.bits <= most_bits)]
    theirs = whole[(whole.representation == other) & (whole.level == "binary")]
    return bool(ours.sort_values("bits").explained.iloc[-1] > theirs.explained.iloc[-1])


def find_code(codes: Sequence[FrameCode], representation: str, level: str, bits: float | int = np.inf) -> FrameCode:
    """The longest code of this kind that takes no more than so many bits."""
    fit = [c for c in codes if (c.representation, c.level) == (representation, level) and not c.bits > bits]
    return max(fit, key=lambda code: code.bits)


def _share(left: Float[np.ndarray, " s"], total: Float[np.ndarray, " s"]) -> float:
    return float(1 - left.sum() / total.sum()) if total.sum() else float("nan")


def _interval(prefix: str, drawn: Float[np.ndarray, " d"], people: int) -> dict[str, float]:
    low, high = np.percentile(drawn, [2.5, 97.5]) if people > 1 else (np.nan, np.nan)
    return {f"{prefix}ci_low": float(low), f"{prefix}ci_high": float(high)}


def _apart(order: Sequence[int], frames: Frames) -> list[int]:
    """The first of each display (each second of a clip, where displays are not known)."""
    seen: set[Shaped[np.ndarray, ""] | tuple] = set()
    kept = []
    for i in order:
        key = frames.display[i] or (frames.clip[i], int(frames.time_s[i]))
        if key not in seen:
            seen.add(key)
            kept.append(i)
    return kept
