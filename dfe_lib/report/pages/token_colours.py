"""The colours of tokens in strips over time."""

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps

from ...comparison.templates import similarity_rank
from ...quantisation.rvqvae import RvqVae

__all__ = ["token_colours"]

FAINT = 0.3
"""How opaque the colour of a hardly visible display is; one at its top level is wholly so."""


def token_colours(model: RvqVae, metric: Float[np.ndarray, "e e"]) -> Float[np.ndarray, "w 4"]:
    """Red, green, blue (0 to 255) and opacity of each word: displays alike have colours alike, weak ones are faint.

    A word that means nothing is transparent.

    Arguments:
        metric: of the mesh.
    """
    books = model.display_templates().reshape(len(model.quantiser.codebook), -1, len(metric))
    strength = model.strengths()
    rank = np.concatenate([similarity_rank(book, metric) for book in books])
    rgb = (colormaps["viridis"](rank / max(books.shape[1] - 1, 1))[:, :3] * 255).round()
    opacity = np.where(strength > 0, FAINT + (1 - FAINT) * strength, 0).round(2)
    return np.concatenate([np.repeat(rgb, strength.shape[1], 0), opacity.reshape(-1, 1)], 1)
