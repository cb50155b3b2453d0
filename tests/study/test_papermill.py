"""A notebook by itself, as the README gives the command: a path of the output in a terminal, or a pipe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from dfe_lib.io.paths import PROJECT, notebooks_dir

PAPERMILL = str(Path(sys.executable).with_name("papermill"))
REAL = PROJECT / "results" / "study" / "expressions"


@pytest.fixture
def smoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A smoke run that has got as far as 03: the coefficients of the real clips."""
    monkeypatch.setenv("DFE_RESULTS", str(tmp_path))
    shutil.copytree(REAL, tmp_path / "smoke" / "expressions")
    return tmp_path / "smoke"


def parameters_of(notebook: nbformat.NotebookNode) -> str:
    """What papermill put into the notebook."""
    (cell,) = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    return cell.source


@pytest.mark.slow
def test_with_a_path_the_executed_notebook_is_there(smoke: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    command = [PAPERMILL, "notebooks/03_train.ipynb", str(out), "-p", "codebook_size", "256"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "codebook_size = 256" in parameters_of(nbformat.read(out, as_version=4))
    assert '"codebook_size": 256' in (smoke / "model" / "config.json").read_text()


@pytest.mark.slow
def test_in_a_pipe_the_executed_notebook_is_its_output(smoke: Path) -> None:
    command = [PAPERMILL, "03_train.ipynb", "-p", "codebook_size", "256", "-p", "steps", "6", "-p", "methods", "none"]
    done = subprocess.run(command, cwd=notebooks_dir(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "codebook_size = 256" in parameters_of(nbformat.reads(done.stdout, as_version=4))
    assert '"codebook_size": 256' in (smoke / "model" / "config.json").read_text()


def test_in_a_terminal_without_a_path_papermill_asks_for_one() -> None:
    """Which is why the README gives one."""
    screen, terminal = os.openpty()
    command = [PAPERMILL, "notebooks/03_train.ipynb", "-p", "codebook_size", "256"]
    done = subprocess.run(
        command, cwd=PROJECT, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(terminal)
    os.close(screen)
    assert done.returncode != 0 and "OUTPUT_PATH" in done.stderr
