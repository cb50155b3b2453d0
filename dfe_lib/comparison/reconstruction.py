"""Codes of the face side by side over the same held-out frames: error, use of the codes, regions, stillness."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..blendshapes import REGIONS
from ..io.tables import REAL
from ..morphable.space import ExpressionSpace
from ..quantisation.corpus import Frames, joined
from ..quantisation.holding import Holder
from ..quantisation.metrics import error_mm, error_summary, perplexity, usage
from .face_code import FaceCode
from .left_out import Fold
from .rvqvae_code import TrainedCode

__all__ = ["FIRST_FOLD", "STILL_MM", "compare", "region_metrics", "token_changes", "words_used"]

FIRST_FOLD = "real, first fold"
"""Real people whom none of the compared codes has seen."""
STILL_MM = 0.25
"""Neighbouring frames that differ by less (rms over the face) count as a still face."""


def compare(
    codes: Mapping[str, FaceCode],
    heldout: Mapping[str, Frames],
    metrics: Mapping[str, Float[np.ndarray, "e e"]],
    folds: Sequence[Fold] = (),
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tables of reconstruction, of error by region, and of stability on a still face.

    With folds, the rows `real` are over every real person, left out once, by the methods that the folds have; those
    of the real people whom no method has seen are called `real, first fold`.

    Arguments:
        codes: fitted methods by name.
        heldout: frames by kind of data.
        metrics: metric of each region; the first is the one that everything was fitted in.
        folds: see `left_out.fit_folds`.
    """
    reconstruction, regions, stability = [], [], []
    whole = next(iter(metrics.values()))
    for method, data, parts in _compared(codes, heldout, folds):
        frames, code = joined([frames for frames, _ in parts]), parts[0][1]
        each = [code.encode(frames.psi) for frames, code in parts]
        symbols = np.concatenate(each)
        decoded = np.concatenate([np.asarray(c.decode(s), float) for s, (_, c) in zip(each, parts, strict=True)])
        label = {"method": method, "bits": code.bits, "data": data}
        reconstruction.append(
            {"method": method, "bits": code.bits, "stages": _stages(symbols), "codebook_size": code.codebook_size,
             "data": data, **error_summary(error_mm(frames.psi, decoded, whole)),
             **words_used(symbols, code.codebook_size, code.shared), "frames": len(symbols),
             "people": len(frames.people)}
        )  # fmt: skip
        regions += [
            label | {"region": region, "error_mm": error_mm(frames.psi, decoded, metric).mean()}
            for region, metric in metrics.items()
        ]
        stability.append(label | token_changes(symbols, frames, whole) | {"error_mm": reconstruction[-1]["error_mm"]})
        if isinstance(code, TrainedCode):
            held, error = _held(each, parts, whole)
            label["method"] = f"{method}_held"
            stability.append(label | token_changes(held, frames, whole) | {"error_mm": error})
    return pd.DataFrame(reconstruction), pd.DataFrame(regions), pd.DataFrame(stability)


def _compared(
    codes: Mapping[str, FaceCode], heldout: Mapping[str, Frames], folds: Sequence[Fold]
) -> Iterator[tuple[str, str, list[tuple[Frames, FaceCode]]]]:
    """Method, name of the data, and the frames with the code that is to encode them."""
    for method, code in codes.items():
        for data, frames in heldout.items():
            yield method, FIRST_FOLD if folds and data == REAL else data, [(frames, code)]
        if folds and method in folds[0].codes:
            yield method, REAL, [(fold.frames, fold.codes[method]) for fold in folds]


def _held(
    each: Sequence[Int[np.ndarray, "_ m"]], parts: Sequence[tuple[Frames, FaceCode]], metric: Float[np.ndarray, "e e"]
) -> tuple[Int[np.ndarray, "_ m"], float]:
    """Tokens as a table of them has them, which stay while the face does, and their mean error."""
    tokens, errors = [], []
    for symbols, (frames, code) in zip(each, parts, strict=True):
        assert isinstance(code, TrainedCode)
        held, error = symbols.copy(), np.zeros(len(symbols), np.float32)
        for clip in np.unique(frames.clip):
            rows, hold = np.flatnonzero(frames.clip == clip), Holder(code.model, metric)
            one, there = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
            held[rows], error[rows] = hold(one, frames.time_s[rows], frames.psi[rows], symbols[rows], there)
        tokens.append(held)
        errors.append(error)
    return np.concatenate(tokens), float(np.concatenate(errors).mean())


def region_metrics(space: ExpressionSpace) -> dict[str, Float[np.ndarray, "e e"]]:
    """The metric of the face, and where there is a mesh, of each of its regions that some coefficient moves."""
    metrics = {"face": space.metric}
    if space.head is not None:
        grams = {region: space.head.gram(region) for region in REGIONS if region in space.head.regions}
        metrics |= {region: gram for region, gram in grams.items() if gram.any()}
    return metrics


def words_used(symbols: Int[np.ndarray, "n m"], codebook_size: int, shared: bool) -> dict[str, float]:
    """Usage and perplexity of the codebook; of separate codebooks their means; NaN for symbols of other kinds."""
    if not codebook_size:
        return {"usage": float("nan"), "perplexity": float("nan")}
    return {
        "usage": usage(symbols, codebook_size, shared),
        "perplexity": perplexity(symbols, codebook_size, shared),
    }


def token_changes(
    symbols: Int[np.ndarray, "n m"], frames: Frames, metric: Float[np.ndarray, "e e"]
) -> dict[str, float]:
    """Symbols that change in a second in which the face is still: seconds there are, changes and share changed.

    Arguments:
        symbols: (N, M), place by place; a shared codebook's come in their canonical order.
        frames: the frames they stand for.
        metric: mesh metric in mm2.
    """
    step = np.diff(frames.time_s)
    next_one = (frames.clip[1:] == frames.clip[:-1]) & (step > 0) & (step < 0.2)
    still = next_one & (error_mm(frames.psi[1:], frames.psi[:-1], metric) < STILL_MM)
    changed = (symbols[1:] != symbols[:-1])[still]
    seconds = float(step[still].sum())
    return {
        "still_s": seconds,
        "changes_per_s": float(changed.sum()) / seconds if seconds else float("nan"),
        "share_changed": float(changed.mean()) if changed.size else float("nan"),
    }


def _stages(symbols: Int[np.ndarray, "n m"]) -> int:
    """Symbols of a frame that ever vary."""
    return int((symbols != symbols[:1]).any(0).sum())
