"""No malformed text table gives a silent wrong one."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfe_lib.errors import UserError
from dfe_lib.io.delimited import RAGGED, read_columns, text_layout

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)
WAYS = [(",", ".", "utf-8"), (";", ",", "utf-8"), (";", ".", "utf-8-sig"), ("\t", ".", "utf-16"), (",", ".", "utf-16")]


def read(path: Path, *names: str) -> tuple[dict[str, np.ndarray], Counter]:
    dropped: Counter = Counter()
    batches = list(read_columns(path, text_layout(path), names, dropped))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}, dropped


@FEW
@given(
    rows=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=30),
    order=st.permutations(["a", "b", "c"]),
    way=st.sampled_from(WAYS),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    blanks=st.booleans(),
)
def test_values_are_found_by_name_however_the_file_is_written(tmp_path, rows, order, way, end, last, blanks) -> None:
    delimiter, point, encoding = way
    columns = dict(zip("abc", zip(*rows, strict=True), strict=True))
    glue = delimiter + " " * blanks
    lines = [glue.join(order)] + [
        glue.join(repr(columns[name][i]).replace(".", point) for name in order) for i in range(len(rows))
    ]
    path = tmp_path / "t.csv"
    path.write_bytes((end.join(lines) + end * last).encode(encoding))
    found, dropped = read(path, "a", "b", "c")
    assert not dropped[RAGGED]
    for name in "abc":
        np.testing.assert_array_equal(found[name], columns[name])


@FEW
@given(rows=st.integers(2, 20), cut=st.integers(1, 400))
def test_a_file_that_was_cut_off_gives_its_whole_lines_and_says_so(tmp_path, rows, cut) -> None:
    whole = "a,b,c\n" + "".join(f"{i},{i + 0.25},{i + 0.5}\n" for i in range(rows))
    path = tmp_path / "t.csv"
    path.write_text(whole[: max(6, len(whole) - cut)])
    kept = path.read_text()
    complete = [line for line in kept.splitlines()[1:] if line.count(",") == 2]
    found, dropped = read(path, "a", "b") if complete else ({"a": np.empty(0), "b": np.empty(0)}, None)
    np.testing.assert_array_equal(found["a"], np.arange(len(complete)))
    np.testing.assert_array_equal(found["b"], np.arange(len(complete)) + 0.25)
    if complete:
        assert dropped[RAGGED] == len(kept.splitlines()) - 1 - len(complete)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\na,b\n1,2\n", "empty line"),
        (b"no columns here\n1\n", "column names"),
        (b"\x89PNG\x00\x01\x02,\n", "no text table"),
        (b"a,b\n1,2\n", "lacks the columns c"),
        (b"a,b,c,a\n1,2,3,4\n", "columns a more than once"),
        (b"a,b,c\n1,2,3\n1,much,3\n", "cannot be read as numbers"),
    ],
)
def test_a_malformed_file_is_refused_with_its_name(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read(path, "a", "b", "c")
    assert "bad.csv" in str(error.value)


@pytest.mark.parametrize("word", ["", "NaN", " nan", "-nan(ind)", "NA"])
def test_words_for_nothing_are_nan_and_infinity_stays(tmp_path, word: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n1,{word}\n2,inf\n")
    found, _ = read(path, "a", "b")
    assert np.isnan(found["b"][0]) and np.isinf(found["b"][1]) and found["a"].tolist() == [1, 2]


def test_a_column_that_stands_twice_does_no_harm_when_nobody_asks(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,b\n1,2,3\n")
    assert read(path, "a")[0]["a"].tolist() == [1]


def test_a_header_longer_than_the_first_look_is_read_whole(tmp_path) -> None:
    names = [f"a_rather_long_column_name_{i}" for i in range(4000)]
    path = tmp_path / "t.csv"
    path.write_text(",".join(names) + "\n" + ",".join(map(str, range(4000))) + "\n")
    assert read(path, names[-1])[0][names[-1]].tolist() == [3999]
