"""Actors that move, and what smoothing does to them."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from dfe_lib.anny_head import anny_head
from dfe_lib.estimator import pretrained_estimator
from dfe_lib.motion import film_motion, sample_motion
from dfe_lib.motion_fit import fit_smoothing
from dfe_lib.rendered_actors import MOVING, RenderedSet, rendered_set


@pytest.fixture(scope="module")
def moving() -> RenderedSet:
    return rendered_set(MOVING)


def test_motion_rests_holds_and_moves_without_jumps() -> None:
    psi = sample_motion(400, np.random.default_rng(3))
    assert psi.shape == (400, 52) and psi.min() == 0 and psi.max() <= 1
    steps = np.abs(np.diff(psi, axis=0)).max(1)
    assert steps.max() < 0.45 and 0.3 < (steps == 0).mean() < 0.9
    assert not psi[:12].any()


def test_a_film_of_motion_is_made_once_and_has_a_swaying_head(tmp_path) -> None:
    head = anny_head()
    heads = np.repeat(head.template[None], 1, axis=0)
    (path,) = film_motion(head, tmp_path, range(1), 5, 5, heads)
    film, before = load_file(path), path.stat().st_mtime_ns
    assert film["detected"].all() and len(film["psi"]) == 5
    turned = np.abs(np.diff(film["rotation"], axis=0)).max((1, 2))
    assert (turned > 0).all() and turned.max() < 0.1
    list(film_motion(head, tmp_path, range(1), 5, 5, heads))
    assert path.stat().st_mtime_ns == before


def test_smoothing_calms_moving_actors_and_does_not_harm_them(moving: RenderedSet) -> None:
    table = fit_smoothing(moving, anny_head(), pretrained_estimator()).set_index("method")
    assert list(table.index) == ["blendshapes_calibrated", "ours", "ours_one_euro", "ours_bilateral"]
    raw, smooth = table.loc["ours"], table.loc["ours_bilateral"]
    assert smooth["jitter_mm"] < 0.4 * raw["jitter_mm"] and smooth["jitter_mm"] < 0.4 * table["jitter_mm"].iloc[0]
    assert smooth["error_mm"] <= raw["error_mm"] and smooth["moving_mm"] <= raw["moving_mm"]
    assert raw["smoothing_mm"] == 0 < smooth["smoothing_mm"] < 0.3


def test_a_still_film_has_no_jitter(moving: RenderedSet) -> None:
    held = moving.only(moving.actor == 0)
    rows = np.zeros(len(held.psi), int)
    frozen = replace(held, landmarks=held.landmarks[rows], scores=held.scores[rows])
    table = fit_smoothing(frozen, anny_head(), pretrained_estimator()).set_index("method")
    assert table["jitter_mm"].max() < 1e-4
    assert table.loc["ours", "error_mm"] > 0.5, "a face that never moves misses what the actor does"
