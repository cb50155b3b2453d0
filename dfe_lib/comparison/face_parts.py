"""One face by two vocabularies: what each of its tokens adds, and what each of its action units."""

import numpy as np
import torch
from jaxtyping import Float, Int

from ..facs import au_basis, au_intensities
from ..morphable.metric import mesh_length
from ..morphable.parts import FaceParts
from ..quantisation.lexicon import lexicon_of
from ..quantisation.rvqvae import RvqVae

__all__ = ["action_unit_parts", "frequent_parts", "token_parts"]

FULL_INTENSITY = 5.0
"""AU intensities are shown on FACS' scale of 0 to 5."""


def token_parts(model: RvqVae, psi: Float[np.ndarray, " e"], metric: Float[np.ndarray, "e e"]) -> FaceParts:
    """What each token of a frame does, by display and level, with the root mean square of its movement in mm.

    Arguments:
        psi: of one frame. metric: mesh metric in mm2.
    """
    codes = model.words(model.encode(torch.as_tensor(psi[None], dtype=torch.float32))[0].numpy())
    changes, label = model.templates()[codes], lexicon_of(model).label
    sizes = mesh_length(changes, metric)
    titles = [f"{label(code)}, {size:.1f} mm" for code, size in zip(codes.tolist(), sizes, strict=True)]
    return FaceParts("token", changes, titles)


def action_unit_parts(
    psi: Float[np.ndarray, " e"], metric: Float[np.ndarray, "e e"], count: int, au_set: str = "facs"
) -> FaceParts:
    """The action units that move the face most, at the intensities that describe it best.

    Arguments:
        psi: of one frame, ARKit's actions. metric: mesh metric in mm2.
        count: of units.
        au_set: name in `action_units.AU_SETS`.
    """
    units, weights = au_basis(au_set)
    intensity = au_intensities(psi[None], metric, au_set)[0]
    changes = intensity[:, None] * weights
    order = np.argsort(-mesh_length(changes, metric), kind="stable")[:count]
    return FaceParts("FACS", changes[order], [f"{units[i]}, {FULL_INTENSITY * intensity[i]:.1f}" for i in order])


def frequent_parts(model: RvqVae, words: Int[np.ndarray, "n m"], count: int) -> FaceParts:
    """The displays that occur in most frames of a clip, at full strength, with the share of its frames.

    Arguments:
        words: (N, M), see :meth:`~dfe_lib.quantisation.rvqvae.RvqVae.words`.
        count: of displays.
    """
    displays = lexicon_of(model).words(words)
    kinds, frames = np.unique(np.concatenate([np.unique(row[row >= 0]) for row in displays]), return_counts=True)
    order = np.argsort(-frames, kind="stable")[:count]
    titles = [f"{kinds[i]}, {100 * frames[i] / len(words):.0f} % of frames" for i in order]
    return FaceParts("display", model.display_templates()[kinds[order]], titles)
