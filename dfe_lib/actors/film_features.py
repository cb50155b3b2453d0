"""Features of the faces of a film, read from its crops."""

import io
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float16, UInt8
from PIL import Image

from ..tracking.landmark_network import LandmarkNetwork, sample_features

__all__ = ["film_crops", "film_features"]


def film_crops(film: Mapping[str, np.ndarray]) -> Iterator[UInt8[np.ndarray, "256 256 3"] | None]:
    """The landmark network's crop of each frame of `filming.film_actor`; None where no face was detected."""
    files, start = film["crops"].tobytes(), 0
    for end in film["crop_ends"].tolist():
        yield np.asarray(Image.open(io.BytesIO(files[start:end])).convert("RGB")) if end > start else None
        start = end


def film_features(
    film: Mapping[str, np.ndarray], network: LandmarkNetwork, mirrored: bool = False
) -> Float16[np.ndarray, "n 6144"]:
    """Features of each frame, 0 where no face was detected.

    Arguments:
        mirrored: of the mirrored crops, as another person's whose right side is this one's left.
    """
    features = np.zeros((len(film["crop_ends"]), 6144), np.float16)
    for row, crop in zip(features, film_crops(film), strict=True):
        if crop is not None:
            reading = network(np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop)
            row[:] = sample_features(reading.maps, reading.landmarks)
    return features
