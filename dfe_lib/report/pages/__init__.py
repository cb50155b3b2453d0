"""Web pages that open from disk, offline: the atlas of a codebook, the viewer of a clip, the report of a run.

In come a model, tables and pictures; out goes one HTML file with its style, script, head mesh and data inside.
"""

from ...lazy import importer

_MODULES = {
    "atlas_of_model": "atlas",
    "write_atlas": "atlas",
    "write_run_report": "run_report",
    "write_viewer": "viewer",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
