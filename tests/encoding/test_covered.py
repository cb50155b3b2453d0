"""Frames in which a hand covers the face, on the real clip that has some, and on two that have none."""

from pathlib import Path

import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.batch import encode_inputs
from dfe_lib.encoding.settings import Settings
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import read_arrays
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

HAND = slice(64, 230)
"""Frames of WolfgangLanger_Pexels.mp4 in which the hand is on the face, and those around in which it comes and goes."""
COMES_OR_GOES = [*range(60, 64), *range(230, 236)]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("covered")
    RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=3)).save_pretrained(folder / "model")
    names = ("WolfgangLanger_Pexels.mp4", "carphone_pristine.mp4", "single_face.mp4", "OpenFace_Test.csv")
    said: list[str] = []
    clips = [asset(name) for name in names]
    encode_inputs(clips, folder / "out", Settings(), folder / "model", say=said.append)
    return folder / "out", said


def test_a_hand_over_the_face_is_found_where_it_is_and_hardly_elsewhere(encoded) -> None:
    covered = read_arrays(encoded[0] / "WolfgangLanger_Pexels.parquet", ["covered"])["covered"]
    assert len(covered) == 472 and covered[HAND].mean() > 0.9
    elsewhere = np.delete(np.arange(472), np.r_[HAND, COMES_OR_GOES])
    assert covered[elsewhere].mean() < 0.02


@pytest.mark.parametrize("clip", ["carphone_pristine", "single_face"])
def test_a_face_that_nothing_covers_is_not_called_covered(encoded, clip) -> None:
    assert np.nanmean(read_arrays(encoded[0] / f"{clip}.parquet", ["covered"])["covered"].astype(float)) < 0.02


def test_landmarks_alone_tell_nothing_of_covers(encoded) -> None:
    assert np.isnan(read_arrays(encoded[0] / "OpenFace_Test.parquet", ["covered"])["covered"].astype(float)).all()


def test_the_summary_of_a_clip_says_it(encoded) -> None:
    by_clip = {line.partition(":")[0]: line for line in encoded[1]}
    assert "something covers the face" in by_clip.pop("WolfgangLanger_Pexels")
    assert by_clip and not any("covers the face" in line for line in by_clip.values())
