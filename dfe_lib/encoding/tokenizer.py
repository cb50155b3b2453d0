"""Faces to tokens in Python: one object that holds all models, for files, arrays, tables and live video."""

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from ..errors import UserError
from ..io.export import csv_frames
from ..io.scratch import scratch
from ..io.threads import one_thread
from ..quantisation.holding import HOLD_MM
from ..quantisation.rvqvae import STUDY_MODEL, RvqVae
from ..tracking.extraction import extract_frames
from .arrays import NAME, frame_batch, picture_reader, psi_batch
from .clip import write_clip
from .decision import Decision, decide_table
from .inputs import find_inputs
from .rows import Batch, RowMaker
from .settings import Settings
from .stream import Row, Stream
from .table import finished_rows, segment_rows, write_table

__all__ = ["Tokenizer"]

Source = str | os.PathLike | np.ndarray | pd.DataFrame | Sequence[str | os.PathLike]


class Tokenizer:
    """Faces to tokens: files, arrays of pictures, psi, and live video, with models that are loaded once.

    Arguments:
        model: A trained model.
        device: Where the codebook's model runs, such as `"cuda"`; faces are found and fitted on the processor.

    >>> from dfe_lib.blendshapes import ACTIONS
    >>> from dfe_lib.quantisation.rvqvae import RvqVaeConfig
    >>> tokenizer = Tokenizer(RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=2)))
    >>> tokenizer.encode(np.zeros((3, 52), np.float32))[["frame", "valid", "token_1", "token_2"]].shape
    (3, 4)
    """

    def __init__(self, model: RvqVae, device: str = "cpu") -> None:
        self.model = model.to(device)
        self.rows = RowMaker(self.model)
        self._live: Stream | None = None

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike | None = None, device: str = "cpu") -> "Tokenizer":
        """With the study's model, or that of a folder; raises `UserError` where there is none."""
        return cls(RvqVae.from_pretrained(Path(folder) if folder else STUDY_MODEL), device)

    def encode(self, source: Source, settings: Settings | None = None) -> pd.DataFrame:
        """The rows of an encoded table, see `columns.COLUMNS`; a frame without a face is a row.

        Arguments:
            source: Path of a clip of any kind that `dfe inspect` knows, a folder, a glob, or several of these;
                pictures (H, W, 3) or (N, H, W, 3) of 8 bits, red first; psi (N, E); or a DataFrame with columns of
                psi, by ARKit's names in either case, with or without `psi_` before them. Rows of psi that are not
                finite have no face.
            settings: As `dfe encode` takes them. Arrays have its `fps`, or 25 frames a second; psi is not smoothed.

        Raises UserError for what cannot be read.
        """
        settings = settings or Settings()
        with scratch() as folder, one_thread():
            return pd.concat(
                [frame for table in self._tables(source, folder, settings) for frame in csv_frames([table])],
                ignore_index=True,
            )

    def push(self, rgb: UInt8[np.ndarray, "height width 3"], time_s: float | None = None) -> list[Row]:
        """The row of the next picture of a live video, without delay: see :class:`~dfe_lib.encoding.stream.Stream`.

        For several videos at once, everybody's face, or smoother rows some frames later, make one :meth:`stream` each.
        """
        if self._live is None:
            self._live = self.stream()
        return self._live.push(rgb, time_s)

    def stream(self, delay_s: float = 0.0, faces: str = "largest", hold_mm: float = HOLD_MM) -> Stream:
        """A live video to push pictures into."""
        return Stream(self.rows, delay_s, faces, hold_mm)

    def close(self) -> None:
        """Ends the live video of :meth:`push`; the next picture begins another."""
        if self._live is not None:
            self._live.close()
        self._live = None

    def _tables(self, source: Source, work: Path, settings: Settings) -> Iterator[Path]:
        """Writes the encoded tables of a source, one after another, in the same place."""
        out, config = work / "encoded.parquet", self.model.config
        if isinstance(source, pd.DataFrame):
            yield self._written(frame_batch(source, settings, config.coefficients), out, settings)
        elif isinstance(source, np.ndarray):
            array: np.ndarray = source
            if array.dtype == np.uint8:
                yield self._written_pictures(array, work, out, settings)
            else:
                yield self._written(psi_batch(array, settings, len(config.coefficients)), out, settings)
        else:
            found = find_inputs([source] if isinstance(source, str | os.PathLike) else source)
            if found.failures:
                raise UserError(found.failures[0].reason)
            for clip in found.clips:
                write_clip(self.rows, clip, out, settings)
                yield out

    def _written(self, batch: Batch, out: Path, settings: Settings) -> Path:
        write_table(
            self.rows, finished_rows(self.rows, [batch], settings), out, settings, Decision("expressions", (), {})
        )
        return out

    def _written_pictures(self, pictures: np.ndarray, work: Path, out: Path, settings: Settings) -> Path:
        if pictures.ndim not in (3, 4) or pictures.shape[-1] != 3:
            raise UserError(f"pictures must be (frames, height, width, 3), not {pictures.shape}.")
        frames = work / f"{NAME}.parquet"
        extract_frames(picture_reader(pictures, settings), frames, NAME, NAME, settings.faces, progress=False)
        decision = decide_table(self.rows, NAME, "media", [frames])
        parts = (segment_rows(self.rows, decision, number, settings) for number in range(len(decision.segments)))
        write_table(self.rows, chain.from_iterable(parts), out, settings, decision)
        return out
