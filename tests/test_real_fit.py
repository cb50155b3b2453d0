"""The fit on clips whose truth is not known."""

import numpy as np

from dfe_lib.anny_head import anny_head
from dfe_lib.estimator import pretrained_estimator
from dfe_lib.real_fit import fit_real
from dfe_lib.rendered_actors import rendered_set


def test_real_table_on_frames_of_one_actor() -> None:
    shown = rendered_set()
    own = shown.only((shown.actor == 2) & (shown.condition != "rendered_low_quality"))
    times = np.arange(len(own.psi)) / 30
    clips = {"actor": (own.landmarks, own.scores, times)}
    table = fit_real(clips, anny_head(), pretrained_estimator()).set_index("method")
    scores, others = {"blendshapes", "blendshapes_calibrated"}, {"neutral", "landmarks_gn", "ours", "ours_smoothed"}
    assert set(table.index) == scores | others
    assert table.loc["neutral", "jitter_mm"] == 0 and (table["reprojection_percent"].between(0.5, 20)).all()
    assert table.loc["ours_smoothed", "jitter_mm"] < table.loc["ours", "jitter_mm"]
    assert table.loc["ours", "reprojection_percent"] < table.loc["neutral", "reprojection_percent"]
