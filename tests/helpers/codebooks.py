"""A codebook whose tokens are known: what tests of the pages look at."""

from pathlib import Path

import numpy as np
import torch

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.io.tables import table_writer, tokens_schema
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

MOVES: tuple[dict[str, float], ...] = (
    {},
    {"jawOpen": 0.5},
    {"mouthSmileLeft": 0.6},
    {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4, "cheekSquintLeft": 0.2, "cheekSquintRight": 0.2},
    {"browInnerUp": 0.7},
    {"eyeBlinkLeft": 0.8, "eyeBlinkRight": 0.8},
    {"mouthPucker": 0.6},
    {"browDownLeft": 0.05, "browDownRight": 0.05},
    {"jawLeft": 0.5},
    {"tongueOut": 0.7},
)
"""What each token moves."""


def known_model(decoder: str = "additive", shared: bool = True, codes: int = len(MOVES)) -> RvqVae:
    """A model whose token k does `MOVES[k]`, three a frame."""
    config = RvqVaeConfig(
        ACTIONS, codebook_size=codes, n_stages=3, latent_dim=len(ACTIONS), decoder=decoder, shared_codebook=shared
    )
    model = RvqVae(config)
    model.quantiser.codebook.data[:] = torch.as_tensor(known_templates()[:codes], dtype=torch.float32)
    return model.eval()


STRENGTHS = (0.25, 0.5, 0.75, 1.0)


def strong_model() -> RvqVae:
    """A model whose display k does `MOVES[k]` at four strengths, three a frame; token 0 means nothing."""
    config = RvqVaeConfig(
        ACTIONS, codebook_size=len(STRENGTHS) * len(MOVES), n_stages=3, latent_dim=len(ACTIONS), decoder="additive",
        levels=len(STRENGTHS),
    )  # fmt: skip
    model = RvqVae(config)
    model.quantiser.codebook.data[0] = torch.as_tensor(known_templates(), dtype=torch.float32)
    model.quantiser.strength[0] = torch.tensor(STRENGTHS)
    model.quantiser.strength[0, 0, 0] = 0
    return model.eval()


def known_templates() -> np.ndarray:
    templates = np.zeros((len(MOVES), len(ACTIONS)))
    for row, moves in zip(templates, MOVES, strict=True):
        for name, amount in moves.items():
            row[ACTIONS.index(name)] = amount
    return templates


def write_tokens(path: Path, tokens: list[list[int]], data: str, face_id: int = 0) -> Path:
    """A tokens table at 25 frames a second; a row of -1 is a frame without a face."""
    count = len(tokens)
    with table_writer(path, tokens_schema(3)) as table:
        table.write({
            "clip_id": path.stem, "subject_id": path.stem, "face_id": face_id, "frame": np.arange(count),
            "time_s": np.arange(count) / 25, "data": data, "valid": np.array(tokens)[:, 0] >= 0, "tokens": tokens,
            "error_mm": 0.5,
        })  # fmt: skip
    return path
