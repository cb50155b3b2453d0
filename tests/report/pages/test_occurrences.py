import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from codebooks import MOVES, known_model, known_templates, strong_model, write_tokens

from dfe_lib.io.tables import REAL, SIMULATED
from dfe_lib.quantisation import counts
from dfe_lib.report.pages.occurrences import count_displays, display_companions, example_rows, token_occurrences

COUNT = len(MOVES)


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    made = [[3, 5, 0]] * 30 + [[1, 2, 0]] * 30 + [[-1, -1, -1]] * 10
    return [
        write_tokens(tmp_path / "b.parquet", made, SIMULATED),
        write_tokens(tmp_path / "a.parquet", [[3, 4, 4]], REAL),
    ]


def test_frames_without_a_face_have_no_tokens(tables: list[Path]) -> None:
    seen = token_occurrences(tables, known_model())
    assert len(seen.tokens) == 61
    assert seen.presence(COUNT).sum(0).tolist() == [[60, 30, 30, 31, 1, 30, 0, 0, 0, 0]]


def test_separate_codebooks_have_numbers_of_their_own(tables: list[Path]) -> None:
    seen = token_occurrences(tables, known_model(shared=False))
    assert seen.tokens.max(0).tolist() == [3, 15, 24]


def test_a_display_occurs_at_whatever_strength_and_rest_nowhere(tmp_path: Path) -> None:
    tokens = [[12, 21, 0], [15, 0, 0], [0, 0, 0]]  # display 3 twice, at levels A and D; display 5 once
    seen = token_occurrences([write_tokens(tmp_path / "a.parquet", tokens, REAL)], strong_model())
    assert seen.displays.tolist() == [[3, 5, -1], [3, -1, -1], [-1, -1, -1]]
    assert seen.presence(COUNT).sum(0).tolist() == [[0, 0, 0, 2, 0, 1, 0, 0, 0, 0]]


def test_companions_share_frames_beyond_chance(tables: list[Path]) -> None:
    companions = display_companions(count_displays(tables, known_model()))
    assert companions[5] == [(3, pytest.approx(61 / 31))]
    assert companions[1] == [(2, pytest.approx(61 / 30))]
    assert companions[0] == companions[4] == []  # everywhere, and too seldom


def test_examples_are_the_frames_that_a_token_rules_apart_in_time(tmp_path: Path) -> None:
    tokens = [[4, 0, 0]] * 60 + [[1, 4, 0]] * 60
    seen = token_occurrences([write_tokens(tmp_path / "a.parquet", tokens, REAL)], known_model())
    moved = known_templates()[seen.tokens].sum(1)
    rows = np.arange(10, 120)
    chosen = example_rows(seen, rows, moved[rows], known_templates(), np.eye(52))
    assert chosen[4] == [10, 35, 60]
    assert chosen[1] == [60, 85, 110]
    assert chosen[2] == []


def test_examples_of_many_tokens_need_no_table_of_all_frames_by_all_tokens(tmp_path: Path) -> None:
    frames, tokens = 4000, 2000
    rng = np.random.default_rng(0)
    seen = token_occurrences([write_tokens(tmp_path / "a.parquet", [[3, 5, 0]] * frames, REAL)], known_model())
    seen = replace(seen, displays=rng.integers(0, tokens, (frames, 3)))
    moved, templates = rng.normal(size=(frames, 52)), rng.normal(size=(tokens, 52))
    tracemalloc.start()
    chosen = example_rows(seen, np.arange(frames), moved, templates, np.eye(52))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < frames * tokens * 8 / 4
    alike = (moved / np.linalg.norm(moved, axis=1, keepdims=True)) @ templates.T
    for token in range(0, tokens, 100):
        here = np.flatnonzero((seen.displays == token).any(1))
        assert chosen[token][:1] == here[np.argsort(-alike[here, token], kind="stable")][:1].tolist()


def test_without_tables_nothing_occurs() -> None:
    seen = count_displays([], known_model())
    assert display_companions(seen) == [[]] * COUNT and seen.total == 0 and seen.sample.shape == (0, 3)


def test_counts_over_parts_are_those_of_all_frames_together(tables: list[Path], monkeypatch) -> None:
    monkeypatch.setattr(counts, "ROWS", 7)
    seen, whole = count_displays(tables, known_model(), sampled=10), token_occurrences(tables, known_model())
    there = whole.presence(COUNT)
    assert seen.frames == {REAL: 1, SIMULATED: 60}
    assert (seen.together == (there.T @ there).toarray()).all()
    assert (sum(seen.shown.values()) == there.sum(0)).all() and (seen.codes == there.sum(0)).all()
    assert set(map(tuple, seen.sample)) == {(3, 5, 0), (1, 2, 0), (3, 4, 4)}
