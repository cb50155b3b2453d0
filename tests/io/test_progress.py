import io
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from dfe_lib.io.progress import bar, is_watched


def test_nobody_watches_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    assert list(bar(range(3))) == [0, 1, 2] and not quiet.getvalue()


def test_a_terminal_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    assert is_watched()


@pytest.mark.parametrize("browser", [False, True])
def test_a_notebook_is_watched_when_it_may_ask_for_input(browser: bool) -> None:
    cell = nbformat.v4.new_code_cell("from dfe_lib.io.progress import is_watched\nis_watched()")
    client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3")
    client.allow_stdin = browser
    with client.setup_kernel():
        client.kc.allow_stdin = browser
        client.execute_cell(cell, 0)
    assert cell.outputs[-1]["data"]["text/plain"] == str(browser)
