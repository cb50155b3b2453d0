"""The fit on clips whose truth is not known."""

import numpy as np

from dfe_lib.anny_head import anny_head
from dfe_lib.assets import asset
from dfe_lib.estimator import pretrained_estimator
from dfe_lib.extraction import extract_clip
from dfe_lib.fit_report import _clips
from dfe_lib.real_fit import fit_real
from dfe_lib.rendered_actors import rendered_set


def clip_of_an_actor() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shown = rendered_set()
    own = shown.only((shown.actor == 2) & (shown.condition != "rendered_low_quality"))
    return own.landmarks, own.scores, np.arange(len(own.psi)) / 30


def test_real_table_on_frames_of_one_actor() -> None:
    table = fit_real({"actor": clip_of_an_actor()}, anny_head(), pretrained_estimator()).set_index("method")
    scores, others = {"blendshapes", "blendshapes_calibrated"}, {"neutral", "landmarks_gn", "ours", "ours_smoothed"}
    assert set(table.index) == scores | others
    assert table.loc["neutral", "jitter_mm"] == 0 and (table["reprojection_percent"].between(0.5, 20)).all()
    assert table.loc["ours_smoothed", "jitter_mm"] < table.loc["ours", "jitter_mm"]
    assert table.loc["ours", "reprojection_percent"] < table.loc["neutral", "reprojection_percent"]


def test_frames_that_show_no_upright_face_are_left_out() -> None:
    landmarks, scores, times = (part[:12].copy() for part in clip_of_an_actor())
    landmarks[3] *= [-1, -1, 1]  # upside down
    landmarks[7] = np.nan
    clips = {"actor": (landmarks, scores, times), "nobody": (np.full_like(landmarks, np.nan), scores, times)}
    table = fit_real(clips, anny_head(), pretrained_estimator())
    assert set(table["clip"]) == {"actor"} and set(table["frames"]) == {10}
    assert np.isfinite(table[["reprojection_percent", "jitter_mm", "smoothing_mm"]]).all(axis=None)


def test_a_clip_without_a_face_is_no_clip_of_the_benchmark(tmp_path) -> None:
    extract_clip(asset("no_face.mp4"), tmp_path / "no_face.parquet")
    extract_clip(asset("face_noface.mov"), tmp_path / "face_noface.parquet")
    clips = _clips(tmp_path)
    assert list(clips) == ["face_noface"] and np.isfinite(clips["face_noface"][0]).all()
