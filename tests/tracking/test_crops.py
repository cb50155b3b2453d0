from pathlib import Path

import numpy as np
import pytest
from cropped_run import cropped_run

from dfe_lib.errors import UserError
from dfe_lib.io.tables import frames_schema, read_arrays, table_writer
from dfe_lib.tracking.crops import clip_crops, crop_face, run_crops, spread


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return cropped_run(tmp_path)


def test_the_square_is_centred_on_the_face_with_a_margin() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[40:60, 30:50] = 255
    crop = crop_face(picture, np.array([[30.0, 40.0], [50.0, 60.0]]), 25)
    inside = crop[..., 0] > 128
    assert crop.shape == (25, 25, 3)
    assert np.ptp(np.flatnonzero(inside.any(0))) + 1 == pytest.approx(20, abs=1)
    assert np.abs(np.argwhere(inside).mean(0) - 12).max() <= 1


def test_outside_of_the_picture_is_black() -> None:
    crop = crop_face(np.full((50, 50, 3), 200, np.uint8), np.array([[0.0, 0.0], [40.0, 40.0]]), 50)
    assert not crop[:4].any() and (crop[6:, 6:] == 200).all()


def test_crops_follow_the_face_through_the_clip(run: Path) -> None:
    crops = clip_crops(run / "a.mkv", run / "frames" / "a.parquet", n=5, size=16)
    assert crops.shape == (5, 16, 16, 3)
    assert crops[:, 8, 8, 0].tolist() == [100 + 5 * i for i in (0, 5, 10, 15, 19)]
    assert (crops[:, 8, 3, 0] > 0).all()


def test_the_face_is_the_one_that_is_there_most_or_the_one_asked_for(run: Path) -> None:
    """A dark spot in the corner is face 0 of three frames; the square is face 1."""
    table = run / "frames" / "a.parquet"
    rows = read_arrays(table)
    spot = {name: values[:3] for name, values in rows.items()}
    spot |= {"landmarks": np.tile(np.tile([[0.0, 80.0], [10.0, 90.0]], (34, 1)).ravel(), (3, 1))}
    with table_writer(table, frames_schema("OpenFace 2", {"landmarks": 136})) as writer:
        writer.write(spot)
        writer.write(rows | {"face_id": np.where(rows["detected"], 1, -1)})
    assert clip_crops(run / "a.mkv", table, n=5, size=16)[:, 8, 8, 0].tolist() == [100, 125, 150, 175, 195]
    assert not clip_crops(run / "a.mkv", table, n=3, size=16, face=0).any()


def test_a_stretch_is_taken_from_the_middle_and_skips_nobody() -> None:
    time_s = np.delete(np.arange(40), 19) / 10
    assert time_s[spread(time_s, 3, span_s=2.0)] == pytest.approx([1.0, 2.1, 3.0])


def test_a_false_detection_after_a_long_gap_counts_once() -> None:
    time_s = np.r_[np.arange(50) / 10, 30.0]
    assert (time_s[spread(time_s, 8)] == 30).sum() == 1
    assert time_s[spread(time_s, 8, span_s=2.0)].max() <= 3.5


def test_a_single_frame_is_repeated() -> None:
    assert spread(np.zeros(1), 3).tolist() == [0, 0, 0]


def test_a_run_gives_the_crops_of_its_videos(run: Path) -> None:
    assert run_crops(run / "frames", per_clip=3, size=8).shape == (3, 8, 8, 3)
    (run / "a.mkv").unlink()
    assert run_crops(run / "frames", per_clip=3, size=8).shape == (0, 8, 8, 3)


def test_without_landmarks_there_is_a_sentence(run: Path) -> None:
    with table_writer(run / "b.parquet", frames_schema("E-DAIC", {"au_intensity": 17})):
        pass
    with pytest.raises(UserError, match="no landmarks in pixels"):
        clip_crops(run / "a.mkv", run / "b.parquet")
