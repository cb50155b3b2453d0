from pathlib import Path

import nbformat
import pytest

from dfe_lib.closure import code_fingerprint, imported_modules

MODULES = {
    "__init__": "from .c import C",
    "a": "from .b import B\nimport numpy",
    "b": '"""B."""\nB = 1  # why',
    "c": "C = 1",
    "d": "def late():\n    from pkg import b\n",
    "runner": "import pkg.c",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "pkg" / "data").mkdir(parents=True)
    for name, source in MODULES.items():
        (tmp_path / "pkg" / f"{name}.py").write_text(source)
    return tmp_path / "pkg"


def notebook(folder: Path, code: str = "from pkg.a import B", prose: str = "") -> Path:
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "nb.ipynb")
    return folder / "nb.ipynb"


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("from pkg.a import B", ["a", "b"]),
        ("import pkg.b as b", ["b"]),
        ("from pkg import d", ["b", "d"]),
        ("from pkg import C", ["__init__", "c"]),
        ("import pkg", ["__init__", "c"]),
        ("import pkgs.a, os\nfrom pkgs.a import b", []),
        ("%matplotlib inline\nfrom pkg.b import B", ["b"]),
        ("from pkg.runner import x", []),
    ],
)
def test_modules_are_followed(package: Path, source: str, modules: list[str]) -> None:
    assert imported_modules([source], package) == modules


def test_only_code_that_is_used_changes_the_fingerprint(package: Path, tmp_path: Path) -> None:
    before = code_fingerprint(notebook(tmp_path), package)
    (package / "c.py").write_text("C = 2")
    (package / "b.py").write_text('"""B."""\nB = 1\n')
    assert code_fingerprint(notebook(tmp_path, "from pkg.a import B  # prose", "more"), package) == before

    (package / "b.py").write_text('"""B."""\nB = 2')
    changed = code_fingerprint(notebook(tmp_path), package)
    assert changed != before
    assert code_fingerprint(notebook(tmp_path, "from pkg.a import B\nB"), package) != changed

    (package / "data" / "weights.bin").write_bytes(b"1")
    assert code_fingerprint(notebook(tmp_path), package) != changed


def test_a_folder_of_a_modules_name_counts_where_the_module_is_used(package: Path, tmp_path: Path) -> None:
    before = code_fingerprint(notebook(tmp_path), package)
    for name in ("b", "c"):
        (package / name).mkdir()
    (package / "c" / "page.html").write_text("<p>")
    assert code_fingerprint(notebook(tmp_path), package) == before
    (package / "b" / "page.html").write_text("<p>")
    assert code_fingerprint(notebook(tmp_path), package) != before
