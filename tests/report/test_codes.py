import numpy as np
import pandas as pd
from matplotlib.text import Text

from dfe_lib.report.codes import error_against_area, error_against_bits, recovery_bars

TABLE = pd.DataFrame(
    {"method": ["dfe_joint", "dfe_joint", "faiss_rq", "faiss_rq"], "bits": [16.0, 32.0, 32.0, 32.0],
     "data": ["simulated", "simulated", "simulated", "real"], "error_mm": [0.4, 0.2, 0.1, 0.3],
     "median_area": [0.2, 0.1, 0.3, 0.4]}
)  # fmt: skip


def test_a_panel_shows_one_kind_of_data_and_a_line_one_method() -> None:
    axes = error_against_bits(TABLE).axes
    assert [axis.get_title() for axis in axes] == ["simulated people", "real people, each left out once"]
    assert [line.get_ydata().tolist() for line in axes[0].lines] == [[0.4, 0.2], [0.1]]
    assert {text.get_text() for text in axes[0].texts} == {"DFE, joint decoder", "residual quantiser (faiss)"}


def test_seeds_are_averaged() -> None:
    twice = pd.concat([TABLE, TABLE.assign(error_mm=TABLE.error_mm + 0.2)])
    assert error_against_bits(twice).axes[0].lines[1].get_ydata().round(6).tolist() == [0.2]


def test_deviations_over_seeds_are_drawn_where_they_are_known() -> None:
    axis = error_against_bits(TABLE.assign(error_mm_sd=[np.nan, np.nan, 0.02, np.nan])).axes[0]
    bars = [path.vertices[:, 1] for bar in axis.collections for path in bar.get_paths() if len(path.vertices)]
    assert [bar.round(6).tolist() for bar in bars if np.isfinite(bar).all()] == [[0.08, 0.12]]


def test_the_frontier_shows_every_method() -> None:
    figure = error_against_area(TABLE.drop_duplicates("method"))
    assert len(figure.axes[0].texts) == 3  # and what the dashed line is
    assert figure.axes[0].collections[0].get_offsets()[0].tolist() == [20, 0.4]


def test_bars_are_cosines_best_first() -> None:
    table = pd.DataFrame({"method": ["a", "b"], "templates": 3, "cosine": [0.2, 0.9], "found_share": [0.1, 0.5]})
    axis = recovery_bars(table.assign(best_cosine=[0.6, 0.95], most=[0.25, 1.0])).axes[0]
    assert axis.collections[0].get_offsets().tolist() == [[0.25, 1.0]]  # of "a", which can reach no more
    assert axis.lines[1].get_xdata().tolist() == [0.95, 0.6]
    assert [bar.get_width() for bar in axis.patches] == [0.9, 0.2]


def test_a_line_ends_at_the_left_of_its_name() -> None:
    errors = [0.3 + 0.001 * i for i in range(12)] + [1.0]
    many = pd.concat([TABLE[:1].assign(method=f"method {error:g}", error_mm=error) for error in errors])
    figure = error_against_bits(many)
    figure.canvas.draw()
    names = figure.axes[0].texts
    boxes = [Text.get_window_extent(name) for name in names]  # without the line
    for name, box in zip(names, boxes, strict=True):
        (near, height), *_, (far, start) = name.arrow_patch.get_path().vertices
        aimed_at = height + (height - start) / (near - far) * (box.x0 - near)
        assert abs(near - box.x0) < 8 and abs(aimed_at - (box.y0 + box.y1) / 2) < 1
