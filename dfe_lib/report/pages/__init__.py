"""Web pages that open from disk, offline: the atlas of a codebook and the viewer of a clip.

In come a model, tables and pictures; out goes one HTML file with its style, script, head mesh and data inside.
"""

from .atlas import atlas_of_model, write_atlas
from .viewer import write_viewer

__all__ = ["atlas_of_model", "write_atlas", "write_viewer"]
