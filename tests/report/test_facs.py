import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.morphable.anny import anny_head
from dfe_lib.report.facs import (
    contrast_gallery,
    coverage_curves,
    drawn_map,
    region_coverage,
    retrieval_scores,
    side_by_side,
    template_places,
    token_pictures,
)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def coverage():
    rows = [("dfe", "tokens", 8.0, 0.8), ("dfe", "tokens", 16.0, 0.9), ("openface17", "binary", 17.0, 0.5),
            ("openface17", "continuous", np.nan, 0.95)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["representation", "level", "bits", "explained"])
    parts = [table.assign(data=data, region=region) for data in ("real", "simulated") for region in ("all", "jaw")]
    return pd.concat(parts).assign(ci_low=lambda t: t.explained - 0.1, ci_high=lambda t: t.explained + 0.1, people=3)


def test_the_token_curve_is_that_of_the_table() -> None:
    figure = coverage_curves(coverage())
    real, simulated = figure.axes
    curve = real.lines[0].get_xydata()
    assert curve.tolist() == [[8.0, 0.8], [16.0, 0.9]] and "3 held-out people" in simulated.get_title()


def test_regions_show_the_longest_code() -> None:
    figure = region_coverage(coverage(), [("dfe", "tokens"), ("openface17", "continuous")])
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == ["0.90", "0.90", "0.95", "0.95"]


def test_numbers_of_a_region_can_be_read_on_their_colours() -> None:
    table = coverage().assign(explained=lambda t: np.where(t.region == "jaw", 0.72, 0.1))
    axis = region_coverage(table, [("dfe", "tokens"), ("openface17", "continuous")]).axes[0]
    assert {text.get_text(): text.get_color() for text in axis.texts} == {"0.10": "white", "0.72": "black"}
    assert [label.get_text() for label in axis.get_yticklabels()] == ["DFE tokens", "OpenFace 17, exact intensities"]


def test_scores_of_both_kinds_of_data_stand_side_by_side() -> None:
    row = {"representation": "dfe", "level": "tokens", "bits": 8.0, "cosine": 0.9, "recall_at_1": 0.4}
    row |= {"cosine_low": 0.8, "cosine_high": 1.0, "recall_at_1_low": 0.3, "recall_at_1_high": 0.5}
    table = pd.DataFrame([row | {"data": "real"}, row | {"data": "simulated"}])
    cosine, recall = retrieval_scores(table).axes
    assert [container.lines[0].get_xdata().tolist() for container in cosine.containers] == [[0.9], [0.9]]
    assert len(recall.containers) == 1
    assert len(retrieval_scores(table[table.data == "real"]).axes) == 1


def test_alike_tokens_lie_nearer() -> None:
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.eye(52)[:3], 10, axis=0)
    places = template_places(kinds + 0.02 * rng.normal(size=(30, 52)), np.eye(52))
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    same = np.repeat(np.arange(3), 10)[:, None] == np.repeat(np.arange(3), 10)
    assert distance[same].mean() < 0.5 * distance[~same].mean()


def test_gallery_and_map_have_their_pictures() -> None:
    head, psi = anny_head(), np.eye(len(ACTIONS))[[24, 43]]
    figure = contrast_gallery(head, {"true": psi, "coded": 0 * psi}, {"left": ["a"], "right": ["b"]})
    assert sum(len(axis.images) for axis in figure.axes) == 4
    rows = dict.fromkeys(("true", "coded"), psi[[0, 0, 1, 1]])
    uneven = contrast_gallery(head, rows, {"left": ["smile", "laugh"], "right": ["embarrassed smile", "blink"]})
    uneven.canvas.draw()
    left, right = (axis.get_window_extent() for axis in (uneven.axes[0], uneven.axes[4]))
    assert abs(left.y0 - right.y0) < 1  # though one of the names has two lines
    table = pd.DataFrame({"region": ["jaw", "mouth"], "beyond_facs": [False, True]})
    pictures = token_pictures(head, psi, np.zeros(52), [0, 1])
    assert side_by_side(np.array([[0.0, 0], [1, 1]]), np.array([1, 0]), 5).tolist() == [1, 0]
    assert len(drawn_map(np.array([[0.0, 0], [1, 1]]), table, pictures).axes[0].artists) == 2
    assert (pictures[0] != pictures[1]).any()
