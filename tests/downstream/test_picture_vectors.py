from pathlib import Path

import numpy as np
import pytest
from cropped_run import cropped_run

from dfe_lib.cohort.cohort import CohortConfig, Session, simulate_person
from dfe_lib.downstream.clip import Clip
from dfe_lib.downstream.picture_vectors import recorded_vectors, simulated_vectors, small_encoders
from dfe_lib.errors import UserError

STEPS = {"image": 1, "video": 1}


def people(n: int, seed: int = 0) -> list[Session]:
    config = CohortConfig(people=n, minutes=0.5, fps=10, seed=seed)
    return [simulate_person(config, index) for index in range(n)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return cropped_run(tmp_path)


def test_people_become_rows_of_every_encoder_and_the_same_seed_the_same_rows() -> None:
    encoders = small_encoders(people(1, seed=1), steps=STEPS)
    (first,) = people(1)
    found = simulated_vectors(encoders, iter([first, first]))
    assert {name: matrix.shape for name, matrix in found.items()} == {
        "mae_small": (2, 16 * 192), "videomae_small": (2, 16 * 96)
    }  # fmt: skip
    again = simulated_vectors(small_encoders(people(1, seed=1), steps=STEPS), [first])
    for name, matrix in found.items():
        assert np.array_equal(again[name][0], matrix[0])
        assert np.abs(matrix[0] - matrix[1]).max() > 1e-3  # the same movements, another look


def test_recorded_clips_become_rows_too(run: Path) -> None:
    encoders = small_encoders(people(1), run / "frames", STEPS)
    clip = Clip("a", np.arange(3.0), clip_id="a", video=run / "a.mkv")
    for encoder in encoders.values():
        assert recorded_vectors(encoder, [clip, clip], run / "frames").shape[0] == 2
    with pytest.raises(UserError, match="'a' has no video"):
        recorded_vectors(encoders["mae_small"], [Clip("a", np.arange(3.0), clip_id="a")], run / "frames")
