"""The benchmark's file of rendered actors."""

import numpy as np

from dfe_lib.actors.benchmark_set import CHANNELS, pack_actors, rendered_set
from dfe_lib.actors.filming import CONDITIONS, film_actors
from dfe_lib.morphable.anny import anny_head


def test_the_file_holds_forty_actors_in_three_conditions() -> None:
    shown = rendered_set()
    assert len(np.unique(shown.actor)) == 40 == len(shown.rest)
    assert set(shown.condition[~shown.neutral]) == set(CONDITIONS[1:])
    assert np.bincount(shown.actor[shown.neutral]).min() >= 2
    yaw = np.degrees(np.arctan2(shown.rotation[:, 0, 2], shown.rotation[:, 2, 2]))
    assert np.abs(yaw[shown.condition == "rendered"]).max() < 26 < np.abs(yaw).max() < 50


def test_every_action_is_shown_strongly_in_sixty_frames_of_other_actors() -> None:
    shown = rendered_set(CHANNELS)
    assert len(np.unique(shown.actor)) == 40 and (shown.psi > 0.5).sum(0).min() >= 60
    assert not set(map(tuple, shown.rest[:, 0])) & set(map(tuple, rendered_set().rest[:, 0]))
    moved = (shown.psi[~shown.neutral] > 0).sum(1)
    assert moved.min() >= 1 and moved.max() <= 6, "three movements, of one side or two"


def test_a_film_survives_packing(tmp_path) -> None:
    from safetensors.numpy import load_file

    paths = list(film_actors(anny_head(), tmp_path, range(1), 1, 2, 2, CONDITIONS[1:], 0.0))
    pack_actors(paths, tmp_path / "packed.parquet", anny_head())
    packed, film = rendered_set(tmp_path / "packed.parquet"), load_file(paths[0])
    seen = film["detected"]
    assert np.allclose(packed.psi, film["psi"][seen], atol=1e-6)
    gap = np.abs(packed.landmarks - film["landmarks"][seen])
    assert gap.max() < 0.3 and gap.max() > 0
