from pathlib import Path

import nbformat
import pytest

from dfe_lib.io.paths import PROJECT, notebooks_dir
from dfe_lib.study.fingerprint import (
    PACKAGE,
    all_rooms,
    code_fingerprint,
    imported_packages,
    notebook_cells,
    reached_rooms,
)

FILES = {
    "__init__.py": '_MODULES = {"C": "yard.c"}',
    "words.py": "WORD = 1",
    "hall/__init__.py": "from .a import A",
    "hall/a.py": "from ..words import WORD\nA = WORD\nimport numpy",
    "hall/data/weights.bin": "1",
    "hall/loft/__init__.py": "",
    "hall/loft/l.py": "def late():\n    from ...yard import c\n",
    "yard/__init__.py": "",
    "yard/c.py": '"""C."""\nC = 1  # why',
    "street/__init__.py": "",
    "street/s.py": "from ..hall.a import A",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "pkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pkg"


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("from pkg.hall import A", ["hall", "words"]),
        ("import pkg.hall.a as a", ["hall", "words"]),
        ("from pkg import street", ["hall", "street", "words"]),
        ("from pkg.hall.loft.l import late", ["hall", "hall.loft", "words", "yard"]),
        ("from pkg import C", ["yard"]),
        ("import pkg", ["yard"]),
        ("from pkg.words import WORD", ["words"]),
        ("import pkgs.hall, os\nfrom pkgs.hall import b", []),
        ("%matplotlib inline\nfrom pkg.yard.c import C", ["yard"]),
    ],
)
def test_rooms_are_followed(package: Path, source: str, rooms: list[str]) -> None:
    assert reached_rooms([source], package) == rooms


def test_every_room_is_listed(package: Path) -> None:
    assert all_rooms(package) == ["hall", "hall.loft", "street", "words", "yard"]


@pytest.mark.parametrize(
    ("changed", "reaching"),
    [
        ("words.py", {"hall", "street"}),
        ("hall/a.py", {"hall", "street"}),
        ("hall/data/weights.bin", {"hall", "street"}),
        ("hall/loft/l.py", set()),
        ("yard/c.py", {"lazy"}),
        ("street/s.py", {"street"}),
    ],
)
def test_a_changed_line_changes_the_notebooks_that_reach_its_room(
    package: Path, changed: str, reaching: set[str]
) -> None:
    notebooks = {"hall": "from pkg.hall import A", "street": "import pkg.street.s", "lazy": "from pkg import C"}
    before = {name: code_fingerprint([cell], package) for name, cell in notebooks.items()}
    path = package / changed
    path.write_text(path.read_text() + "\nnew = 2")
    after = {name: code_fingerprint([cell], package) for name, cell in notebooks.items()}
    assert {name for name in notebooks if before[name] != after[name]} == reaching


def test_comments_and_markdown_do_not_count(package: Path, tmp_path: Path) -> None:
    def fingerprint(code: str, prose: str) -> str:
        cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "nb.ipynb")
        return code_fingerprint(notebook_cells(tmp_path / "nb.ipynb"), package)

    before = fingerprint("from pkg import C", "")
    (package / "yard" / "c.py").write_text('"""C."""\nC = 1\n')
    assert fingerprint("from pkg import C  # prose", "more") == before
    assert fingerprint("from pkg import C\nC", "") != before


def test_no_notebook_reaches_what_comes_after_it_or_starts_it() -> None:
    reach = {path.stem: set(reached_rooms(notebook_cells(path))) for path in sorted(notebooks_dir().glob("*.ipynb"))}
    assert not any({"study", "cli", "encode"} & rooms for rooms in reach.values())
    later = {"quantisation", "comparison", "downstream", "report.pages"}
    assert not reach["01_preprocess"] & later
    assert not reach["02_fit_3dmm"] & later
    assert "downstream" not in reach["03_train"] | reach["04_codebook_vs_facs"]


def test_a_step_depends_on_the_packages_that_its_rooms_import(package: Path) -> None:
    assert imported_packages(["hall"], package) == ["numpy"]
    every = imported_packages(all_rooms(PACKAGE))
    assert {"transformers", "lightning-fabric", "seaborn", "safetensors", "torch", "mediapipe"} <= set(every)
    assert "pytest" not in every and (PROJECT / "requirements.lock").exists()
