"""Frames with psi or tokens to the rows of an encoded table."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from ..action_units import OPENFACE_INTENSITY
from ..blendshapes import ACTIONS
from ..errors import UserError
from ..facs import au_intensities
from ..io.tables import N_LANDMARKS
from ..morphable.space import expression_space
from ..quantisation.holding import HOLD_MM, Holder
from ..quantisation.rvqvae import RvqVae
from ..quantisation.tokens import decoded, parts_of, tokens_of
from ..tracking.pose import pose_degrees
from .angles import gaze_degrees, gaze_map
from .codebook import FrameWords
from .columns import AU_COLUMNS

__all__ = ["KEY", "Batch", "RowMaker"]

Batch = dict[str, np.ndarray]
KEY = ("clip_id", "subject_id", "face_id", "frame", "time_s", "data")


class RowMaker:
    """Rows of an encoded table, all groups of columns at once.

    Arguments:
        model: A trained model.

    Raises UserError for a model of coefficients that no face here has.
    """

    def __init__(self, model: RvqVae) -> None:
        try:
            space = expression_space(model.config.coefficients)
        except UserError as error:
            raise UserError(f"This model has other coefficients than faces are fitted with: {error}") from None
        self.model, self.head, self.metric, self.unit = model, space.head, space.metric, space.unit
        self._words = FrameWords(model, space.head)
        self._turns = gaze_map(space.head) if space.head is not None else np.full((len(space.names), 2), np.nan)

    def holder(self, hold_mm: float = HOLD_MM) -> Holder:
        """What keeps the tokens of a clip's frames, for one pass through it; nothing where psi has no length in mm."""
        return Holder(self.model, self.metric, hold_mm if self.unit == "mm" else 0.0)

    def __call__(self, batch: Mapping[str, np.ndarray], hold: Holder) -> Batch:
        """All columns of some rows.

        Arguments:
            batch: the key; `psi` (n, E), or `tokens` (n, m) with their `error_mm`; `valid`; and where they are known
                `residual_mm`, `confidence`, `covered`, `landmarks` (pixels) and `rotation`.
            hold: of the clip, which has seen the rows before these.
        """
        count, valid = len(batch["valid"]), batch["valid"].astype(bool)
        psi = batch.get("psi")
        if psi is not None:
            valid = valid & np.isfinite(psi).all(1)
        tokens, error, shown = self._tokens(batch, valid, hold)
        psi = shown if psi is None else psi
        words = np.full(count, None, object)
        words[valid] = self._words(tokens[valid])
        noted = {"valid": valid, "tokens": tokens, "error_mm": error, "words": words, "psi": psi}
        unknown = np.full(count, np.nan, np.float32)
        rest = {name: batch.get(name, unknown) for name in ("residual_mm", "confidence", "covered")}
        key = {name: batch[name] for name in KEY}
        noted |= parts_of(self.model, tokens)
        return key | noted | rest | self._places(batch, count) | self._readings(psi, valid)

    def _tokens(
        self, batch: Mapping[str, np.ndarray], valid: np.ndarray, hold: Holder
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tokens, errors and decoded psi of all rows, NaN where there are none."""
        count, config = len(valid), self.model.config
        shown = np.full((count, len(config.coefficients)), np.nan, np.float32)
        if "psi" in batch:
            alone = tokens_of(self.model, batch["psi"], valid)
            key = (batch[name] for name in ("clip_id", "face_id", "time_s"))
            return *hold(*key, batch["psi"], alone, valid), shown
        tokens, error = np.zeros((count, config.n_stages), np.int16), np.full(count, np.nan, np.float32)
        self._check(batch["tokens"], valid)
        tokens[valid] = batch["tokens"][valid]
        if valid.any():
            shown[valid] = decoded(self.model, tokens[valid])
        return tokens, batch.get("error_mm", error), shown

    def _check(self, tokens: Int[np.ndarray, "n m"], valid: np.ndarray) -> None:
        config = self.model.config
        if tokens.shape[1] != config.n_stages or (tokens[valid] >= config.codebook_size).any():
            raise UserError("these tokens are not of this model: name the model that they were made with.")

    def _places(self, batch: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
        """Box of the landmarks and pose of the head."""
        box = _boxes(batch["landmarks"]) if "landmarks" in batch else np.full((count, 4), np.nan)
        turn = pose_degrees(batch["rotation"].astype(float)) if "rotation" in batch else np.full((count, 3), np.nan)
        names = ("box_x_px", "box_y_px", "box_width_px", "box_height_px", "yaw_deg", "pitch_deg", "roll_deg")
        return dict(zip(names, np.concatenate([box, turn], 1).astype(np.float32).T, strict=True))

    def _readings(self, psi: Float[np.ndarray, "n e"], valid: np.ndarray) -> dict[str, np.ndarray]:
        """Gaze and action units of psi."""
        gaze = np.where(valid[:, None], gaze_degrees(psi, self._turns), np.nan)
        units = np.full((len(psi), len(AU_COLUMNS)), np.nan)
        if valid.any() and self.model.config.coefficients == ACTIONS:
            units[valid] = 5 * au_intensities(psi[valid], self.metric, OPENFACE_INTENSITY)
        names = ("gaze_yaw_deg", "gaze_pitch_deg", *AU_COLUMNS)
        return dict(zip(names, np.concatenate([gaze, units], 1).astype(np.float32).T, strict=True))


def _boxes(landmarks: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n 4"]:
    """Left, top, width and height of the box around each row's landmarks."""
    points = landmarks.reshape(len(landmarks), N_LANDMARKS if landmarks.shape[1] == 3 * N_LANDMARKS else 68, -1)[
        ..., :2
    ]
    low, high = points.min(1), points.max(1)
    return np.concatenate([low, high - low], 1)
