"""The methods that the study compares at equal bits, and the settings that its ablation turns on and off."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError
from ..morphable.space import ExpressionSpace
from ..quantisation.config import TrainConfig
from ..quantisation.corpus import Frames
from ..quantisation.metrics import error_mm
from ..quantisation.rvqvae import RvqVaeConfig
from .au_code import AuCode
from .baselines import KMeans, PcaScalar, ProductCode, ResidualCode
from .face_code import FaceCode
from .fsq import FiniteScalar
from .implicit_code import ImplicitCode
from .reconstruction import words_used
from .region_dictionary import RegionDictionary
from .rvqvae_code import LargeCode, TrainedCode, VqCode
from .trainings import Training, fit_all

__all__ = [
    "TERMS",
    "WIDE_BEAM",
    "ablation",
    "ablation_table",
    "baselines",
    "chosen_methods",
    "compared_methods",
    "variants",
]

TERMS: dict[str, dict[str, float]] = {
    "no_commitment": {"commitment": 0.0},
    "with_sparsity": {"sparsity": 0.1},
    "with_orthogonality": {"orthogonality": 0.1},
    "with_usage": {"usage": 0.1},
    "no_start_sparsity": {"start_sparsity": 0.0},
    "strong_start_sparsity": {"start_sparsity": 4e-3},
    "no_start_rarity": {"start_rarity": 0.0},
    "no_start_overlap": {"start_overlap": 1.0},
    "with_start_locality": {"start_locality": 0.1},
}
"""Terms of the training, each turned off or on: fields of `TrainConfig`."""
WIDE_BEAM = 16
"""Partial sums of a thorough search, for ours and for faiss' residual quantiser: what the quick search leaves over."""


def baselines(space: ExpressionSpace, config: RvqVaeConfig, training: TrainConfig) -> dict[str, FaceCode]:
    """Methods that are not ours; those that know facial actions only where psi is made of them.

    The product and the residual quantiser work in the mesh metric; `_raw` are the same on raw coefficients.

    Arguments:
        space: of psi.
        config, training: shape and training of our model, for its relative, the plain VQ-VAE.
    """
    size, seed = config.codebook_size, training.seed
    methods: dict[str, FaceCode] = {
        "faiss_rq": ResidualCode(size),
        f"faiss_rq_beam{WIDE_BEAM}": ResidualCode(size, beam=WIDE_BEAM),
        "faiss_pq": ProductCode(size),
        "faiss_rq_raw": ResidualCode(size, whiten=False),
        "faiss_pq_raw": ProductCode(size, whiten=False),
        "implicit": ImplicitCode(size, seed=seed),
        "kmeans": KMeans(),
        "pca_scalar": PcaScalar(),
        "fsq": FiniteScalar(3, seed=seed),
        "vqvae": VqCode(replace(config, decoder="joint", levels=1, metric="mm"), replace(training, start_rounds=5)),
    }
    if space.mirrors:
        methods["region_dictionary"] = RegionDictionary(space.names, size, seed=seed)
        for name, binary in (("au_intensity", False), ("au_binary", True)):
            methods[name] = AuCode(binary=binary)
            methods[f"{name}_regressed"] = AuCode(binary=binary, regressed=True)
    return methods


def variants(config: RvqVaeConfig, training: TrainConfig) -> dict[str, TrainedCode]:
    """Our model by its decoder, with a codebook for each stage, and with one large codebook and fewer stages.

    The large one (`dfe_k1024` beside 4 stages of 256) has as many templates as separate codebooks have together.
    """
    large = 2 ** min(int(np.log2(config.codebook_size * config.n_stages)), 15)
    return {
        "dfe_additive": TrainedCode(replace(config, decoder="additive"), training),
        "dfe_joint": TrainedCode(replace(config, decoder="joint"), training),
        "dfe_separate": TrainedCode(replace(config, decoder="joint", shared_codebook=False), training),
        f"dfe_k{large}": LargeCode(replace(config, decoder="additive", codebook_size=large), training),
    }


