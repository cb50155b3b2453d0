"""What landmarks and scores do not show: psi from the features of the network that finds the landmarks."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..blendshapes import ACTIONS
from ..blocks import ReadLinear, block_product
from ..io.tables import N_FEATURES, atomic_path, write_text

__all__ = ["FeatureConfig", "FeatureNetwork", "asinh"]

WEIGHTS, CONFIG = "model.safetensors", "config.json"


@dataclass(frozen=True)
class FeatureConfig:
    """Sizes of the network.

    Arguments:
        n_features: of a face, see `tracking.feature_axes`.
        hidden, depth: width and number of hidden layers.
        dropout: share of hidden units that are silent in a training step; high, for actors are fewer than faces.
        blend: share of this network in psi, the rest is what landmarks and scores say. The mean of the two is nearer
            to the truth on heads that neither has seen than either of them.
    """

    n_features: int = N_FEATURES
    hidden: int = 512
    depth: int = 2
    dropout: float = 0.5
    blend: float = 0.5


class FeatureNetwork(nn.Module):
    r"""psi from features beyond the person's neutral ones and the head's angles.

    With x the displacement of the features, s its spread over the training frames and a the angles, the network reads
    $(\operatorname{asinh}(x / 2 s), 1.5 a)$. Trained by :mod:`dfe_lib.fitting.feature_training`.
    """

    spread: Tensor
    response: Tensor

    def __init__(self, config: FeatureConfig | None = None) -> None:
        super().__init__()
        self.config = config or FeatureConfig()
        self.register_buffer("spread", torch.ones(self.config.n_features))
        self.register_buffer("response", torch.zeros(len(ACTIONS), self.config.n_features))
        layers: list[nn.Module] = []
        width = self.config.n_features + 3
        for _ in range(self.config.depth):
            layers += [ReadLinear(width, self.config.hidden), nn.SiLU(), nn.Dropout(self.config.dropout)]
            width = self.config.hidden
        self.body = nn.Sequential(*layers)
        self.psi, self.log_sigma = ReadLinear(width, len(ACTIONS)), ReadLinear(width, len(ACTIONS))
        nn.init.zeros_(self.psi.weight)
        nn.init.zeros_(self.psi.bias)

    def forward(
        self, displacement: Float[Tensor, "n f"], angles: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, "n 52"], Float[Tensor, "n 52"]]:
        """psi before clipping, and the logarithm of sigma."""
        hidden = self.body(torch.cat([asinh(displacement / (2 * self.spread)), 1.5 * angles], -1))
        return self.psi(hidden), self.log_sigma(hidden).clamp(-5, 1)

    def unexplained(self, displacement: Float[Tensor, "n f"], psi: Float[Tensor, "n 52"]) -> Float[Tensor, " n"]:
        """What expressions psi leave of the displacement, in spreads of the training frames, root mean square.

        A hand over the face moves the features where no expression does.
        """
        return ((displacement - block_product(psi, self.response)) / self.spread).square().mean(1).sqrt()

    def save_pretrained(self, folder: Path) -> None:
        """Weights as safetensors, sizes as JSON."""
        with atomic_path(folder / WEIGHTS) as temporary:
            save_file({name: value.contiguous() for name, value in self.state_dict().items()}, temporary)
        write_text(folder / CONFIG, json.dumps(asdict(self.config), indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: Path) -> "FeatureNetwork":
        model = cls(FeatureConfig(**json.loads((folder / CONFIG).read_text())))
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval().requires_grad_(False)


def asinh(x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """`torch.asinh` to the last digits, five times as fast: by functions that are vectorised.

    >>> torch.allclose(asinh(torch.tensor([-3.0, 0.0, 1e-4])), torch.asinh(torch.tensor([-3.0, 0.0, 1e-4])))
    True
    """
    square = x.square()
    return torch.copysign(torch.log1p(x.abs() + square / (1 + torch.sqrt(1 + square))), x)
