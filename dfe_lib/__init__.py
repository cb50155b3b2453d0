"""Discrete Facial Encoding: faces to a few discrete, reusable facial deformations a frame.

The names below are the public API. Each is imported when it is first used, so that `import dfe_lib` is quick.
"""

from importlib import import_module

_MODULES = {
    "BagOfWords": "words",
    "CohortConfig": "cohort",
    "DiscreteFacialEncoder": "encoder",
    "ExpressionEstimator": "estimator",
    "LandmarkSolver": "solver",
    "MaskedAutoencoder": "masked_autoencoders",
    "MorphableModel": "morphable",
    "RvqVae": "rvqvae",
    "RvqVaeConfig": "rvqvae",
    "Study": "study",
    "TrainConfig": "training",
    "UserError": "errors",
    "asset": "assets",
    "encode_media": "encoding",
    "extract_clips": "extraction",
    "fit_tables": "recorded_expressions",
    "labelled_clips": "own_study",
    "read_dataset": "datasets",
    "simulate_person": "cohort",
    "token_windows": "words",
    "tokenise": "tokenisation",
    "train": "training",
    "write_atlas": "atlas",
    "write_viewer": "viewer",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"dfe_lib has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