def chosen_methods(
    which: str, space: ExpressionSpace, config: RvqVaeConfig, training: TrainConfig
) -> dict[str, FaceCode]:
    """Other codes to fit: `"all"`, `"baselines"` without ours, the residual and product code of `"faiss"`, `"none"`."""
    if which not in ("all", "baselines", "faiss", "none"):
        raise UserError(f"methods must be 'all', 'baselines', 'faiss' or 'none', not {which!r}.")
    others = baselines(space, config, training)
    if which == "all":
        return {**variants(config, training), **others}
    names = {"baselines": tuple(others), "faiss": ("faiss_rq", "faiss_pq"), "none": ()}[which]
    return {name: others[name] for name in names}


def compared_methods(
    which: str, ours: TrainedCode, space: ExpressionSpace, psi: Float[np.ndarray, "n e"], workers: int = 1
) -> dict[str, FaceCode]:
    """Other codes, fitted to the frames that ours was trained on, at its bits; see :func:`chosen_methods`.

    With `"all"`, our own model with a wide search is among them.

    Arguments:
        ours: trained. psi: its training frames. workers: processes that train.
    """
    others = chosen_methods(which, space, ours.config, ours.training)
    bits = ours.config.bits
    trainings = {name: Training(code, psi, bits) for name, code in others.items() if name != ours.name}
    fitted = fit_all(trainings, space.metric, workers, "other codes")
    return fitted | ({f"{ours.name}_beam{WIDE_BEAM}": ours.searched(WIDE_BEAM)} if which == "all" else {})


def ablation_table(
    ours: TrainedCode, corpus: Frames, heldout: Mapping[str, Frames], frames: int,
    metric: Float[np.ndarray, "e e"], workers: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """The ablation on so many training frames, judged on a fifth of the held-out frames of the last kind of data.

    Arguments:
        ours: the setting that is changed. heldout: frames by kind of data. metric: mesh metric in mm2.
        workers: processes that train.
    """
    kind = list(heldout)[-1]
    brief = replace(ours.training, start_frames=frames, patience=0)
    table, _ = ablation(ours.config, brief, corpus.training(frames), heldout[kind].psi[::5], metric, workers)
    return table.assign(data=kind, frames=frames)


def ablation(
    config: RvqVaeConfig,
    training: TrainConfig,
    psi: Float[np.ndarray, "n e"],
    heldout: Float[np.ndarray, "h e"],
    metric: Float[np.ndarray, "e e"],
    workers: int = 1,
) -> tuple[pd.DataFrame, dict[str, FaceCode]]:
    """One setting changed at a time: held-out error, use of the codebook; and the models.

    Arguments:
        config, training: the setting that is changed.
        psi, heldout: training and held-out frames.
        metric: mesh metric in mm2.
        workers: processes that train.
    """
    changes = _changes(config, training)
    trainings = {name: Training(TrainedCode(model, how), psi, config.bits) for name, (model, how) in changes.items()}
    codes = fit_all(trainings, metric, workers, "ablation")
    rows = []
    for name, (model, how) in changes.items():
        code = codes[name]
        symbols = code.encode(heldout)
        error = error_mm(heldout, code.decode(symbols), metric).mean()
        words = words_used(symbols, model.codebook_size, model.shared_codebook)
        rows.append({"setting": name, "bits": code.bits, "seed": how.seed, "error_mm": error, **words})
    return pd.DataFrame(rows), codes


def _changes(config: RvqVaeConfig, training: TrainConfig) -> dict[str, tuple[RvqVaeConfig, TrainConfig]]:
    other = "joint" if config.decoder == "additive" else "additive"
    settings = {
        "chosen": (config, training),
        f"{other}_decoder": (replace(config, decoder=other), training),
        "separate_codebooks": (replace(config, shared_codebook=False), training),
        "mlp_encoder": (replace(config, encoder="mlp"), training),
        "linear_encoder": (replace(config, encoder="linear"), training),
        "no_beam": (replace(config, beam=1), training),
        "no_gradient_steps": (config, replace(training, steps=0)),
        "no_classical_start": (config, replace(training, start_rounds=0)),
    }
    if config.levels > 1:
        settings["no_strengths"] = (replace(config, levels=1), training)
    if config.metric != "mm":
        settings["mm_metric"] = (replace(config, metric="mm"), training)
    for name, weights in TERMS.items():
        settings[name] = (config, replace(training, **cast(dict[str, Any], weights)))
    return settings
