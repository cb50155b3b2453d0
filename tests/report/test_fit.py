"""Figures of the fit, and the head over real pictures."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dfe_lib.actors.benchmark_set import rendered_set
from dfe_lib.fitting.estimator import pretrained_estimator
from dfe_lib.io.assets import asset
from dfe_lib.io.media_files import find_media
from dfe_lib.io.tables import read_arrays
from dfe_lib.morphable.anny import anny_head
from dfe_lib.report.fit import actor_sheet, error_map, fit_errors, overlay_sheet, truth_against_estimate
from dfe_lib.report.overlays import METHODS, _cut, clip_overlays, frame_overlays
from dfe_lib.tracking.extraction import extract_clips
from dfe_lib.tracking.sources import write_sources


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    clips = find_media([asset("single_face.mp4"), asset("multi_face.jpg"), asset("no_face.mp4")])
    extract_clips(clips, folder)
    write_sources(clips, folder)
    return folder


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_heads_lie_on_the_faces(frames: Path) -> None:
    head, estimator = anny_head(), pretrained_estimator()
    shown = clip_overlays(frames, head, estimator)
    assert sorted(each.title for each in shown) == ["multi_face", "single_face"]  # nobody is in the third
    table = frames / "single_face.parquet"
    rows = read_arrays(table, ["frame", "landmarks"])
    (one,) = frame_overlays(table, asset("single_face.mp4"), head, estimator, [40])
    marks = rows["landmarks"][rows["frame"] == 40].reshape(478, 3)
    low, high = marks[:, :2].min(0), marks[:, :2].max(0)
    side = round(1.24 * (high - low).max())
    corner = np.round((low + high) / 2 - 0.62 * (high - low).max())
    seen = (marks[:, :2] - corner) * one.picture.shape[0] / side
    for method in METHODS:
        drawn = head.landmarks(one.heads[method])[:, :2]
        assert np.linalg.norm(drawn - seen, axis=1).mean() < 0.06 * one.picture.shape[0], method
    figure = overlay_sheet([one, *shown], head)
    assert len(figure.axes) == 9 and figure.axes[0].get_title() == one.title
    assert [len(axis.collections) for axis in figure.axes] == [0] * 3 + [1] * 6


def test_error_map_and_truth_figure_show_what_was_found() -> None:
    shown = rendered_set()
    few = shown.only(shown.actor < 2)
    rng = np.random.default_rng(0)
    found = {
        "neutral": 0 * few.psi,
        "ours": few.psi,
        "blendshapes_calibrated": few.psi * rng.uniform(size=few.psi.shape),
    }
    figure = error_map(few, found, anny_head())
    assert [axis.get_title() for axis in figure.axes[:3]] == ["always neutral", "calibrated scores", "ours"]
    dark = [np.asarray(axis.images[0].get_array()).astype(int).sum() for axis in figure.axes[:3]]
    assert dark[0] > dark[1] > dark[2], "the perfect method's face is black"

    figure = truth_against_estimate(few, found, ["jawOpen", "mouthFunnel"])
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels[1] == "ours, r = 1.00" and labels[0] != "calibrated scores, r = 1.00"
    points = figure.axes[0].collections[1].get_offsets()
    assert np.allclose(points[:, 0], points[:, 1])


def test_bars_and_contact_sheet() -> None:
    import pandas as pd

    rows = [(m, c, r, 1.0) for m in ("neutral", "ours") for c in ("rendered", "landmarks68") for r in ("all", "mouth")]
    figure = fit_errors(pd.DataFrame(rows, columns=["method", "condition", "region", "mean_mm"]))
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()][-1] == "ours"
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["good light", "68 landmarks"]
    assert [bar.get_height() for bar in figure.axes[0].patches if bar.get_height() > 0].count(1.0) == 4
    sheet = actor_sheet(np.zeros((40, 80, 3), np.uint8))
    assert sheet.axes[0].images[0].get_array().shape == (40, 80, 3) and "simulated" in sheet.axes[0].get_title()


def test_beyond_the_picture_an_overlay_is_white() -> None:
    picture = np.full((60, 80, 3), 40, np.uint8)
    cut = _cut(picture, np.array([[40.0, 30.0], [70.0, 58.0]]), {"ours": np.array([[55.0, 44.0, 0.0]])}, "a")
    assert cut.picture.shape == (37, 37, 3)
    assert (cut.picture[:30] == 40).all() and (cut.picture[-2:] == 255).all()
    np.testing.assert_allclose(cut.heads["ours"][0, :2], 18.5, atol=1)  # the middle of the face stays in the middle
