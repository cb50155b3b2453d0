"""A run of people whose smiles follow their labels, and their table of clips: what an own study begins with."""

from pathlib import Path

import numpy as np
import pandas as pd
from codebooks import MOVES, known_model

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.io.clip_table import write_clip_table
from dfe_lib.io.tables import REAL, expressions_schema, frames_schema, table_writer, tokens_schema
from dfe_lib.morphable.rendering import turn

SMILE, BROW, FRAMES = 3, 4, 60
"""Tokens of `codebooks.MOVES`, and frames of each clip."""


def write_people(run: Path, count: int = 12, sessions: int = 1, seed: int = 0) -> pd.DataFrame:
    """Writes frames, expressions, tokens and the model of a run, and `clips.csv` beside them; returns its rows.

    Who has a high `gad7` smiles less; whose `diagnosed` is yes raises the brows; `group` is one of three words and
    shows in nothing.
    """
    rng, model = np.random.default_rng(seed), known_model()
    model.save_pretrained(run / "model")
    rows = []
    for person in range(count):
        strain, diagnosed = rng.uniform(), bool(person % 2)
        about = {
            "subject_id": f"p{person:02}", "gad7": round(21 * strain, 1), "diagnosed": "yes" if diagnosed else "no",
            "group": ("control", "waiting", "therapy")[person % 3], "age": 20 + person,
            "gender": "f" if rng.uniform() < 0.5 else "m",
        }  # fmt: skip
        for session in range(sessions):
            clip = f"p{person:02}_s{session}"
            smiles, brows = rng.uniform(size=FRAMES) > strain, rng.uniform(size=FRAMES) < 0.2 + 0.6 * diagnosed
            codes = np.c_[np.where(smiles, SMILE, 0), np.where(brows, BROW, 0), rng.integers(0, 2, FRAMES)]
            _write_clip(run, clip, about["subject_id"], codes, rng)
            rows.append({"clip_id": clip, "session": str(session)} | about)
    table = pd.DataFrame(rows)
    write_clip_table(run / "clips.csv", table)
    return table


def _write_clip(run: Path, clip: str, who: str, codes: np.ndarray, rng: np.random.Generator) -> None:
    frame, zero = np.arange(FRAMES), np.zeros(FRAMES)
    key = {"clip_id": clip, "subject_id": who, "face_id": 0, "frame": frame, "time_s": frame / 10}
    psi = np.zeros((FRAMES, len(ACTIONS)))
    for column in codes.T:
        for row, code in zip(psi, column, strict=True):
            for name, amount in MOVES[code].items():
                row[ACTIONS.index(name)] += amount
    turns = np.stack([turn(yaw=float(yaw)) for yaw in rng.normal(0, 5, FRAMES)]).reshape(FRAMES, 9)
    with table_writer(run / "frames" / f"{clip}.parquet", frames_schema("simulated", {"rotation": 9})) as table:
        table.write(key | {"detected": True, "confidence": zero + 0.9, "interocular_px": zero, "out_of_frame": zero,
                           "width": 64, "height": 48, "rotation": turns})  # fmt: skip
    with table_writer(run / "expressions" / f"{clip}.parquet", expressions_schema(ACTIONS)) as table:
        table.write(key | {"data": REAL, "psi": np.clip(psi, 0, 1), "residual_mm": zero, "valid": True})
    with table_writer(run / "tokens" / f"{clip}.parquet", tokens_schema(3)) as table:
        table.write(key | {"data": REAL, "valid": True, "tokens": codes, "error_mm": zero})
