"""Parts of pages that are made from the project, so that nobody retypes them.

- `{data-dictionary}`: the columns of an encoded table, from `dfe_lib.encoding.columns`.
- `{study-table} NAME`: `columns` of a table of `results/study`, or of another `run`, of the rows that `where` picks.
- `{public-names} PACKAGE`: the documentation of every name in the package's `__all__`.
- `{rooms}`: what each room is for, and a sentence on each of its names; nothing is imported.
- Pages of `OPTIONAL` are in the navigation where they are there.
- The notebooks, with their stored outputs, are copied to `docs/notebooks` before the pages are read.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from docutils.nodes import Node
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "dfe_lib"
N_TOKENS = 4
"""Of a frame, by the study's model."""
OPTIONAL = ("clusters", "how_long", "fairness")
"""Pages of the navigation that may be missing."""


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("data-dictionary", DataDictionary)
    app.add_directive("study-table", StudyTable)
    app.add_directive("public-names", PublicNames)
    app.add_directive("rooms", Rooms)
    app.connect("builder-inited", copy_notebooks)
    app.connect("source-read", drop_missing_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy_notebooks(app: Sphinx) -> None:
    """Whose pictures of the study lie one folder further away from there."""
    folder = Path(app.srcdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        text = path.read_text(encoding="utf-8").replace("](../results/", "](../../results/")
        copy = folder / path.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")


def drop_missing_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Lines of the front page's navigation that name no page."""
    if docname == app.config.root_doc:
        missing = {name for name in OPTIONAL if name not in app.project.docnames}
        source[0] = "\n".join(line for line in source[0].splitlines() if line not in missing)


class DataDictionary(SphinxDirective):
    def run(self) -> list[Node]:
        from dfe_lib.encoding import data_dictionary
        from dfe_lib.encoding.settings import GROUPS
        from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae

        table = data_dictionary(N_TOKENS, RvqVae.from_pretrained(STUDY_MODEL).config.coefficients, GROUPS)
        rows = [(f"`{row.column}`", row.group, row.unit, row.meaning) for row in table.itertuples()]
        return self.parse_text_to_nodes(markdown_table(table.columns, rows))


class StudyTable(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {
        "columns": directives.unchanged_required,
        "where": directives.unchanged,
        "run": directives.unchanged,
    }

    def run(self) -> list[Node]:
        from dfe_lib.study.values import Tables

        run = self.options.get("run", "study")
        path = PROJECT / "results" / run / "tables" / f"{self.arguments[0]}.csv"
        self.env.note_dependency(path)
        table = Tables(path.parents[1])[self.arguments[0]]
        for column, values in _conditions(self.options.get("where", "")):
            table = table[table[column].astype(str).isin(values)]
        if table.empty:
            raise self.error(f"{path.name} has no such rows")
        columns = _words(self.options["columns"])
        return self.parse_text_to_nodes(markdown_table(columns, table[columns].itertuples(index=False)))


class PublicNames(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[Node]:
        package = importlib.import_module(self.arguments[0])
        lines = ["```{eval-rst}"]
        for name in package.__all__:
            lines += _documented(package.__name__, name, getattr(package, name))
        return self.parse_text_to_nodes("\n".join([*lines, "```"]))


class Rooms(SphinxDirective):
    def run(self) -> list[Node]:
        text = []
        for path in sorted(PACKAGE.rglob("__init__.py")):
            if path.parent != PACKAGE:
                self.env.note_dependency(path)
                text += _room(path)
        return self.parse_text_to_nodes("\n".join(text), allow_section_headings=True)


def markdown_table(columns: Sequence[str], rows: Iterator[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *([_cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3g}"
    return str(value).replace("|", "\\|")


def _conditions(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in filter(None, text.split(";")):
        column, values = part.split("=")
        yield column.strip(), _words(values)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _documented(package: str, name: str, thing: object) -> list[str]:
    kind = "function" if inspect.isroutine(thing) else "data"
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, Exception) else "class"
    members = ["   :members:"] if kind == "class" else []
    return [f".. auto{kind}:: {package}.{name}", *members, ""]


def _room(path: Path) -> list[str]:
    """A heading, the room's docstring, and a table of its names."""
    tree, room = ast.parse(path.read_text(encoding="utf-8")), path.parent.relative_to(PACKAGE).as_posix()
    rows = [(f"`{name}`", _sentence(path.parent, module, name)) for name, module in sorted(_names(tree))]
    return [f"## {room}", "", ast.get_docstring(tree) or "", "", markdown_table(("name", "what it is"), rows), ""]


def _names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each public name and the module that it comes from: of the plain imports, or of the lazy table."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from ((alias.name, node.module or "") for alias in node.names)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_MODULES":
            yield from ast.literal_eval(node.value).items()


def _sentence(room: Path, module: str, name: str) -> str:
    """The first sentence of its docstring; of a constant, the string below it."""
    body = ast.parse((room / f"{module}.py").read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if getattr(node, "name", "") == name:
            return _first(ast.get_docstring(node) or "")
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if name in [getattr(target, "id", "") for target in targets] and isinstance(after, ast.Expr):
            return _first(ast.literal_eval(after.value))
    return ""


def _first(docstring: str) -> str:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".")
