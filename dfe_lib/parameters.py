"""The parameters of a notebook: read from its cell without running it, and checked before a run by name and type."""

import ast
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType

import nbformat
import yaml

from .errors import UserError

__all__ = ["Parameter", "check_parameters", "declared_parameters", "did_you_mean", "read_parameters"]

_KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (bool, int, float, str, list, tuple, dict, set)
} | {"None": NoneType}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """A parameter's committed value, and the types it may have; no types: any."""

    value: object
    kinds: frozenset[type]


def declared_parameters(notebook: Path) -> dict[str, Parameter]:
    """Names, values and types in the cell tagged `parameters`.

    Raises:
        UserError: there is no such cell, or it holds something other than literals.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise UserError(f"{notebook.name} has {len(tagged)} cells tagged `parameters`: it needs one.")
    return dict(_declared(statement, notebook.name) for statement in ast.parse(tagged[0]).body)


def read_parameters(path: Path) -> dict[str, object]:
    """Parameters of a YAML file; none when there is no such file.

    Raises:
        UserError: the file is not a YAML mapping from names to values.
    """
    if not path.exists():
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{_short(path)} is not YAML: {' '.join(str(error).split())}.") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise UserError(f"{_short(path)} must hold lines of the form `name: value`.")
    return values


def check_parameters(values: Mapping[str, object], declared: Mapping[str, Parameter], source: str) -> None:
    """Refuse unknown names and wrong types.

    Arguments:
        values: What is to be set.
        declared: What the notebook declares.
        source: Where the values come from, for the message.

    Raises:
        UserError: names the parameter and says what it must be.

    >>> check_parameters({"lr": 1}, {"lr": Parameter(0.5, frozenset({float}))}, "train.yaml")
    >>> check_parameters({"lr": "1e-3"}, {"lr": Parameter(0.5, frozenset({float}))}, "train.yaml")
    Traceback (most recent call last):
    dfe_lib.errors.UserError: train.yaml: lr must be float, not the str '1e-3' (YAML reads 1e-3 as text: write 1.0e-3).
    """
    for name, value in values.items():
        if name not in declared:
            raise UserError(f"{source}: there is no parameter called {name}; {did_you_mean(name, declared)}")
        if not _fits(value, declared[name].kinds):
            wanted = " or ".join(sorted(kind.__name__ for kind in declared[name].kinds))
            got = f"the {type(value).__name__} {value!r}"
            raise UserError(f"{source}: {name} must be {wanted}, not {got}{_number_hint(value)}.")


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence: the nearest choice, or all of them.

    >>> did_you_mean("sead", ["run", "seed"])
    'did you mean seed?'
    """
    choices = sorted(set(choices))
    close = difflib.get_close_matches(name, choices, 1)
    return f"did you mean {close[0]}?" if close else "choose from " + ", ".join(choices) + "."


def _declared(statement: ast.stmt, where: str) -> tuple[str, Parameter]:
    target: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
    if not isinstance(target, ast.Name):
        raise UserError(f"{where}: `{ast.unparse(statement)}` in the parameters cell is not `name = literal`.")
    try:
        value = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
    except ValueError as error:
        raise UserError(f"{where}: {target.id} in the parameters cell must be a literal.") from error
    annotation = statement.annotation if isinstance(statement, ast.AnnAssign) else None
    return target.id, Parameter(value, _kinds(annotation, value))


def _kinds(annotation: ast.expr | None, value: object) -> frozenset[type]:
    # Without an annotation, a None says nothing about what the parameter may be.
    if annotation is None:
        return frozenset() if value is None else frozenset({type(value)})
    return frozenset(_annotated(annotation))


def _annotated(node: ast.expr) -> list[type]:
    if isinstance(node, ast.BinOp):
        return [*_annotated(node.left), *_annotated(node.right)]
    name = ast.unparse(node.value if isinstance(node, ast.Subscript) else node)
    if name not in _KINDS:
        raise UserError(f"The annotation {ast.unparse(node)} of a parameter must join {', '.join(_KINDS)} by `|`.")
    return [_KINDS[name]]


def _fits(value: object, kinds: frozenset[type]) -> bool:
    # bool is a subclass of int, and yes would pass for 1; YAML has no tuple.
    passes_for = {int: float, list: tuple}.get(type(value))
    return not kinds or type(value) in kinds or passes_for in kinds


def _number_hint(value: object) -> str:
    if not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return ""
    return " (YAML reads 1e-3 as text: write 1.0e-3)" if "e" in value.lower() else " (take the quotes away)"


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
