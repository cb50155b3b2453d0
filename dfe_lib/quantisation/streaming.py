"""Frames of many expressions tables, read as they are needed: the corpus need not fit in memory."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import UserError
from ..io.tables import coefficient_names, read_batches

__all__ = ["ParquetFrames", "shuffled_batches"]

OPEN_FILES = 16
"""Tables that are read in turns, so that neighbours in a batch are of different clips."""
ROWS = 2048
"""Rows read from one of them at a time; fewer take longer."""


class ParquetFrames:
    """The valid frames of expressions tables.

    Arguments:
        paths: The tables; all have the same coefficients.
        buffer: Frames that are shuffled among one another, and so held in memory.
        people: Subjects whose frames they are, all when None.

    Raises:
        UserError: No table, or tables of different coefficients.
    """

    def __init__(
        self, paths: Sequence[str | Path], buffer: int = 65_536, people: Collection[str] | None = None
    ) -> None:
        self.paths, self.buffer = [Path(path) for path in paths], buffer
        self.people = None if people is None else frozenset(people)
        names = {coefficient_names(path) for path in self.paths}
        if len(names) != 1:
            raise UserError(f"Training needs expressions tables of one kind of coefficients, not of {len(names)}.")
        self.coefficients = names.pop()

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "_ e"]:
        """At most `count` frames, each frame of the corpus as likely as any other, in one pass.

        Every frame draws a number, and the smallest numbers stay (Efraimidis and Spirakis 2006, equal weights).
        """
        kept, draw = torch.empty(0, len(self.coefficients)), torch.empty(0)
        for path in self.paths:
            for rows in self._rows(path, 4 * ROWS):
                drawn = torch.rand(len(rows), generator=generator)
                if len(kept) == count:  # most frames of a large corpus stop here
                    rows, drawn = rows[drawn < draw.max()], drawn[drawn < draw.max()]
                kept, draw = torch.cat([kept, rows]), torch.cat([draw, drawn])
                if len(kept) > count:
                    draw, order = draw.topk(count, largest=False)
                    kept = kept[order]
        return kept

    def batches(self, size: int, generator: torch.Generator) -> Iterator[Float[Tensor, "b e"]]:
        """Shuffled frames without end, in batches of one size; every frame occurs once in each pass."""
        left = torch.empty(0, len(self.coefficients))
        while True:
            for block in self._blocks(generator):
                rows = torch.cat([left, block[torch.randperm(len(block), generator=generator)]])
                *batches, left = rows.split(size) if len(rows) % size else (*rows.split(size), rows[:0])
                yield from batches

    def _blocks(self, generator: torch.Generator) -> Iterator[Tensor]:
        """One pass over the corpus in blocks of about `buffer` frames, each out of several tables."""
        waiting = [self.paths[i] for i in torch.randperm(len(self.paths), generator=generator)]
        reading: list[Iterator[Tensor]] = []
        block, held = [], 0
        while waiting or reading:
            while waiting and len(reading) < OPEN_FILES:
                reading.append(self._rows(waiting.pop(), ROWS))
            turn = int(torch.randint(len(reading), (1,), generator=generator))
            rows = next(reading[turn], None)
            if rows is None:
                reading.pop(turn)
                continue
            block.append(rows)
            held += len(rows)
            if held >= self.buffer:
                yield torch.cat(block)
                block, held = [], 0
        if block:
            yield torch.cat(block)

    def _rows(self, path: Path, rows: int) -> Iterator[Tensor]:
        """psi of the valid frames of these people."""
        for batch in read_batches(path, ["psi", "valid", *(["subject_id"] if self.people is not None else [])], rows):
            kept = batch["valid"].astype(bool) & np.isfinite(batch["psi"]).all(1)
            if self.people is not None:
                which, names = pd.factorize(batch["subject_id"])
                kept &= np.array([name in self.people for name in names])[which]
            yield torch.from_numpy(batch["psi"][kept])


def shuffled_batches(
    psi: Float[Tensor, "n e"], size: int, generator: torch.Generator
) -> Iterator[Float[Tensor, "b e"]]:
    """The same of frames in memory; a batch may be larger than the corpus."""
    order = torch.empty(0, dtype=torch.long)
    while True:
        while len(order) < size:
            order = torch.cat([order, torch.randperm(len(psi), generator=generator)])
        yield psi[order[:size]]
        order = order[size:]
