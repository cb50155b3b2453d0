import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dfe_lib.downstream.power import ENOUGH, people_needed
from dfe_lib.report.downstream import LINES, needed_map, power_curves, score_dots
from dfe_lib.report.names import people_name

SIZES = [20, 50]
POWER = pd.DataFrame(
    [
        {"data": "simulated", "effect": effect, "task": "stress", "representation": name, "metric": "auc", "mean": 0.6,
         "ci_low": 0.5, "ci_high": 0.7, "constant": 0.5, "n_subjects": size,
         "power": float(name == "token words" and (effect, size) != ("timing", 20))}
        for effect in ("beyond", "timing") for name in LINES for size in SIZES
    ]
)  # fmt: skip
SCORES = pd.DataFrame(
    [
        {"data": "simulated", "effect": effect, "task": "stress", "representation": name, "metric": metric,
         "mean": 0.6, "ci_low": 0.5, "ci_high": 0.7, "constant": 0.5, "n_subjects": 20, "control": control}
        for effect in ("beyond", "none") for name in LINES for metric in ("auc", "f1")
        for control in ("none", "shuffled")
    ]
)  # fmt: skip


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_map_says_how_many_people_are_needed() -> None:
    axis = needed_map(POWER, people_needed(POWER), ENOUGH).axes[0]
    shown = [text.get_text() for text in axis.texts][: 2 * len(LINES)]
    assert shown[:2] == ["20", "50"]
    assert set(shown[2:]) == {">50"}
    assert [tick.get_text() for tick in axis.get_yticklabels()] == [people_name(name) for name in LINES]


def test_every_representation_has_its_line_and_the_first_two_their_intervals() -> None:
    figure = power_curves(POWER, LINES)
    for axis in figure.axes:
        lines = [line for line in axis.lines if len(line.get_xdata()) == len(SIZES) and line.get_xdata()[0] == 20]
        assert len(lines) == len(LINES)
        assert len(axis.collections) == 2
    assert figure.axes[0].get_ylabel().startswith("stress")
    assert "Simulated people" in figure.get_suptitle()


def test_dots_are_the_main_metric_and_bars_the_control() -> None:
    figure = score_dots(SCORES, ["beyond", "none"], ["stress"])
    axis = figure.axes[0]
    assert axis.get_xlabel() == "AUC"
    assert len(axis.containers) == 4  # two effects, each with its control
    dots = [container for container in axis.containers if container.lines[0] is not None]
    assert len(dots) == 2
    np.testing.assert_array_equal(dots[0].lines[0].get_xdata(), np.full(len(LINES), 0.6))
