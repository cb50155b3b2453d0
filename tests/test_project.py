"""The notebooks as they are committed, and the other files a stranger meets first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from dfe_lib.io.parameters import check_parameters, read_parameters
from dfe_lib.io.paths import PROJECT, notebooks_dir, params_dir
from dfe_lib.io.run import SMOKE, STEPS
from dfe_lib.study.parameters import declared_parameters

NOTEBOOKS = [notebooks_dir() / f"{step.name}.ipynb" for step in STEPS]
PARAMS = sorted((PROJECT / "params").glob("*/*.yaml"))


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_the_five_notebooks_are_the_stages() -> None:
    assert sorted(notebooks_dir().glob("*.ipynb")) == NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_its_metadata_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "papermill" not in notebook.metadata
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}, cell.source[:60]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_was_run_from_top_to_bottom_without_errors(path: Path) -> None:
    cells = [cell for cell in code_cells(path) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert "error" not in {output.output_type for output in outputs}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_defaults_are_the_smoke_run(path: Path) -> None:
    declared = declared_parameters(path)
    assert declared["run"].value == SMOKE
    assert {name: item.value for name, item in declared.items() if name == "seed"} in ({}, {"seed": 0})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_machine_path(path: Path) -> None:
    assert not re.search(r"/(home|root|tmp|work|Users)/", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PARAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_parameter_file_fits_its_notebook(path: Path) -> None:
    check_parameters(read_parameters(path), declared_parameters(notebooks_dir() / f"{path.stem}.ipynb"), path.name)


def test_there_are_settings_for_the_study_an_own_one_and_the_paper() -> None:
    assert {path.parent for path in PARAMS} >= {params_dir("study"), params_dir("own"), params_dir("paper")}


@pytest.mark.parametrize("profile", ["own", "paper"])
def test_a_study_of_ones_own_is_named_by_its_table_alone(profile: str) -> None:
    named = [read_parameters(params_dir(profile) / f"{step.name}.yaml") for step in STEPS]
    table = "data/clips.csv"
    assert (named[0]["media"], named[2]["labels"], named[4]["clips"]) == ([table], table, table)


def test_the_citation_names_software_and_paper() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["references"][0]["identifiers"][0]["value"] == "arXiv:2510.01662"


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  (\w+)\t", listed, re.MULTILINE) == [
        "help",
        "install",
        "study",
        "test",
        "docs",
        "fuzz",
        "faults",
        "scale",
        "lab",
        "notebooks",
        "picture",
        "head",
        "estimator",
        "sweep",
        "machines",
        "bench",
        "lint",
        "lock",
        "clean",
    ]


def test_nothing_asks_for_news_before_the_first_notebook() -> None:
    """What `make lab` sets; it leaves the user's own settings alone."""
    told = subprocess.run(["make", "-n", "lab"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    (folder,) = re.findall(r'JUPYTER_CONFIG_PATH="(.*?)"', told)
    command = [sys.executable, "-m", "jupyter", "labextension", "list"]
    env = os.environ | {"JUPYTER_CONFIG_PATH": folder}
    listed = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    said = listed.stdout + listed.stderr
    assert "apputils-extension:announcements" in said[said.index("Disabled extensions") :]
