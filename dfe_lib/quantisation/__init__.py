"""Quantisation: an expression vector psi to a few tokens of one codebook, and back.

In come expressions tables; out go a trained RVQ-VAE (safetensors and JSON), tokens tables with M token numbers a frame,
and errors in mm (rms over the face). Training knows psi and a metric in mm2; the mesh itself is no part of a model.
"""

from ..lazy import importer

_MODULES = {
    "DiscreteFacialEncoder": "encoder",
    "Frames": "corpus",
    "Lexicon": "lexicon",
    "ParquetFrames": "streaming",
    "RvqVae": "rvqvae",
    "RvqVaeConfig": "rvqvae",
    "TrainConfig": "config",
    "alignment_table": "alignment",
    "count_tokens": "counts",
    "error_mm": "metrics",
    "held_mm": "holding",
    "lexicon_of": "lexicon",
    "read_corpus": "corpus",
    "read_frames": "corpus",
    "read_words": "tokens",
    "tokenise": "tokens",
    "train": "training",
    "usage_table": "metrics",
    "word_templates": "lexicon",
    "write_onnx": "graphs",
    "write_model_card": "model_card",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
