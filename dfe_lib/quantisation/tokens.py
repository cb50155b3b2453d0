"""Expressions tables to tokens tables."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ..errors import UserError
from ..io.tables import coefficient_names, read_arrays, read_batches, table_writer, tokens_schema
from ..io.thread_pool import in_threads
from .holding import HOLD_MM, Holder
from .rvqvae import RvqVae

__all__ = ["decoded", "parts_of", "read_words", "tokenise", "tokens_of"]

ROWS = 1024
"""Rows that a core works on at a time: one pass of the model."""

_KEY = ("clip_id", "subject_id", "face_id", "frame", "time_s", "data")


def tokenise(
    model: RvqVae,
    expressions_path: str | Path,
    out_path: str | Path,
    metric: Float[np.ndarray, "e e"],
    hold_mm: float = HOLD_MM,
) -> dict[str, float | int]:
    """Writes the tokens of a clip: a row for each row of the expressions table, in its order.

    A frame without a valid psi keeps its row, with `valid` False and no tokens; what the table says of its `data`,
    real or simulated, is passed on. Returns the number of frames, how many
    of them are valid, and their mean error in mm (NaN where none is).

    Arguments:
        model: A trained model; its coefficients must be the table's.
        expressions_path: Expressions table; read a few thousand rows at a time.
        out_path: Tokens table to write; it appears when it is whole.
        metric: Mesh metric (E, E) in mm2, for error_mm.
        hold_mm: See :class:`~dfe_lib.quantisation.holding.Holder`; 0 gives each frame the tokens that it has alone.
    """
    names = coefficient_names(expressions_path)
    if names != model.config.coefficients:
        raise UserError(
            f"{expressions_path} has other coefficients than the model was trained on "
            f"({len(names)} against {len(model.config.coefficients)}); fit it with the same 3DMM or train again."
        )
    frames, errors = 0, []
    with table_writer(out_path, tokens_schema(model.config.n_stages, displays=True)) as table:
        for rows in _token_rows(model, expressions_path, Holder(model, metric, hold_mm)):
            table.write(rows)
            frames += len(rows["valid"])
            errors.append(rows["error_mm"][rows["valid"]])
    error = np.concatenate(errors) if errors else np.empty(0)
    return {"frames": frames, "valid": len(error), "error_mm": float(error.mean()) if len(error) else float("nan")}


def read_words(model: RvqVae, folder: Path) -> Int[np.ndarray, "n m"]:
    """The words of all valid frames of a folder of tokens tables, in the order of their names.

    Arguments:
        model: whose tokens they are.
    """
    tables = [read_arrays(path, ["tokens", "valid"]) for path in sorted(folder.glob("*.parquet"))]
    return model.words(np.concatenate([table["tokens"][table["valid"].astype(bool)] for table in tables]))


def tokens_of(model: RvqVae, psi: Float[np.ndarray, "n e"], valid: Bool[np.ndarray, " n"]) -> Int[np.ndarray, "n m"]:
    """Tokens (N, M) of each frame alone; zeros where it is not valid.

    Arguments:
        model: A trained model.
        psi: Expressions (N, E), finite where they are valid.
    """
    tokens = np.zeros((len(psi), model.config.n_stages), np.int16)
    if valid.any():
        tokens[valid] = model.encode(torch.as_tensor(np.ascontiguousarray(psi[valid]))).cpu().numpy()
    return tokens


def parts_of(model: RvqVae, tokens: Int[np.ndarray, "n m"]) -> dict[str, Int[np.ndarray, "n m"]]:
    """The columns `displays` and `levels` of a tokens table, see :meth:`~.rvqvae.RvqVae.displays`."""
    return {"displays": model.displays(tokens).astype(np.int16), "levels": model.levels_of(tokens).astype(np.int16)}


def decoded(model: RvqVae, tokens: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
    """psi (N, E) that rows of tokens stand for."""
    return model.decode(torch.as_tensor(tokens.astype(np.int64))).cpu().numpy()


def _token_rows(model: RvqVae, path: str | Path, hold: Holder) -> Iterator[dict[str, np.ndarray]]:
    """Rows of a tokens table: codes are searched on all cores, then held in order."""

    def coded(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        valid = batch["valid"].astype(bool) & np.isfinite(batch["psi"]).all(1)
        return batch | {"valid": valid, "tokens": tokens_of(model, batch["psi"], valid)}

    for rows in in_threads(coded, read_batches(path, columns=[*_KEY, "psi", "valid"], rows=ROWS)):
        tokens, error = hold(*(rows[name] for name in ("clip_id", "face_id", "time_s", "psi", "tokens", "valid")))
        found = {"valid": rows["valid"], "tokens": tokens, "error_mm": error}
        yield {name: rows[name] for name in _KEY} | found | parts_of(model, tokens)
