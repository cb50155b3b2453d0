"""Pictures and psi that come as arrays or tables of pandas: as the batches and readers that files give."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from ..blendshapes import coefficient_columns
from ..errors import UserError
from ..io.media import Frame, MediaReader
from ..io.tables import REAL
from .rows import Batch
from .settings import Settings

__all__ = ["ASSUMED_FPS", "NAME", "frame_batch", "picture_reader", "psi_batch"]

ASSUMED_FPS = 25.0
"""Of pictures and psi that come without times."""
NAME = "array"
"""What a clip without a name is called."""
KEY = ("clip_id", "subject_id", "face_id", "frame", "time_s", "data")


def psi_batch(psi: Float[np.ndarray, "n e"], settings: Settings, n_coefficients: int) -> Batch:
    """Rows of psi; one that is not finite has no face."""
    if psi.ndim != 2 or psi.shape[1] != n_coefficients:
        raise UserError(f"psi must be (frames, {n_coefficients}), not {psi.shape}.")
    frame, valid = np.arange(len(psi)), np.isfinite(psi).all(1)
    return {
        "clip_id": np.full(len(psi), NAME, object), "subject_id": np.full(len(psi), NAME, object),
        "face_id": np.where(valid, 0, -1), "frame": frame, "time_s": frame / (settings.fps or ASSUMED_FPS),
        "data": np.full(len(psi), REAL, object), "psi": psi.astype(np.float32), "valid": valid,
    }  # fmt: skip


def frame_batch(table: pd.DataFrame, settings: Settings, names: tuple[str, ...]) -> Batch:
    """Rows of a DataFrame with columns of psi, or one column `psi` of arrays; its key columns are kept."""
    if "psi" in table and len(table):
        missing = np.full(len(names), np.nan)
        psi = np.stack(
            [missing if row is None or np.ndim(row) == 0 else np.asarray(row, float) for row in table["psi"]]
        )
    else:
        columns = coefficient_columns([str(name) for name in table.columns], names)
        psi = table.iloc[:, columns].to_numpy(float)
    return psi_batch(psi, settings, len(names)) | {name: table[name].to_numpy() for name in KEY if name in table}


def picture_reader(pictures: UInt8[np.ndarray, "*n height width 3"], settings: Settings) -> MediaReader:
    """Pictures, red first, as a clip."""
    frames = pictures[None] if pictures.ndim == 3 else pictures
    return MediaReader(Path(NAME), still=len(frames) == 1, expected=len(frames), frames=_frames(frames, settings))


def _frames(pictures: UInt8[np.ndarray, "n height width 3"], settings: Settings) -> Generator[Frame, None, None]:
    for index, rgb in enumerate(pictures):
        yield Frame(index, index / (settings.fps or ASSUMED_FPS), np.ascontiguousarray(rgb))
