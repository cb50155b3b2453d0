"""The fit on clips whose truth is not known."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from dfe_lib.actors.benchmark_set import MOVING, RenderedSet, rendered_set
from dfe_lib.actors.motion import film_motion, sample_motion
from dfe_lib.fitting.estimator import pretrained_estimator
from dfe_lib.fitting.report import _clips
from dfe_lib.fitting.stability import fit_real, fit_smoothing
from dfe_lib.io.assets import asset
from dfe_lib.morphable.anny import anny_head
from dfe_lib.tracking.extraction import extract_clip


def clip_of_an_actor() -> tuple[np.ndarray, ...]:
    shown = rendered_set()
    own = shown.only((shown.actor == 2) & (shown.condition != "rendered_low_quality"))
    return own.landmarks, own.scores, own.features, np.arange(len(own.psi)) / 30


def test_real_table_on_frames_of_one_actor() -> None:
    table = fit_real({"actor": clip_of_an_actor()}, anny_head(), pretrained_estimator()).set_index("method")
    scores, others = {"blendshapes", "blendshapes_calibrated"}, {"neutral", "landmarks_gn", "ours", "ours_smoothed"}
    assert set(table.index) == scores | others
    assert table.loc["neutral", "jitter_mm"] == 0 and (table["reprojection_percent"].between(0.5, 20)).all()
    assert table.loc["ours_smoothed", "jitter_mm"] < table.loc["ours", "jitter_mm"]
    assert table.loc["ours", "reprojection_percent"] < table.loc["neutral", "reprojection_percent"]


def test_frames_that_show_no_upright_face_are_left_out() -> None:
    landmarks, *rest = (part[:12].copy() for part in clip_of_an_actor())
    landmarks[3] *= [-1, -1, 1]  # upside down
    landmarks[7] = np.nan
    clips = {"actor": (landmarks, *rest), "nobody": (np.full_like(landmarks, np.nan), *rest)}
    table = fit_real(clips, anny_head(), pretrained_estimator())
    assert set(table["clip"]) == {"actor"} and set(table["frames"]) == {10}
    assert np.isfinite(table[["reprojection_percent", "jitter_mm", "smoothing_mm"]]).all(axis=None)


def test_a_clip_without_a_face_is_no_clip_of_the_benchmark(tmp_path) -> None:
    extract_clip(asset("no_face.mp4"), tmp_path / "no_face.parquet")
    extract_clip(asset("face_noface.mov"), tmp_path / "face_noface.parquet")
    clips = _clips(tmp_path)
    assert list(clips) == ["face_noface"] and np.isfinite(clips["face_noface"][0]).all()


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
    frozen = replace(held, **{name: getattr(held, name)[rows] for name in ("landmarks", "scores", "features")})
    table = fit_smoothing(frozen, anny_head(), pretrained_estimator()).set_index("method")
    assert table["jitter_mm"].max() < 1e-4
    assert table.loc["ours", "error_mm"] > 0.5, "a face that never moves misses what the actor does"
