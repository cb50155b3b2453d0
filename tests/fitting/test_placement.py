import numpy as np
import pytest

from dfe_lib.fitting.placement import HeadPlacer, can_place
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import N_LANDMARKS, read_arrays
from dfe_lib.morphable.anny import anny_head
from dfe_lib.tracking.extraction import extract_clip


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory):
    table = tmp_path_factory.mktemp("frames") / "a.parquet"
    extract_clip(asset("single_face.mp4"), table, clip_id="a", subject_id="a", faces="largest", end_s=0.4)
    return table


def test_a_head_comes_back_where_it_was_put() -> None:
    head, rng = anny_head(), np.random.default_rng(0)
    psi = rng.uniform(0, 0.5, (4, 52))
    beta = np.zeros(len(head.identity))
    beta[:3] = 1.0, -0.5, 0.8
    marks = head.landmarks(head.vertices(psi, beta)).astype(float) * 1000
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # a quarter turn to the person's left
    pixels = (2.0 * marks @ turn.T + [300, -200, 0]) * [1, -1, -1]
    placer = HeadPlacer(head, pixels)
    drawn = head.landmarks(placer.vertices(placer.fit(pixels, psi), psi))
    assert np.linalg.norm(drawn[..., :2] - pixels[..., :2], axis=-1).mean() < 4  # 2 mm; the shape is drawn to the mean
    np.testing.assert_allclose(placer.fit(pixels, psi).rotation, np.tile(turn, (4, 1, 1)), atol=0.05)


def test_the_head_of_a_table_lies_on_the_face(frames) -> None:
    head, rows = anny_head(), read_arrays(frames, ["landmarks"])
    marks = rows["landmarks"].reshape(-1, N_LANDMARKS, 3)
    assert can_place(frames)
    placer = HeadPlacer.of_table(head, frames)
    np.testing.assert_array_equal(placer.shape, HeadPlacer(head, marks).shape)  # all have a face, and few are read
    psi = np.zeros((len(marks), 52))
    drawn = head.landmarks(placer.vertices(placer.fit(marks, psi), psi))
    width = np.ptp(marks[..., 0], axis=1)
    assert (np.linalg.norm(drawn[..., :2] - marks[..., :2], axis=-1).mean(1) < 0.08 * width).all()
