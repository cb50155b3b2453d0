"""Trains the network that reads psi from features, on rendered actors, each frame also as its mirror image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.numpy import load_file, save_file
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from ..actors.basis import nominal_psi
from ..actors.film_features import film_features
from ..blendshapes import ACTIONS, mirror_permutation
from ..errors import UserError
from ..io.tables import N_FEATURES, atomic_path
from ..tracking.feature_axes import COARSE, FINE, Axes
from ..tracking.landmark_network import LandmarkNetwork
from .estimator import ExpressionEstimator
from .estimator_training import Scene, TrainingConfig, descend
from .feature_network import FeatureConfig, FeatureNetwork

__all__ = ["FeatureFootage", "fit_axes", "read_features", "store_features", "train_features"]

N_FINE = 320
"""Axes of the fine map; the rest of N_FEATURES are of the coarse one."""
AXES_FRAMES = 12_000
"""Frames that the axes are fitted to at most."""
RIDGE = 0.05
"""Of the response, for each actor."""


@dataclass(frozen=True)
class FeatureFootage:
    """Expressive frames of all actors, each frame and its mirror image.

    Arguments:
        displacement: (n, 6144) features beyond those of the actor at rest, in half precision.
        angles: (n, 3) yaw, pitch, roll, radians. psi: (n, 52) truth on the nominal basis.
        actors: how many there are.
    """

    displacement: np.ndarray
    angles: Float[np.ndarray, "n 3"]
    psi: Float[np.ndarray, "n 52"]
    actors: int


def store_features(film: Path, out: Path, network: LandmarkNetwork) -> None:
    """Writes the features of a film and of its mirror image; a file that exists stays as it is."""
    if not out.exists():
        table = load_file(film)
        both = {name: film_features(table, network, mirrored) for name, mirrored in (("seen", False), ("mirror", True))}
        with atomic_path(out) as temporary:
            save_file(both, temporary)


def read_features(
    films: Sequence[Path], features: Sequence[Path], scene: Scene, estimator: ExpressionEstimator
) -> FeatureFootage:
    """Frames of films and of :func:`store_features`, of those actors of whom two neutral frames were seen.

    Arguments:
        estimator: of landmarks, for the angles of the head.
    """
    parts = [_read_actor(*paths, scene, estimator) for paths in zip(films, features, strict=True)]
    known = [part for part in parts if part is not None]
    if not known:
        raise UserError("no actors to train on: film some with dfe_lib.actors.filming.film_actors first")
    displacement, angles, psi = (np.concatenate(column) for column in zip(*known, strict=True))
    return FeatureFootage(displacement, angles, psi, len(known))


def _read_actor(
    film: Path, features: Path, scene: Scene, estimator: ExpressionEstimator
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    table, seen = load_file(film), load_file(features)
    still = table["psi"].sum(1) == 0
    neutral = table["detected"] & still
    if neutral.sum() < 2:
        return None
    rest = estimator.neutral_of_frames(table["landmarks"][neutral], table["scores"][neutral])
    found = estimator.estimate(table["landmarks"], table["scores"], rest)
    rows = found.valid & table["detected"] & ~still
    psi = nominal_psi(scene.change, table["response"].astype(float), table["psi"].astype(float))[rows]
    moved = [seen[name][rows] - seen[name][neutral].astype(np.float32).mean(0) for name in ("seen", "mirror")]
    angles = found.angles[rows]
    return (
        np.concatenate(moved).astype(np.float16),
        np.concatenate([angles, angles * [-1, 1, -1]]).astype(np.float32),
        np.concatenate([psi, psi[:, mirror_permutation(ACTIONS)]]).astype(np.float32),
    )


def fit_axes(footage: FeatureFootage) -> Axes:
    """The axes along which expressions move the features most, of the fine and the coarse map apart.

    Of fewer frames than axes the last ones are 0.
    """
    rows = np.random.default_rng(0).permutation(len(footage.psi))[:AXES_FRAMES]
    shown = footage.displacement[np.sort(rows)]
    return _principal(shown[:, FINE], N_FINE), _principal(shown[:, COARSE], N_FEATURES - N_FINE)


def _principal(part: Float[np.ndarray, "n d"], count: int) -> Float[np.ndarray, "d c"]:
    axes = randomized_svd(part.astype(np.float32), count, random_state=0)[2]
    return np.ascontiguousarray(np.pad(axes, ((0, count - len(axes)), (0, 0))).T)


def train_features(
    components: Float[np.ndarray, "n f"], footage: FeatureFootage, scene: Scene, config: FeatureConfig,
    training: TrainingConfig, seed: int = 0,
) -> FeatureNetwork:  # fmt: skip
    """A network fitted to the footage; the same seed on the same machine gives the same weights.

    Arguments:
        components: the footage's displacement along the axes, `feature_axes.reduced`.
    """
    shift, angles, psi = (torch.from_numpy(x).float() for x in (components, footage.angles, footage.psi))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FeatureNetwork(config)
        model.spread.copy_(shift.square().mean(0).sqrt().clamp_min(1e-6))
        ridge = psi.T @ psi + footage.actors * RIDGE * torch.eye(len(ACTIONS))
        model.response.copy_(torch.linalg.solve(ridge, psi.T @ shift))

        def batch() -> tuple[tuple[Tensor, ...], Tensor]:
            rows = torch.randint(len(psi), (training.batch,))
            return (shift[rows], angles[rows]), psi[rows]

        descend(model, batch, scene, training)
    return model.eval().requires_grad_(False)
