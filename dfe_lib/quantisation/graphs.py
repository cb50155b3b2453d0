"""A trained model as graphs that run without this package: torch.export and ONNX, one to encode and one to decode."""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from ..errors import study_packages
from ..io.tables import atomic_path
from .rvqvae import RvqVae

__all__ = ["decoder_graph", "encoder_graph", "write_onnx"]

FRAMES = Dim("frames", min=1, max=2**20)
EXAMPLE = 7
"""Frames of the example that a graph is traced with; any number but 0 and 1, which torch takes for constants."""


class Encode(nn.Module):
    """psi (B, E) to tokens (B, M)."""

    def __init__(self, model: RvqVae):
        super().__init__()
        self.model = model

    def forward(self, psi: Float[Tensor, "b e"]) -> Int[Tensor, "b m"]:
        return self.model.quantiser.search(self.model.latent(psi))


class Decode(nn.Module):
    """Tokens (B, M) to psi (B, E)."""

    def __init__(self, model: RvqVae):
        super().__init__()
        self.model = model

    def forward(self, tokens: Int[Tensor, "b m"]) -> Float[Tensor, "b e"]:
        return self.model.decode_vectors(self.model.quantiser.lookup(tokens))


def encoder_graph(model: RvqVae) -> ExportedProgram:
    """psi (B, E), float32 to tokens (B, M), int64, for 1 to 2^20 frames at a time."""
    psi = torch.zeros(EXAMPLE, len(model.config.coefficients))
    return export(Encode(model).eval(), (psi,), dynamic_shapes=({0: FRAMES},))


def decoder_graph(model: RvqVae) -> ExportedProgram:
    """Tokens (B, M), int64 to psi (B, E), float32, for 1 to 2^20 frames at a time."""
    tokens = torch.zeros(EXAMPLE, model.config.n_stages, dtype=torch.long)
    return export(Decode(model).eval(), (tokens,), dynamic_shapes=({0: FRAMES},))


def write_onnx(model: RvqVae, folder: str | Path) -> None:
    """Writes `encode.onnx` (psi to tokens) and `decode.onnx` (tokens to psi), each whole or not at all.

    A runtime rounds in its own way: a frame that lies as near to two sums of codes may get the other one's tokens.

    Raises:
        UserError: onnxscript, which torch writes ONNX with, is not installed.
    """
    with study_packages():
        import onnxscript  # noqa: F401
    for name, graph, names in (
        ("encode", encoder_graph(model), ("psi", "tokens")),
        ("decode", decoder_graph(model), ("tokens", "psi")),
    ):
        program = torch.onnx.export(graph, dynamo=True, verbose=False, input_names=names[:1], output_names=names[1:])
        assert program is not None  # it is without a file name
        with atomic_path(Path(folder) / f"{name}.onnx") as partial:
            program.save(partial)
