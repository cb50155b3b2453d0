"""People as vectors of masked autoencoders, which see pictures: of recorded clips, or rendered for simulated people.

For simulated people, offline:

    reference = (simulate_person(other, index) for index in range(16))   # other: a config of another seed
    encoders = small_encoders(reference, study.frames)                   # mae_small and videomae_small
    matrices = simulated_vectors(encoders, people)                       # people: an iterable of sessions
    evaluate({name: fixed_vectors(matrix) for name, matrix in matrices.items()}, labels, tasks)

For recorded clips, with released weights in a folder of yours:

    matrix = recorded_vectors(MaskedAutoencoder.from_pretrained("models/videomae-base"), mine.clips, study.frames)
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..cohort.cohort import Session
from ..cohort.crops import rendered_crops
from ..errors import UserError
from ..io.names import table_path
from ..tracking.crops import Crops, clip_crops, run_crops
from .clip import Clip
from .masked_autoencoders import MaskedAutoencoder, pretrained

__all__ = ["recorded_vectors", "simulated_vectors", "small_encoders"]

CROPS = 16
"""Crops of a person or clip: as many as VideoMAE sees at a time."""
SPAN_S = 2.0
"""Seconds that the crops of a video encoder come from, as in the work that released it (16 frames, every fourth)."""
STEPS = {"image": 150, "video": 50}
"""Of the training of the small ones: seconds, where released weights took days."""


def small_encoders(
    reference: Iterable[Session], frames: Path | None = None, steps: Mapping[str, int] = STEPS, seed: int = 0
) -> dict[str, MaskedAutoencoder]:
    """A small ViTMAE and a small VideoMAE, trained without labels on rendered reference people and on sample clips.

    Arguments:
        reference: simulated people who are in no study.
        frames: folder of a run's frames tables, whose videos are cut into crops for the image encoder as well.
        steps: of training, by kind.
        seed: of looks, weights and order.
    """
    rendered = np.concatenate(_crops(reference, seed=seed + 1))
    recorded = [run_crops(frames)] if frames is not None else []
    return {
        "mae_small": pretrained("image", np.concatenate([rendered, *recorded]), steps["image"], seed),
        "videomae_small": pretrained("video", rendered, steps["video"], seed),
    }


def simulated_vectors(
    encoders: Mapping[str, MaskedAutoencoder], people: Iterable[Session], seed: int = 0
) -> dict[str, Float[np.ndarray, "people _"]]:
    """Vectors of simulated people by encoder; all encoders see the same crops.

    Arguments:
        encoders: by the names of their representations.
        people: walked once. seed: of looks and poses.
    """
    crops = _crops(people, seed)
    return {name: encoder.transform(crops) for name, encoder in encoders.items()}


def recorded_vectors(
    encoder: MaskedAutoencoder, clips: Sequence[Clip], frames: Path, n: int = CROPS
) -> Float[np.ndarray, "clips _"]:
    """Vectors of recorded clips: of an image encoder, of n crops over the whole clip; of a video one, over 2 s.

    Arguments:
        clips: with their files. frames: folder of the run's frames tables. n: crops of each clip.

    Raises:
        UserError: A clip has no file, or shows no face.
    """
    size = encoder.network.config.image_size
    span_s = SPAN_S if encoder.kind == "video" else None
    return encoder.transform(
        [clip_crops(_file(clip), table_path(frames, clip.clip_id), n, size, span_s, clip.face_id) for clip in clips]
    )


def _file(clip: Clip) -> Path:
    if clip.video is None:
        raise UserError(f"clip {clip.clip_id!r} has no video: add the column path to the table of clips.")
    return clip.video


def _crops(people: Iterable[Session], seed: int) -> list[Crops]:
    return rendered_crops(((each.psi, each.time_s) for each in people), CROPS, span_s=SPAN_S, seed=seed)
