"""What displays should look like: sparse, in one region of the face, apart from one another, in a fixed order."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..blendshapes import ACTIONS, mirror_permutation
from ..errors import UserError
from ..morphable.metric import mesh_cosine, mesh_energy
from .alignment import aligned_order
from .config import TrainConfig
from .dictionary import Order, Shape
from .rvqvae import RvqVae, RvqVaeConfig

__all__ = ["Shaping", "known_displays", "plain_displays"]

FULL = 0.995
"""Quantile over the frames that counts as a movement's full strength."""
PLAIN = 0.75
"""Share of the displays that start as one coefficient, or one on both sides; the others come from the data."""

ALIKE = 0.75
"""Cosine over which a display does not start beside another one."""
TURNS = 4
"""Neighbours that a template is turned away from at most."""


class Shaping:
    """Takes a codebook's displays and makes them sparser, more local, and less alike.

    Arguments:
        metric: Metric (E, E) in mm2 that the codebook is learnt in.
        config: `start_sparsity`, `start_locality` and `start_overlap` are used.
        regions: Parts of the metric (E, E), by region of the face; without them nothing is local.
        align_to: Model whose displays the start begins at and whose numbers they keep.
    """

    def __init__(
        self,
        metric: Float[np.ndarray, "e e"],
        config: TrainConfig,
        regions: Mapping[str, Float[np.ndarray, "e e"]] | None = None,
        align_to: RvqVae | None = None,
    ):
        self.metric, self.config, self.align_to = metric, config, align_to
        self.regions = np.stack(list(regions.values())) if regions else None
        size = np.sqrt(np.diag(metric))
        self.threshold = config.start_sparsity / np.maximum(size, 1e-2 * size.mean())

    def of(self, model: RvqVae) -> Shape:
        """What :func:`~dfe_lib.quantisation.dictionary.fit_codebook` applies to the displays (M, n, D) of a model."""
        synthesis, analysis = (matrix.detach().double().numpy() for matrix in (model.synthesis, model.analysis))
        many = model.config.levels > 1

        def shape(displays: Float[Tensor, "m n d"]) -> Float[Tensor, "m n d"]:
            books = displays.double().numpy() @ synthesis.T
            shaped = [self._apart(self._local(self._sparse(book))) if many else self._sparse(book) for book in books]
            return torch.as_tensor(np.stack(shaped) @ analysis.T).to(displays)

        return shape

    def _sparse(self, templates: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n e"]:
        """`start_sparsity` mm (rms over the face) less of every coefficient, or none of it where there is less.

        The proximal step of an l1 penalty on the coefficients, weighted by how far each moves the face.
        """
        return np.sign(templates) * np.maximum(np.abs(templates) - self.threshold, 0)

    def _local(self, templates: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n e"]:
        r"""Less movement outside the region in which a template moves most.

        With $H$ that region's part of the metric, the t that makes $\|t - t_0\|_G^2 + \mu\, t^\top (G - H) t$ least.
        """
        if self.regions is None or not self.config.start_locality:
            return templates
        home = np.stack([mesh_energy(templates, part) for part in self.regions]).argmax(0)
        ridge = 1e-6 * np.trace(self.metric) / len(self.metric) * np.eye(len(self.metric))
        for region, part in enumerate(self.regions):
            away = self.metric + self.config.start_locality * (self.metric - part) + ridge
            here = home == region
            templates[here] = np.linalg.solve(away, (self.metric + ridge) @ templates[here].T).T
        return templates

    def _apart(self, templates: Float[np.ndarray, "n e"]) -> Float[np.ndarray, "n e"]:
        """Turned away from stronger templates until no cosine is over `start_overlap`, each kept at its length."""
        limit, out = self.config.start_overlap, templates.copy()
        length = np.sqrt(mesh_energy(templates, self.metric))
        order = np.argsort(-length, kind="stable")
        for place, k in enumerate(order):
            before = order[:place]
            for _ in range(TURNS if place and limit < 1 else 0):
                cosine = mesh_cosine(out[k : k + 1], out[before], self.metric)[0]
                if cosine.max() <= limit:
                    break
                out[k] = _turned(out[k], out[before[cosine.argmax()]], cosine.max(), limit, self.metric)
        return out

    def order(self, model: RvqVae) -> Order:
        """The order in which :func:`~dfe_lib.quantisation.dictionary.fit_codebook` numbers a model's displays."""
        synthesis = model.synthesis.detach().double().numpy()
        books = model.quantiser.codebook.shape[0]
        known = self.align_to.display_templates() if self.align_to else np.empty((0, len(self.metric)))
        parts = np.array_split(known, books)

        def order(displays: Float[Tensor, "m n d"]) -> Int[Tensor, "m n"]:
            templates = displays.double().numpy() @ synthesis.T
            numbers = [
                aligned_order(book, part, self.metric, self._canonical(book))
                for book, part in zip(templates, parts, strict=True)
            ]
            return torch.as_tensor(np.stack(numbers))

        return order

    def _canonical(self, templates: Float[np.ndarray, "n e"]) -> Int[np.ndarray, " n"]:
        """By the coefficient that moves the face most in each, then by how much it does."""
        moved = templates * np.sqrt(np.diag(self.metric))
        first = np.abs(moved).argmax(1)
        return np.lexsort((-moved[np.arange(len(moved)), first].round(2), first))


def _turned(
    one: Float[np.ndarray, " e"],
    other: Float[np.ndarray, " e"],
    cosine: float,
    limit: float,
    metric: Float[np.ndarray, "e e"],
) -> Float[np.ndarray, " e"]:
    """`one` in the plane of both, at the limit's angle from `other`; nothing where they are the same."""
    length, far = (np.sqrt(mesh_energy(x[None], metric))[0] for x in (one, other))
    across = one / length - cosine * other / far
    size = np.sqrt(max(1 - cosine**2, 1e-12))
    if size < 1e-3:
        return 0 * one
    return length * (limit * other / far + np.sqrt(1 - limit**2) * across / size)


def known_displays(known: RvqVae, config: RvqVaeConfig) -> tuple[Float[Tensor, "m k e"], Float[Tensor, "m k l"]]:
    """Displays of another model as changes of psi, and their strengths, for the books of a model of this shape.

    Displays that the other model lacks are zero; strengths are even where it has other levels. Raises UserError for a
    model of other coefficients.
    """
    if known.config.coefficients != config.coefficients:
        raise UserError("The displays of models of different coefficients cannot be compared.")
    books, count = 1 if config.shared_codebook else config.n_stages, config.codebook_size // config.levels
    displays = torch.zeros(books, count, len(config.coefficients))
    even = torch.arange(1, config.levels + 1) / config.levels
    strengths = even.repeat(books, count, 1)
    alike = known.config.levels == config.levels
    templates, shares = known.display_templates(), known.quantiser.strength.flatten(0, 1).cpu()
    for book, rows in enumerate(np.array_split(np.arange(len(templates)), books)):
        rows = rows[:count]
        displays[book, : len(rows)] = torch.as_tensor(templates[rows], dtype=torch.float32)
        strengths[book, : len(rows)] = shares[rows] if alike else even
    strengths[:, 0, 0] *= config.levels == 1
    return displays, strengths


def plain_displays(
    psi: Float[Tensor, "n e"], metric: Float[np.ndarray, "e e"], config: RvqVaeConfig, count: int
) -> Float[Tensor, "m k e"]:
    """Displays of one coefficient, or of its left and right one, at full strength; the rest of the rows are zero.

    Those that move the face most over the frames come first, and none that is like one before it.

    Arguments:
        psi: frames.
    """
    candidates, values = _candidates(psi.double().numpy(), config.coefficients)
    full = np.quantile(values, FULL, axis=0)
    candidates = candidates * full[:, None]
    energy = np.square(values / np.maximum(full, 1e-6)).mean(0) * mesh_energy(candidates, metric)
    kept: list[int] = []
    for one in np.lexsort((np.arange(len(energy)), -np.log2(np.maximum(energy, 1e-9)).round(2))):
        alike = mesh_cosine(candidates[one : one + 1], candidates[kept], metric).max(initial=-1) > ALIKE
        if energy[one] > 1e-6 and not alike and len(kept) < PLAIN * count:
            kept.append(int(one))
    displays = np.zeros((1 if config.shared_codebook else config.n_stages, count, psi.shape[1]))
    displays[:, : len(kept)] = candidates[kept]
    return torch.as_tensor(displays, dtype=torch.float32)


def _candidates(psi: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Directions (C, E), each of one coefficient up or down or of a pair, and their values (N, C) in the frames."""
    one = np.eye(psi.shape[1])
    directions, values = [*one, *-one], [*psi.T.clip(min=0), *(-psi.T).clip(min=0)]
    if set(names) <= set(ACTIONS):
        pairs = [(left, right) for left, right in enumerate(mirror_permutation(names)) if left < right]
        directions += [one[left] + one[right] for left, right in pairs]
        values += [np.minimum(psi[:, left], psi[:, right]).clip(min=0) for left, right in pairs]
    return np.stack(directions), np.stack(values, axis=1)
