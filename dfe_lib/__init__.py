"""Discrete Facial Encoding: faces to a few discrete, reusable facial deformations a frame.

The names below are the public API. Each is imported when it is first used, so that `import dfe_lib` is quick.
"""

import os

from .lazy import importer

# OpenMP's threads sleep while they wait for work, as long as nobody asks for something else: on a machine that others
# use, or by several processes, waiting at full speed takes many times the work itself. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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
    "lexicon_of": "quantisation.lexicon",
    "read_dataset": "downstream.datasets.catalogue",
    "simulate_person": "cohort.cohort",
    "token_windows": "downstream.bag_of_words",
    "tokenise": "quantisation.tokens",
    "train": "quantisation.training",
    "view_media": "encoding.view",
    "write_atlas": "report.pages.atlas",
}

__all__ = sorted(_MODULES)

__version__ = "0.1.0"

__getattr__ = importer(__name__, _MODULES)
