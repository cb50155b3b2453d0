"""A clip as the representations read it: per frame tokens, coefficients, action units, talking, head and confidence."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from ..errors import UserError

__all__ = ["Clip"]


@dataclass(frozen=True, eq=False)
class Clip:
    """The frames of one face that could be read, in order; what is not known is None.

    Arguments:
        subject_id: Who it is.
        time_s: (t,) in seconds.
        clip_id: Name of the recording.
        tokens: (t, m), as `RvqVae.words` numbers them.
        psi: (t, e) expression coefficients.
        aus: (t, a) intensity of action units, 0 to 1 (FACS intensity E).
        au_names: What the columns of `aus` are.
        talking: (t,) is the person talking?
        turn_deg: (t, 3) yaw, pitch and roll of the head.
        confidence: (t,) of the tracker, 0 to 1.
        video: File with the pictures. face_id: Which face of them it is, where that is known.

    Raises:
        UserError: columns of different lengths.

    >>> clip = Clip("anna", np.arange(3) / 10, talking=np.array([True, False, True]))
    >>> clip.where(clip.talking).time_s
    array([0. , 0.2])
    """

    subject_id: str
    time_s: Float[np.ndarray, " t"]
    clip_id: str = ""
    tokens: Int[np.ndarray, "_ m"] | None = None
    psi: Float[np.ndarray, "_ e"] | None = None
    aus: Float[np.ndarray, "_ a"] | None = None
    au_names: tuple[str, ...] = ()
    talking: Bool[np.ndarray, " _"] | None = None
    turn_deg: Float[np.ndarray, "_ 3"] | None = None
    confidence: Float[np.ndarray, " _"] | None = None
    video: Path | None = None
    face_id: int | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self._arrays().items()}
        if len(set(lengths.values())) > 1:
            raise UserError(f"the columns of clip {self.clip_id!r} have different lengths: {lengths}.")

    def __len__(self) -> int:
        return len(self.time_s)

    def where(self, frames: Bool[np.ndarray, " t"]) -> "Clip":
        """The same clip with these frames alone."""
        return replace(self, **{name: values[frames] for name, values in self._arrays().items()})

    def need(self, name: str) -> np.ndarray:
        """A column that must be there.

        Raises:
            UserError: the clip does not have it.
        """
        values = getattr(self, name)
        if values is None:
            raise UserError(f"clip {self.clip_id!r} has no {name}: leave out the representations that read it.")
        return values

    def _arrays(self) -> dict[str, np.ndarray]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
