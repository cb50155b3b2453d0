"""The rooms of the package: who may import whom, and what a visitor meets at each door."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from rooms import drawing

from dfe_lib.io.paths import PROJECT, notebooks_dir
from dfe_lib.study.fingerprint import PACKAGE, all_rooms, notebook_cells

ROOMS = [room for room in all_rooms() if (PACKAGE / room.replace(".", "/")).is_dir()]


def test_the_arrows_between_the_rooms_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for_and_offers_its_public_names(room: str) -> None:
    module = import_module(f"dfe_lib.{room}")
    assert len(module.__doc__.split()) > 30
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("room", ROOMS)
def test_no_public_name_hides_a_module_of_its_room(room: str) -> None:
    modules = {path.stem for path in (PACKAGE / room.replace(".", "/")).glob("*.py")}
    assert not modules & set(import_module(f"dfe_lib.{room}").__all__)


@pytest.mark.parametrize("path", sorted(notebooks_dir().glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_imports_from_rooms_in_few_lines(path: Path) -> None:
    nodes = [node for cell in notebook_cells(path) for node in ast.walk(ast.parse(cell))]
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    ours = [module for module in modules if module.partition(".")[0] == "dfe_lib"]
    doors = {"dfe_lib", *(f"dfe_lib.{room}" for room in all_rooms())}
    assert len(ours) <= 9 and set(ours) <= doors


def test_importing_the_package_is_quick() -> None:
    code = "import time; start = time.process_time(); import dfe_lib; print(time.process_time() - start)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.2


def test_the_drawing_of_the_rooms_is_current() -> None:
    assert drawing() in (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"), f"draw it anew:\n{drawing()}"


def test_every_room_is_on_the_map() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert not [room for room in ROOMS if f"`{room.replace('.', '/')}`" not in text]
