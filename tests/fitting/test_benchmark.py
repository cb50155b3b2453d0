"""The benchmark of expression estimation: its tables, and that they notice a worse method."""

import numpy as np
import pytest
import torch

from dfe_lib.actors.benchmark_set import RenderedSet, rendered_set
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.fitting.benchmark import fit_accuracy, fit_channels, fit_leakage, fit_speed, predictions
from dfe_lib.fitting.estimator import pretrained_estimator
from dfe_lib.morphable.anny import anny_head


@pytest.fixture(scope="module")
def some() -> RenderedSet:
    """Five actors, every third expressive frame."""
    shown = rendered_set()
    return shown.only((shown.actor < 5) & (shown.neutral | (np.arange(len(shown.psi)) % 3 == 0)))


def test_accuracy_ranks_the_methods() -> None:
    shown = rendered_set()
    few = shown.only(shown.actor < 3)
    found = predictions(few, anny_head(), pretrained_estimator())
    table = fit_accuracy(few, found, anny_head(), pretrained_estimator("68"))
    whole = table[table["region"] == "all"].set_index(["condition", "method"])["mean_mm"]
    assert whole["rendered", "ours"] < whole["rendered", "blendshapes_calibrated"] < whole["rendered", "neutral"]
    assert whole["exact_landmarks", "landmarks_gn_known_identity"] < 0.05
    assert whole["exact_landmarks", "landmarks_gn"] < 0.5 * whole["exact_landmarks", "neutral"]
    assert whole["landmarks68", "ours"] < whole["landmarks68", "neutral"]
    assert set(table["region"]) == {"all", "brows", "eyes", "nose", "cheeks", "mouth", "jaw"}
    assert (table["median_mm"] <= table["p90_mm"]).all() and (table["n"] > 0).all()


def test_channels_and_leakage_see_what_is_put_in(some: RenderedSet) -> None:
    found = predictions(some, anny_head(), pretrained_estimator())
    found["ours"] = some.psi.copy()
    found["ours"][:, ACTIONS.index("jawOpen")] = 0
    channels = fit_channels(some, found)
    ours = channels[channels["method"] == "ours"].set_index("action")
    assert ours.loc["jawOpen", "dead"] and not ours.loc["mouthFunnel", "dead"]
    assert ours["recall"].dropna().drop("jawOpen").eq(1).all() and ours["false_alarms"].eq(0).all()

    marked = dict(found, ours=np.eye(52)[some.actor])
    leaky, clean = (fit_leakage(some, each, pretrained_estimator()).set_index("method") for each in (marked, found))
    assert leaky.loc["ours", "1nn"] == 1 and leaky.loc["ours", "1nn_of_means"] == 1
    assert clean.loc["ours", "1nn"] < 0.6
    yaw = np.degrees(np.arctan2(some.rotation[:, 0, 2], some.rotation[:, 2, 2]))
    turned = dict(found, ours=np.repeat(yaw[:, None], 52, axis=1))
    assert fit_leakage(some, turned, pretrained_estimator()).set_index("method").loc["ours", "r2_yaw"] > 0.95


def test_speed_measures_each_method_in_one_run(some: RenderedSet) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with more, a busy machine decides the race
    try:
        table = fit_speed(some, anny_head(), pretrained_estimator(), batch=256, slow=1).set_index("method")
    finally:
        torch.set_num_threads(threads)
    assert set(table.index) == {"blendshapes_calibrated", "ours", "ours_landmarks", "landmarks_gn", "lsq_linear"}
    assert table.loc["ours", "frames_per_s"] > 3 * table.loc["landmarks_gn", "frames_per_s"]
    assert table.loc["landmarks_gn", "frames_per_s"] > 5 * table.loc["lsq_linear", "frames_per_s"]
