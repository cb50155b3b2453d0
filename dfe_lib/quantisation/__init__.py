"""Quantisation: an expression vector psi to a few tokens of one codebook, and back.

In come expressions tables; out go a trained RVQ-VAE (safetensors and JSON), tokens tables with M token numbers a frame,
and errors in mm (rms over the face). Training knows psi and a metric in mm2; the mesh itself is no part of a model.
"""

from .config import TrainConfig
from .corpus import Frames, read_corpus, read_frames
from .encoder import DiscreteFacialEncoder
from .metrics import error_mm, usage_table
from .model_card import write_model_card
from .rvqvae import RvqVae, RvqVaeConfig
from .tokens import read_words, tokenise
from .training import train

__all__ = [
    "DiscreteFacialEncoder",
    "Frames",
    "RvqVae",
    "RvqVaeConfig",
    "TrainConfig",
    "error_mm",
    "read_corpus",
    "read_frames",
    "read_words",
    "tokenise",
    "train",
    "usage_table",
    "write_model_card",
]
