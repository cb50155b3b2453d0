"""Discrete Facial Encoding: faces to a few discrete, reusable facial deformations a frame.

The names below are the public API. Each is imported when it is first used, so that `import dfe_lib` is quick.
"""

from importlib import import_module

_MODULES = {
    "BagOfWords": "downstream.bag_of_words",
    "CohortConfig": "cohort.cohort",
    "DiscreteFacialEncoder": "quantisation.encoder",
    "ExpressionEstimator": "fitting.estimator",
    "LandmarkSolver": "fitting.solver",
    "MaskedAutoencoder": "downstream.masked_autoencoders",
    "MorphableModel": "morphable.model",
    "RvqVae": "quantisation.rvqvae",
    "RvqVaeConfig": "quantisation.rvqvae",
    "Study": "io.run",
    "Tokenizer": "encoding.tokenizer",
    "TrainConfig": "quantisation.training",
    "UserError": "errors",
    "asset": "io.assets",
    "encode_inputs": "encoding.batch",
    "encode_media": "encoding.files",
    "extract_clips": "tracking.extraction",
    "fit_tables": "fitting.fit",
    "labelled_clips": "downstream.recorded",
    "read_dataset": "downstream.datasets.catalogue",
    "simulate_person": "cohort.cohort",
    "token_windows": "downstream.bag_of_words",
    "tokenise": "quantisation.tokens",
    "train": "quantisation.training",
    "view_media": "encoding.view",
    "write_atlas": "report.pages.atlas",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"dfe_lib has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
