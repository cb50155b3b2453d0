"""No figure calls anything by a key of a table."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.methods import WIDE_BEAM, baselines, variants
from dfe_lib.morphable.space import expression_space
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.rvqvae import RvqVaeConfig
from dfe_lib.report.codes import error_against_area, error_against_bits, recovery_bars
from dfe_lib.report.downstream import LINES, power_curves
from dfe_lib.report.names import people_name


@pytest.fixture(scope="module")
def methods() -> list[str]:
    """Every code that notebook 03 compares."""
    config, training = RvqVaeConfig(ACTIONS, decoder="additive"), TrainConfig()
    ours = variants(config, training)
    return [*ours, f"dfe_additive_beam{WIDE_BEAM}", *baselines(expression_space(ACTIONS), config, training)]


def written(figure: plt.Figure) -> list[str]:
    figure.canvas.draw()
    found = [text.get_text() for text in figure.findobj(Text)]
    plt.close(figure)
    return found


def test_every_code_has_a_name_of_its_own(methods: list[str]) -> None:
    names = [people_name(method) for method in methods]
    assert len(set(names)) == len(names)
    assert not set(names) & set(methods) and not any("_" in name for name in names)


def test_figures_of_codes_show_names(methods: list[str]) -> None:
    rows = {"method": methods, "bits": 32.0, "data": "simulated", "error_mm": np.linspace(0.1, 1, len(methods))}
    rows |= {"median_area": 0.2, "templates": 64, "cosine": 0.8, "found_share": 0.5, "most": 0.9, "best_cosine": 0.9}
    table = pd.DataFrame(rows)
    for figure in (error_against_bits(table), error_against_area(table), recovery_bars(table)):
        shown = written(figure)
        assert [text for text in shown if "_" in text] == []
        assert any("residual quantiser (faiss)" in text for text in shown)


def test_figures_of_labels_show_names() -> None:
    rows = [{"task": task, "effect": "beyond", "representation": name, "n_subjects": people, "mean": 0.5, "ci_low": 0.4,
             "ci_high": 0.6, "constant": 0.5, "metric": "auc", "data": "simulated"}
            for task in ("stress", "phq8") for name in LINES for people in (20, 50)]  # fmt: skip
    shown = written(power_curves(pd.DataFrame(rows), LINES))
    assert "depression (PHQ-8)\nAUC" in shown and "AU words, OpenFace 17" in shown
    assert not any(text.startswith(("au ", "phq8", "truth:")) for text in shown)


def test_what_has_no_name_is_shown_as_it_is() -> None:
    assert people_name("my_own_label") == "my_own_label"
