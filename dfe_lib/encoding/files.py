"""One clip to one file: a thin user of the way that many clips take."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ..errors import UserError
from ..io.scratch import scratch
from .clip import write_clip
from .inputs import find_inputs
from .parts import join_expressions, join_parts, summary_of
from .settings import Settings, check_outputs
from .tokenizer import Tokenizer

__all__ = ["encode_media"]


def encode_media(
    path: str | os.PathLike,
    out: str | os.PathLike,
    model: str | os.PathLike | None = None,
    faces: Literal["largest", "all"] = "largest",
    smoothing: str = "bilateral",
    expressions: str | os.PathLike | None = None,
) -> dict[str, float | int]:
    """Writes the encoded table of one clip; returns frames, valid frames and mean error in mm.

    For many clips, with progress and without doing finished ones again, there is `batch.encode_inputs`.

    Arguments:
        path: One clip of any kind that `dfe inspect` knows.
        out: Parquet or CSV file; it appears when it is whole.
        model: Folder of a trained model, the study's when None.
        faces: `"largest"` or `"all"`.
        smoothing: Of `smoothing.SMOOTHINGS`; the default is that of the study, whose tokens these then are.
        expressions: File for the coefficients psi on the way; they are not kept when None.

    Raises:
        UserError: The clip cannot be read, an output would mislead or destroy, or the model's coefficients are not
            those of the fit.
    """
    check_outputs([path], out, expressions)
    settings = Settings(faces=faces, smoothing=smoothing)
    found = find_inputs([path])
    if found.failures or len(found.clips) != 1:
        reasons = [each.reason for each in found.failures]
        raise UserError(reasons[0] if reasons else f"{path} holds {len(found.clips)} clips: name one.")
    tokenizer = Tokenizer.from_pretrained(model)
    with scratch() as folder:
        part = folder / "encoded.parquet"
        write_clip(tokenizer.rows, found.clips[0], part, replace(settings, groups=(*settings.groups, "psi", "fit")))
        join_parts([part], Path(out), settings)
        if expressions is not None:
            join_expressions([part], Path(expressions), tokenizer.model.config.coefficients)
        done = summary_of(part)
    return {"frames": done.frames, "valid": done.with_face, "error_mm": done.error_mm}
