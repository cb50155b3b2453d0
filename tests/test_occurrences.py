from pathlib import Path

import numpy as np
import pytest
from codebooks import MOVES, known_model, known_templates, write_tokens

from dfe_lib.occurrences import example_rows, token_companions, token_occurrences
from dfe_lib.tables import REAL, SIMULATED

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


def test_companions_share_frames_beyond_chance(tables: list[Path]) -> None:
    companions = token_companions(token_occurrences(tables, known_model()), COUNT)
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


def test_without_tables_nothing_occurs() -> None:
    seen = token_occurrences([], known_model())
    assert token_companions(seen, COUNT) == [[]] * COUNT
