"""The benchmark of expression estimation: its file, its tables, and that they notice a worse method."""

import numpy as np
import pytest

from dfe_lib.anny_head import anny_head
from dfe_lib.estimator import pretrained_estimator
from dfe_lib.fit_benchmark import (
    RenderedSet,
    fit_accuracy,
    fit_channels,
    fit_leakage,
    fit_real,
    fit_speed,
    pack_actors,
    predictions,
    rendered_set,
)
from dfe_lib.names import ACTIONS
from dfe_lib.stage import CONDITIONS, film_actors


@pytest.fixture(scope="module")
def some() -> RenderedSet:
    """Five actors, every third expressive frame."""
    shown = rendered_set()
    return shown.only((shown.actor < 5) & (shown.neutral | (np.arange(len(shown.psi)) % 3 == 0)))


def test_the_file_holds_forty_actors_in_three_conditions() -> None:
    shown = rendered_set()
    assert len(np.unique(shown.actor)) == 40 == len(shown.rest)
    assert set(shown.condition[~shown.neutral]) == set(CONDITIONS[1:])
    assert np.bincount(shown.actor[shown.neutral]).min() >= 2
    yaw = np.degrees(np.arctan2(shown.rotation[:, 0, 2], shown.rotation[:, 2, 2]))
    assert np.abs(yaw[shown.condition == "rendered"]).max() < 26 < np.abs(yaw).max() < 50


def test_a_film_survives_packing(tmp_path) -> None:
    from safetensors.numpy import load_file

    paths = list(film_actors(anny_head(), tmp_path, range(1), 1, 2, 2, CONDITIONS[1:], 0.0))
    pack_actors(paths, tmp_path / "packed.parquet", anny_head())
    packed, film = rendered_set(tmp_path / "packed.parquet"), load_file(paths[0])
    seen = film["detected"]
    assert np.allclose(packed.psi, film["psi"][seen], atol=1e-6)
    gap = np.abs(packed.landmarks - film["landmarks"][seen])
    assert gap.max() < 0.3 and gap.max() > 0


def test_accuracy_ranks_the_methods() -> None:
    shown = rendered_set()
    table = fit_accuracy(shown.only(shown.actor < 3), anny_head(), pretrained_estimator(), pretrained_estimator("68"))
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
    table = fit_speed(some, anny_head(), pretrained_estimator(), batch=256, slow=1).set_index("method")
    assert set(table.index) == {"blendshapes_calibrated", "ours", "landmarks_gn", "lsq_linear"}
    assert table.loc["ours", "frames_per_s"] > 10 * table.loc["landmarks_gn", "frames_per_s"]
    assert table.loc["landmarks_gn", "frames_per_s"] > 5 * table.loc["lsq_linear", "frames_per_s"]


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
