"""The 3D morphable model: expression coefficients psi to a moved head, its pictures, and distances between faces.

Meshes are in metres, everything for people in millimetres; x to the subject's left, y up, z out of the face. The mesh
metric G turns differences of psi into rms mm over the face without the mesh.
"""

from .anny import anny_head
from .embedding import embed_landmarks
from .flame import flame_head
from .metric import mesh_cosine, mesh_energy, mesh_length, metric_root
from .model import MorphableModel
from .parts import FaceParts, strongest_parts
from .rendering import HeadRenderer, use_renderer
from .space import ExpressionSpace, expression_space, read_space, space_of_frames, write_space

__all__ = [
    "ExpressionSpace",
    "FaceParts",
    "HeadRenderer",
    "MorphableModel",
    "anny_head",
    "embed_landmarks",
    "expression_space",
    "flame_head",
    "mesh_cosine",
    "mesh_energy",
    "mesh_length",
    "metric_root",
    "read_space",
    "space_of_frames",
    "strongest_parts",
    "use_renderer",
    "write_space",
]
