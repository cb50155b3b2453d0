"""No malformed text table gives a silent wrong one."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfe_lib.errors import UserError
from dfe_lib.io import delimited
from dfe_lib.io.clip_table import read_table
from dfe_lib.io.delimited import RAGGED, read_columns, read_rows, text_layout

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


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "a", "b"),
    [
        ("a;b;n\n1;0;x\n2;1;y\n3;0,5;z\n", [1, 2, 3], [0, 1, 0.5]),  # whole numbers first
        ('a;b;n\n1;0;"Muster, Anna"\n2;0.5;"Muster, 1,5"\n', [1, 2], [0, 0.5]),  # the only comma is in a name
        ('sep=;\na;b;n\n1;0,5;"x;y"\n', [1], [0.5]),
        ("sep=,\na,b,n\n1,0.5,x\n", [1], [0.5]),
        ('a,b,n\n1,"0,5",x\n2,"1,5",y\n', [1, 2], [0.5, 1.5]),  # the comma twice, the second in quotes
        ("a, b, n\n1, 0,5, 7\n2, 1, 8\n", [1, 2], [0.5, 1]),  # or with a blank behind the separator alone
        ('a, b, n\n1, 0.5, "x, y"\n', [1], [0.5]),  # a blank before a quote
        ("a,b\r1,0.5\r2,1.5\r", [1, 2], [0.5, 1.5]),  # an old Mac's line ends
        ("a,b\r1,0.5\r2,1.5", [1, 2], [0.5, 1.5]),
        ("a,b\n1,0.5\n2,1.5\n".encode("utf-16-be"), [1, 2], [0.5, 1.5]),  # without a mark
        ("a,b\n1,0.5\n2,1.5\n".encode("utf-16-le"), [1, 2], [0.5, 1.5]),
        ("\ufeffsep=;\r\na;b\r\n1;1,5e-1\r\n", [1], [0.15]),
    ],
)
def test_every_way_of_writing_gives_the_same_numbers(tmp_path, content, a, b) -> None:
    path = written(tmp_path, content)
    found, dropped = read(path, "a", "b")
    assert found["a"].tolist() == a and found["b"].tolist() == b and not dropped[RAGGED]
    table = read_table(path, ["n"])
    assert table["a"].tolist() == a and table["b"].tolist() == b


def test_a_decimal_comma_far_down_the_file_is_found(tmp_path) -> None:
    rows = "".join(f"{i};{i}\n" for i in range(30_000))
    found, _ = read(written(tmp_path, f"a;b\n{rows}1;0,5\n"), "a", "b")
    assert found["b"][-1] == 0.5 and len(found["b"]) == 30_001


def test_a_point_for_thousands_is_refused_and_not_read_as_another_number(tmp_path) -> None:
    path = written(tmp_path, "a;b\n0,5;1\n0,25;1.234\n")
    with pytest.raises(UserError, match=r"1\.234 in the column b|1\.234' in the column b"):
        read(path, "a", "b")
    assert read_table(path)["b"].tolist() == ["1", "1.234"]


@pytest.mark.parametrize(
    "word",
    [
        "-1.#IND",
        "-1.#IND00",
        "1.#QNAN",
        "1.#QNAN0",
        "-nan(ind)",
        "-NaN",
        "nan(snan)",
        "NAN",
        "#NV",
        "1.#INF",
        ".",
        "<NA>",
    ],
)
def test_every_systems_word_for_no_number_is_nan(tmp_path, word: str) -> None:
    path = written(tmp_path, f"a,b\n1, {word}\n2,0.5\n")
    for found in (read(path, "a", "b")[0], read_table(path)):
        assert np.isnan(found["b"][0]) and found["b"][1] == 0.5


def test_latin_1_is_called_by_its_name(tmp_path) -> None:
    with pytest.raises(UserError, match="Latin-1"):
        text_layout(written(tmp_path, "für,b\nJürgen,1\n".encode("latin-1")))
    path = written(tmp_path, "name,b\nJürgen,1\n".encode("latin-1"))
    assert read(path, "b")[0]["b"].tolist() == [1]  # nobody asks for the names
    with pytest.raises(UserError, match="Latin-1"):
        list(read_columns(path, text_layout(path), ["b"], Counter(), text=["name"]))
    with pytest.raises(UserError, match=r"line 30002 .* Latin-1"):
        read_table(written(tmp_path, ("name,b\n" + "anna,1\n" * 30_000 + "Jürgen,1\n").encode("latin-1")))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_blocks_end_where_lines_do(tmp_path, monkeypatch, end: str, size: int) -> None:
    """However the file falls into blocks, also between the two characters of a line end."""
    monkeypatch.setattr(delimited, "BLOCK", size)
    path = written(tmp_path, end.join(["a,b", *(f"{i},{i / 4}" for i in range(20))]))
    found, dropped = read(path, "a", "b")
    assert found["a"].tolist() == list(range(20)) and not dropped[RAGGED]
    assert list(read_rows(path, text_layout(path))) == list(range(2, 22))


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST_LINE", 1 << 12)
    monkeypatch.setattr(delimited, "BLOCK", 1 << 10)
    with pytest.raises(UserError, match="a line of more than"):
        read(written(tmp_path, "a,b\n" + "1" * (1 << 14)), "a", "b")


def test_a_line_of_another_length_may_hold_any_bytes(tmp_path, monkeypatch) -> None:
    unseen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: unseen.append(error.exc_value))
    path = written(tmp_path, b"a,b\n1,2\n3,4,J\xfcrgen\n5,6\n")
    values, dropped = read(path, "a", "b")
    assert values["a"].tolist() == [1, 5] and dropped[RAGGED] == 1 and not unseen


def test_no_thread_of_the_parser_outlives_the_reading_of_an_unreadable_table(tmp_path, monkeypatch) -> None:
    """pyarrow's streaming reader has one, which called `skip` back while Python shut down: one exit of ten aborted."""
    monkeypatch.setattr(delimited.pa.csv, "open_csv", lambda *_, **__: pytest.fail("read by a thread of its own"))
    path = written(tmp_path, "a,b\n" + "1,2,3\n1,2\n" * 50 + "1,two\n")
    with pytest.raises(UserError, match="'two' in the column b"):
        read(path, "a", "b")
