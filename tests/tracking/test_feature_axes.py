"""What is kept of the features: each has its map, rows do not depend on their batch, no face gives no number."""

from dataclasses import replace

import numpy as np
import pytest

from dfe_lib.io.assets import asset
from dfe_lib.io.media import open_media
from dfe_lib.io.tables import N_FEATURES
from dfe_lib.tracking.face_graph import FaceGraph
from dfe_lib.tracking.feature_axes import COARSE, FINE, kept_features, reduced
from dfe_lib.tracking.landmarker import Face


@pytest.fixture(scope="module")
def face() -> Face:
    with open_media(asset("single_face.jpg")) as reader, FaceGraph(video=False) as graph:
        return graph(next(iter(reader.frames)).rgb)[0]


def test_every_feature_comes_from_one_of_the_two_maps() -> None:
    assert sorted([*FINE, *COARSE]) == list(range(6144))


def test_a_face_keeps_few_numbers(face: Face) -> None:
    kept = kept_features(face)
    assert kept.shape == (N_FEATURES,) and kept.dtype == np.float16 and np.isfinite(kept).all()
    assert kept.astype(float).std() > 0.1
    assert np.isnan(kept_features(replace(face, features=None))).all()


def test_rows_do_not_depend_on_their_batch(face: Face) -> None:
    assert face.features is not None
    rows = np.stack([face.features, 2 * face.features, 0 * face.features])
    assert np.array_equal(reduced(rows)[2], np.zeros(N_FEATURES))
    alone = np.stack([reduced(row) for row in rows])
    assert np.allclose(reduced(rows).astype(float), alone.astype(float), atol=2e-2, rtol=2e-3)
