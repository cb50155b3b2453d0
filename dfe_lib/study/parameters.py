"""The parameters that a notebook declares, read from its cell without running it."""

import ast
from pathlib import Path
from types import NoneType

import nbformat

from ..errors import UserError
from ..io.parameters import Parameter

__all__ = ["declared_parameters"]

_KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (bool, int, float, str, list, tuple, dict, set)
} | {"None": NoneType}  # fmt: skip


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
