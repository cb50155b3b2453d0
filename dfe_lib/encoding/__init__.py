"""The whole way in one go: videos, pictures and tables of faces to a table of tokens that people can read.

In come clips of any kind that `dfe inspect` knows, pictures as arrays or psi; out go rows a frame and face: times in
seconds, box in pixels, pose and gaze in degrees, tokens with their words, action units from 0 to 5, errors in mm.
`Tokenizer` does it in Python, `encode_inputs` is the command for many clips. The names are imported when they are
first used, so that the command line can check where its output goes before anything heavy is loaded.
"""

from ..lazy import importer

_MODULES = {
    "Settings": "settings",
    "Stream": "stream",
    "Tokenizer": "tokenizer",
    "codebook_table": "codebook",
    "data_dictionary": "columns",
    "encode_inputs": "batch",
    "encode_media": "files",
    "run_live": "live",
    "view_media": "view",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
