"""Features of films: one row a frame, read from the crops that were stored."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from dfe_lib.actors.film_features import film_crops, film_features
from dfe_lib.actors.filming import film_actors
from dfe_lib.morphable.anny import anny_head
from dfe_lib.tracking.landmark_network import LandmarkNetwork


def test_features_of_a_film(tmp_path: Path) -> None:
    path = next(iter(film_actors(anny_head(), tmp_path, range(1), n_neutral=2, n_expressive=2, creased=True)))
    film = dict(load_file(path))
    assert film["detected"].all()
    crops = list(film_crops(film))
    assert len(crops) == 4 and all(crop is not None and crop.shape == (256, 256, 3) for crop in crops)
    features = film_features(film, LandmarkNetwork())
    mirrored = film_features(film, LandmarkNetwork(), mirrored=True)
    # two pictures of one face at rest are nearer to one another than a face and its mirror image, or another expression
    apart = np.linalg.norm(features[0].astype(float) - features[1].astype(float))
    assert apart < np.linalg.norm(features[0].astype(float) - features[3].astype(float))
    assert not np.allclose(features, mirrored)
    film["crop_ends"][3] = film["crop_ends"][2]  # the last face was not found
    assert list(film_crops(film))[3] is None
    assert (film_features(film, LandmarkNetwork())[3] == 0).all()
