"""The networks inside `face_landmarker.task`, run by LiteRT (`ai-edge-litert`, Apache-2.0) in one thread."""

import zipfile
from functools import cache

from ai_edge_litert.interpreter import Interpreter

from ..io.assets import asset
from .quiet import QUIET

__all__ = ["bundled", "network"]


@cache
def bundled(name: str) -> bytes:
    """A file of the bundle, which is pinned by its hash; read once, for there may be thousands of short clips."""
    with zipfile.ZipFile(asset("face_landmarker.task")) as bundle:
        return bundle.read(name)


def network(model: bytes) -> Interpreter:
    """Ready to run. One thread, or the sums' order and last digits would depend on the machine."""
    with QUIET:  # it announces its delegate
        net = Interpreter(model_content=model, num_threads=1)
        net.allocate_tensors()
    return net
