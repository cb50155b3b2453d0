"""Two thousand cases of `make fuzz`, always the same, and whatever else hypothesis thinks of."""

import os
import random
import sys
import threading
from collections import Counter
from pathlib import Path

import harness
import pytest
import targets
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
    found = harness.run(2000, seed=0, jobs=min(2, os.cpu_count() or 1))
    total: Counter = sum(found["counts"].values(), Counter())
    assert total.total() == 2000, harness.table(found)
    bad = [fault for fault in found["faults"] if not fault.startswith("changed silently")]
    assert not bad and found["peak_mb"] < 1024, "\n".join([harness.table(found), *bad])
    assert total["clear error"] > 1000 and total["unchanged"] > 50  # else nothing was damaged, or all is refused


def judged(read, folder: Path) -> tuple[str, str]:
    """What the harness says of a reader."""
    sources = next(each for each in targets.TARGETS if each.name == "sources")
    path, files, wanted = harness._sound(sources, folder / "sound")
    broken = targets.Target("broken", sources.make, read, sources.mutations)
    out = folder / "work"
    out.mkdir()
    found = harness._judged(broken, random.Random(0), path, files, wanted, out)
    assert {each: each.read_bytes() for each in files} == files and not list(out.iterdir())
    return found


def test_the_harness_sees_a_trace(tmp_path: Path) -> None:
    """Or the test above could not fail."""

    def read(path: Path, work: Path) -> tuple[dict, str]:
        (work / "left.txt").touch()
        return {"a": 1 / 0}, ""

    outcome, detail = judged(read, tmp_path)
    assert outcome == "stack trace" and "ZeroDivisionError" in detail


def test_the_harness_sees_an_error_that_reaches_nobody(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    unseen = harness._unseen()
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert [type(error) for error in unseen] == [ZeroDivisionError]


@pytest.mark.parametrize(("last", "outcome"), [("os.abort()", "crash"), ("while True: pass", "hang")])
def test_a_case_that_does_not_answer_costs_no_other(monkeypatch, last: str, outcome: str) -> None:
    """Case 3 crashes or hangs; its process has others before it, and another process those after it."""
    code = f"""if 1:
        import json, os
        for case in range(*map(int, os.sys.argv[1:4])):
            if case == 3:
                {last}
            print(json.dumps(dict(case=case, target='a', outcome='unchanged', detail='', peak_mb=1)), flush=True)
    """

    def command(cases: range, seed: int) -> list[str]:
        return [sys.executable, "-c", code, *map(str, (cases.start, cases.stop, cases.step))]

    monkeypatch.setattr(harness, "_command", command)
    monkeypatch.setattr(harness, "HANG_S", 1.0)
    for jobs in (1, 2):
        found = harness.run(7, jobs=jobs)
        assert found["counts"] == {"a": Counter(unchanged=6), "of no answer": Counter({outcome: 1})}
        assert list(found["faults"].values()) == [[3]]


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
