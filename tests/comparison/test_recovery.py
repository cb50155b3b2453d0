import numpy as np
from planted import PlantedDisplays, invented_metric

from dfe_lib.comparison.recovery import match_templates, recovery_table

METRIC = invented_metric(12)
PLANTED = PlantedDisplays.invented(6, 12).primitives


class Known:
    """A code that only has templates."""

    bits, codebook_size, shared = 8.0, 256, True

    def __init__(self, templates: np.ndarray) -> None:
        self._templates = templates

    def fit(self) -> None: ...

    encode = decode = fit

    def templates(self) -> np.ndarray:
        return self._templates


def test_the_truth_at_any_strength_and_in_any_order_is_found() -> None:
    shuffled = (PLANTED * np.array([0.2, 3, 1, 0.5, 7, 1])[:, None])[::-1]
    match, cosine = match_templates(shuffled, PLANTED, METRIC)
    assert match.tolist() == [5, 4, 3, 2, 1, 0]
    np.testing.assert_allclose(cosine, 1)


def test_a_movement_in_the_other_direction_is_not_found() -> None:
    assert match_templates(-PLANTED[:1], PLANTED[:1], METRIC)[1] == 0


def test_one_template_serves_one_display() -> None:
    match, cosine = match_templates(PLANTED[:1], np.stack([PLANTED[0], PLANTED[0]]), METRIC)
    assert sorted(match.tolist()) == [-1, 0]
    assert sorted(cosine.round(6).tolist()) == [0, 1]


def test_the_table_tells_who_found_what() -> None:
    codes = {"all": Known(PLANTED), "half": Known(PLANTED[:3])}
    table, displays = recovery_table(codes, list("abcdef"), PLANTED, METRIC)
    assert table.cosine.round(6).tolist() == [1, 0.5]
    assert table.found_share.tolist() == [1, 0.5] and table.most.tolist() == [1, 0.5]
    assert (table.best_cosine >= table.cosine).all()
    assert displays.query("method == 'half' and cosine > 0.99").display.tolist() == ["a", "b", "c"]
