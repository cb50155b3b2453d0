"""Which code a notebook runs: its own cells and the rooms of this package that they import, directly or not.

A room is a folder of the package, or a module that stands beside the rooms; it counts whole, with its data files.
"""

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat

from ..io.paths import PROJECT

__all__ = ["all_rooms", "code_fingerprint", "imported_packages", "notebook_cells", "reached_rooms"]

PACKAGE = PROJECT / "dfe_lib"
LOCK = PROJECT / "requirements.lock"
LAZY = "_MODULES"
"""The table in the package's `__init__` that says in which module each of its public names is."""


def code_fingerprint(cells: Iterable[str], package: Path = PACKAGE) -> str:
    """sha256 of code cells and of all files of the rooms that they reach; comments and layout do not count.

    Arguments:
        cells: Sources of a notebook's code cells.
        package: Folder of the package whose rooms are followed.
    """
    cells = list(cells)
    digest = hashlib.sha256()
    for cell in cells:
        digest.update(_essence(cell).encode() + b"\0")
    for room in reached_rooms(cells, package):
        for path in _files(package, room):
            content = _essence(path.read_text(encoding="utf-8")).encode() if path.suffix == ".py" else path.read_bytes()
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def notebook_cells(notebook: Path) -> list[str]:
    """Sources of a notebook's code cells."""
    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def all_rooms(package: Path = PACKAGE) -> list[str]:
    """Names of the package's rooms, sorted."""
    folders = [path.parent.relative_to(package) for path in package.rglob("__init__.py") if path.parent != package]
    beside = [path.stem for path in package.glob("*.py") if path.stem != "__init__"]
    return sorted([*(".".join(folder.parts) for folder in folders), *beside])


def reached_rooms(sources: Iterable[str], package: Path = PACKAGE) -> list[str]:
    """Names of the rooms that the sources import, and those that these import, sorted.

    >>> reached_rooms(["from dfe_lib import UserError"])
    ['errors']
    """
    found: set[str] = set()
    waiting = {room for source in sources for room in _rooms(source, package)}
    while waiting:
        room = waiting.pop()
        found.add(room)
        for path in _modules(package, room):
            waiting |= _rooms(path.read_text(encoding="utf-8"), package, path) - found
    return sorted(found)


def imported_packages(rooms: Iterable[str], package: Path = PACKAGE, lock: Path = LOCK) -> list[str]:
    """Names of the lock's packages that these rooms import themselves, sorted.

    >>> imported_packages(["io"])[:3]
    ['av', 'distributed', 'filelock']
    """
    locked = {_canonical(line.split("==")[0]) for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line}
    tops = {name.partition(".")[0] for room in rooms for path in _modules(package, room) for name in _foreign(path)}
    distributions = _distributions()
    return sorted({_canonical(name) for top in tops for name in distributions.get(top, ())} & locked)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _files(package: Path, room: str) -> list[Path]:
    """Modules of a room and the files in those of its folders that are no rooms themselves."""
    folder = package / room.replace(".", "/")
    if not folder.is_dir():
        return _modules(package, room)
    inner = [path.parent for path in folder.rglob("__init__.py") if path.parent != folder]
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path for path in files if not any(path.is_relative_to(each) for each in inner))


def _modules(package: Path, room: str) -> list[Path]:
    folder = package / room.replace(".", "/")
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@cache
def _rooms(source: str, package: Path, path: Path | None = None) -> frozenset[str]:
    """Rooms that a source imports; a room inside another one brings the outer one along, as Python does."""
    found: set[str] = set()
    for module, names in _imports(source, package, path):
        targets = [f"{module}.{name}".strip(".") for name in names] if names else [module]
        for target in targets:
            found |= _rooms_of(target, package)
    return frozenset(found)


def _rooms_of(target: str, package: Path) -> set[str]:
    lazy = _lazy(package)
    if not target:  # the package itself, and whatever is asked of it later
        return {room for module in lazy.values() for room in _rooms_of(module, package)}
    parts = lazy.get(target, target).split(".")
    folders = {".".join(parts[: n + 1]) for n in range(len(parts)) if package.joinpath(*parts[: n + 1]).is_dir()}
    return folders or ({parts[0]} if (package / f"{parts[0]}.py").exists() else set())


def _lazy(package: Path) -> dict[str, str]:
    """Module of each name that the package itself offers."""
    init = package / "__init__.py"
    if not init.exists():
        return {}
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == LAZY:
            return ast.literal_eval(node.value)
    return {}


def _imports(source: str, package: Path, path: Path | None) -> list[tuple[str, list[str]]]:
    """Modules of the package, dotted from its folder, with the names that are imported from them."""
    found: list[tuple[str, list[str]]] = []
    for node in ast.walk(ast.parse(_python(source))):
        if isinstance(node, ast.Import):
            inside = [alias.name for alias in node.names if alias.name.partition(".")[0] == package.name]
            found += [(name.partition(".")[2], []) for name in inside]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package, path)
            if module.partition(".")[0] == package.name:
                found.append((module.partition(".")[2], [alias.name for alias in node.names]))
    return found


def _absolute(node: ast.ImportFrom, package: Path, path: Path | None) -> str:
    if not node.level or path is None:
        return node.module or ""
    above = [package.name, *path.relative_to(package).parts[: -node.level]]
    return ".".join([*above, *([node.module] if node.module else [])])


def _foreign(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module or "")
    return names


def _essence(source: str) -> str:
    return ast.dump(ast.parse(_python(source)))


def _python(source: str) -> str:
    # A magic stays part of the fingerprint, as a string that Python can parse.
    lines = source.splitlines()
    return "\n".join(repr(line) if line.startswith(("%", "!")) else line for line in lines)
