"""What training makes small: error in mm2, movement of the face by a token, alike templates, unused codes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["coefficient_fields", "mesh_loss", "orthogonality_loss", "sparsity_loss", "usage_loss"]


def mesh_loss(difference: Float[Tensor, "b e"], root: Float[Tensor, "e r"]) -> Float[Tensor, ""]:
    r"""Mean over frames of $\|E \delta\|^2 = \delta^T G \delta$ with $G = R R^T$, in mm2 (mean over the vertices).

    Arguments:
        difference: $\delta = \psi - \hat\psi$ (B, E).
        root: R (E, r), any square root of the metric.

    >>> mesh_loss(torch.tensor([[1.0, 2.0]]), torch.eye(2))
    tensor(5.)
    """
    return (difference @ root).square().sum(1).mean()


def coefficient_fields(metric: Float[np.ndarray, "e e"]) -> Float[Tensor, "e 1 e"]:
    """Fields for :func:`sparsity_loss` without a mesh: each coefficient is a place of its own, moved in mm rms."""
    return torch.diag(torch.as_tensor(np.sqrt(np.diag(metric)), dtype=torch.float32))[:, None]


def sparsity_loss(templates: Float[Tensor, "k e"], fields: Float[Tensor, "v c e"]) -> Float[Tensor, ""]:
    r"""Mean over templates and places of the displacement's length, $\frac{1}{KV} \sum_{kv} \|E_v t_k\|$, in mm.

    The lengths are not squared, so that a template is drawn to moving few places (a group lasso over the places).

    Arguments:
        templates: $t_k$ (K, E), changes of psi.
        fields: $E_v$ (V, C, E), mm for each unit of psi at V places, such as vertices (C = 3).

    References:
        Yuan and Lin, "Model selection and estimation in regression with grouped variables", 2006.

    >>> sparsity_loss(torch.tensor([[3.0, 4.0]]), torch.eye(2)[None])
    tensor(5.)
    """
    moved = torch.einsum("vce,ke->kvc", fields, templates)
    return (moved.square().sum(2) + 1e-12).sqrt().mean()


def orthogonality_loss(templates: Float[Tensor, "k e"], root: Float[Tensor, "e r"]) -> Float[Tensor, ""]:
    r"""Mean square of the cosines between different templates in the mesh metric; 0 when none overlap.

    >>> orthogonality_loss(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.eye(2))
    tensor(0.)
    """
    unit = torch.nn.functional.normalize(templates @ root, dim=1, eps=1e-6)
    cosine = unit @ unit.T
    count = len(templates)
    return (cosine.square().sum() - cosine.diagonal().square().sum()) / (count * (count - 1))


def usage_loss(latent: Float[Tensor, "b d"], codebook: Float[Tensor, "k d"]) -> Float[Tensor, ""]:
    r"""$\log K - H(\bar p)$ in nats, where $\bar p$ is the batch's mean of soft assignments to single codes.

    The assignment is $p_k \propto \exp(-\|z - c_k\|^2 / \tau)$ with $\tau$ the batch's mean squared distance to the
    nearest code. 0 where all codes are used alike.

    >>> round(usage_loss(torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.5], [-1.5]])).item(), 6)
    0.0
    """
    distance = latent.square().sum(1, keepdim=True) - 2 * latent @ codebook.T + codebook.square().sum(1)
    temperature = distance.detach().amin(1).mean().clamp(min=1e-9)
    share = (-distance / temperature).softmax(1).mean(0)
    return (share * (share.clamp(min=1e-12) * len(codebook)).log()).sum()
