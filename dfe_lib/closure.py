"""Which code a notebook runs: its own cells and the modules of this package that they import, directly or not."""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

import nbformat

from .paths import PROJECT

__all__ = ["BYSTANDERS", "code_fingerprint", "imported_modules"]

PACKAGE = PROJECT / "dfe_lib"

BYSTANDERS = frozenset({"cli", "closure", "kernels", "manifest", "parameters", "runner"})
"""Modules that start and record a stage without touching what it computes."""


def code_fingerprint(notebook: Path, package: Path = PACKAGE) -> str:
    """sha256 of a notebook's code cells, of the modules they import, and of the package's data files.

    A folder beside a module and of its name, such as the web pages' `pages/`, counts with the module.

    Comments and layout do not count; markdown cells do not either.

    Arguments:
        notebook: Path of the notebook.
        package: Folder of the package whose modules are followed.
    """
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    names = imported_modules(cells, package)
    modules = [package / f"{name}.py" for name in names]
    data = sorted(path for folder in ("data", *names) for path in package.glob(f"{folder}/**/*") if path.is_file())
    digest = hashlib.sha256()
    for text in [*map(_essence, cells), *(_essence(path.read_text(encoding="utf-8")) for path in modules)]:
        digest.update(text.encode() + b"\0")
    for path in data:
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def imported_modules(sources: Iterable[str], package: Path = PACKAGE) -> list[str]:
    """Names of the package's modules that the sources import, and those that these import, sorted.

    >>> imported_modules(["from dfe_lib.errors import UserError"])
    ['errors']
    """
    found: set[str] = set()
    waiting = [name for source in sources for name in _imports(source, package)]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in BYSTANDERS:
            found.add(name)
            waiting += _imports((package / f"{name}.py").read_text(encoding="utf-8"), package)
    return sorted(found)


def _imports(source: str, package: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(_python(source))):
        if isinstance(node, ast.Import):
            names += [alias.name.partition(".")[2] or "__init__" for alias in node.names if _ours(alias.name, package)]
        elif isinstance(node, ast.ImportFrom):
            names += _imports_from(node, package)
    return [name.partition(".")[0] for name in names]


def _imports_from(node: ast.ImportFrom, package: Path) -> list[str]:
    inside = node.level == 1 or _ours(node.module or "", package)
    module = (node.module or "") if node.level else (node.module or "").partition(".")[2]
    if not inside:
        return []
    if module:
        return [module]
    return [alias.name if (package / f"{alias.name}.py").exists() else "__init__" for alias in node.names]


def _ours(module: str, package: Path) -> bool:
    return module.partition(".")[0] == package.name


def _essence(source: str) -> str:
    return ast.dump(ast.parse(_python(source)))


def _python(source: str) -> str:
    # A magic stays part of the fingerprint, as a string that Python can parse.
    lines = source.splitlines()
    return "\n".join(repr(line) if line.startswith(("%", "!")) else line for line in lines)
