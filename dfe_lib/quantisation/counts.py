"""How often tokens occur in any number of tokens tables, which are read one after the other and a part at a time.

pyarrow does this as it is: a table holds what one clip says, a part of it is counted by NumPy and forgotten, and every
table is checked for damage as everywhere else. A database would have to unfold the lists of tokens into rows first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from ..errors import UserError
from ..io.progress import bar
from ..io.tables import read_batches
from .metrics import usage_of_counts
from .rvqvae import RvqVae

__all__ = ["TokenCounts", "count_tokens", "valid_rows"]

ROWS = 65_536
"""Rows of a table that are in memory at a time."""
GROUPS_BY = ("clip_id", "subject_id", "data")
"""Columns by which frames may be told apart; within a table of one clip they hardly change."""


@dataclass(frozen=True, eq=False)
class TokenCounts:
    """Occurrences of each code by group of frames.

    Arguments:
        index: A row a group: the columns that tell groups apart, in order, and `frames`, those with a face.
        counts: (groups, M, K) at each stage, of code k; (groups, 1, K) where stages were added up.
    """

    index: pd.DataFrame
    counts: Int[np.ndarray, "g m k"]

    def words(self, model: RvqVae) -> Int[np.ndarray, "g w"]:
        """Occurrences of each word, as :meth:`~dfe_lib.quantisation.rvqvae.RvqVae.words` numbers them."""
        shared = model.config.shared_codebook
        return self.counts.sum(1) if shared else self.counts.reshape(len(self.counts), -1)

    def usage(self, model: RvqVae) -> pd.DataFrame:
        """:func:`~dfe_lib.quantisation.metrics.usage_table` of each group, under the columns that tell groups apart."""
        keys = self.index.drop(columns="frames")
        tables = [usage_of_counts(each, model.config.shared_codebook) for each in self.counts]
        rows = [table.assign(**key) for table, key in zip(tables, keys.to_dict("records"), strict=True)]
        return pd.concat(rows, ignore_index=True)


def count_tokens(
    tables: Iterable[str | Path], model: RvqVae, by: Sequence[str] = ("subject_id",), by_stage: bool = True
) -> TokenCounts:
    """Counts the tokens of the frames with a face; memory grows with groups and codes, not with frames.

    Arguments:
        tables: Tokens tables.
        model: That wrote them.
        by: Columns that tell groups apart, of `GROUPS_BY`; none makes one group.
        by_stage: Each stage is counted by itself; those of separate codebooks always are.

    Raises:
        UserError: There is no frame with a face, or a token is not of this model, or `by` names another column.
    """
    if unknown := sorted(set(by) - set(GROUPS_BY)):
        raise UserError(f"tokens are counted by {', '.join(GROUPS_BY)}, not by {unknown[0]!r}.")
    size, stages = model.config.codebook_size, model.config.n_stages
    summed = model.config.shared_codebook and not by_stage
    groups: dict[tuple[str, ...], tuple[int, np.ndarray]] = {}
    for rows in valid_rows(tables, ["tokens", *by]):
        tokens = rows["tokens"].astype(np.int64)
        if tokens.shape[1] != stages or not 0 <= tokens.min() <= tokens.max() < size:
            raise UserError(f"there are tokens that are not of this model, of {stages} a frame and {size} codes.")
        places = tokens if summed else tokens + size * np.arange(stages)
        for key, here in _groups(rows, by):
            counted = np.bincount(places[here].ravel(), minlength=size * (1 if summed else stages)).astype(np.int32)
            frames, before = groups.get(key, (0, np.int32(0)))
            groups[key] = (frames + len(tokens[here]), before + counted)
    if not groups:
        raise UserError("there is no frame with a face in these tokens tables: add clips, or run 03_train again.")
    order = sorted(groups)
    index = pd.DataFrame(order, columns=list(by)).assign(frames=[groups[key][0] for key in order])
    return TokenCounts(index, np.stack([groups[key][1] for key in order]).reshape(len(order), -1, size))


def valid_rows(tables: Iterable[str | Path], columns: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
    """Columns of the frames with a face, table by table and a part at a time; parts without such a frame are left out.

    Raises UserError for a table that is missing or damaged.
    """
    for path in bar(list(tables), desc="reading tables"):
        for rows in read_batches(path, [*columns, "valid"], ROWS):
            valid = rows["valid"].astype(bool)
            if valid.any():
                yield {name: rows[name][valid] for name in columns}


def _groups(rows: dict[str, np.ndarray], by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], np.ndarray | slice]]:
    """Each group's key and its rows."""
    codes = [pd.factorize(rows[name]) for name in by]
    if all(len(names) == 1 for _, names in codes):
        yield tuple(str(names[0]) for _, names in codes), slice(None)
        return
    which = np.stack([code for code, _ in codes], axis=1)
    for key in np.unique(which, axis=0):
        yield tuple(str(names[k]) for k, (_, names) in zip(key, codes, strict=True)), (which == key).all(1)
