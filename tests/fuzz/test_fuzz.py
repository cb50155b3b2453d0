"""Two thousand cases of `make fuzz`, always the same, and whatever else hypothesis thinks of."""

from collections import Counter
from pathlib import Path

import harness
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import read_table
from dfe_lib.io.delimited import read_columns, text_layout
from dfe_lib.io.names import LONGEST, plain_name, table_path

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LETTERS = st.text(st.sampled_from("ab01.,;\t\"' \r\n-=#e\ufeffü\0"), max_size=60)


@pytest.mark.slow
def test_no_damaged_file_makes_a_trace_a_hang_or_a_crash() -> None:
    found = harness.run(2000, seed=0)
    total: Counter = sum(found["counts"].values(), Counter())
    assert total.total() == 2000, harness.table(found)
    bad = [fault for fault in found["faults"] if not fault.startswith("changed silently")]
    assert not bad and found["peak_mb"] < 1024, "\n".join([harness.table(found), *bad])
    assert total["clear error"] > 1000 and total["unchanged"] > 50  # else nothing was damaged, or all is refused


def test_the_harness_sees_a_trace(monkeypatch, tmp_path: Path) -> None:
    """Or the test above could not fail."""
    import random

    import targets

    sources = next(each for each in targets.TARGETS if each.name == "sources")
    folder = tmp_path / "a"
    path, files, wanted = harness._sound(sources, folder)
    broken = targets.Target("broken", sources.make, lambda path, work: ({"a": 1 / 0}, ""), sources.mutations)
    outcome, detail = harness._judged(broken, random.Random(0), path, files, wanted, tmp_path / "work")
    assert outcome == "stack trace" and "ZeroDivisionError" in detail
    assert path.read_bytes() == files[0].read_bytes() and sources.read(path, tmp_path)[0].keys() == wanted[0].keys()


@MANY
@given(content=st.binary(max_size=200) | LETTERS.map(str.encode) | LETTERS.map(lambda text: text.encode("utf-16")))
@example(b"a,b\n1,2\r")
@example(b"sep=\n")
@example(b"sep=;")
def test_any_text_is_a_table_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    try:
        layout = text_layout(path)
    except UserError:
        return
    for name in layout.names[:2]:
        try:
            rows = sum(len(batch[name]) for batch in read_columns(path, layout, [name], Counter()))
        except UserError:
            continue
        assert rows <= content.count(b"\n") + content.count(b"\r") + 1
    try:
        assert list(read_table(path).columns) == list(layout.names)
    except UserError as error:
        assert str(path) in str(error)  # noqa: PT017


@MANY
@given(name=st.text(max_size=300))
@example("..")
@example("x" * 240)
def test_any_files_name_becomes_the_name_of_a_table(tmp_path: Path, name: str) -> None:
    plain = plain_name(name.encode(errors="replace").decode()) or "_"
    assert table_path(tmp_path, plain).parent == tmp_path and len(plain.encode()) <= LONGEST
