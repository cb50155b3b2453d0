"""The code blocks of the project's pages, and a check of every line of shell in them."""

import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from distributed.cli import dask_scheduler, dask_worker
from markdown_it import MarkdownIt

from dfe_lib.cli import _parser, main
from dfe_lib.io.parameters import check_parameters
from dfe_lib.io.paths import PROJECT
from dfe_lib.study.parameters import declared_parameters

PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "notebooks/README.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
]
QUICK = {"assets", "atlas", "claims", "compare", "datasets", "encode", "export", "inspect", "view"}
"""Subcommands of `dfe` that cost seconds: they are run. Others are parsed."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block; directives of the documentation, in braces, are none."""
    found = [each for each in MarkdownIt().parse(page.read_text(encoding="utf-8")) if each.type == "fence"]
    blocks = [Block(page, each.map[0] + 1, each.info.strip(), each.content) for each in found]
    return [each for each in blocks if not each.language.startswith("{")]


def check_parameter_block(block: Block) -> None:
    """YAML whose first line is `# params/PROFILE/NOTEBOOK.yaml`."""
    named = re.match(r"# (params/[a-z_]+/(\w+)\.yaml)\n", block.text)
    assert named, f"{block.place}: the first line must name the file of parameters"
    declared = declared_parameters(PROJECT / "notebooks" / f"{named[2]}.ipynb")
    check_parameters(yaml.safe_load(block.text), declared, named[1])


def check_shell(line: str) -> None:
    """Runs the line in the working directory where that is quick, and otherwise checks it against what it calls."""
    program, *arguments = shlex.split(line, comments=True)
    name = program.removeprefix(".venv/bin/")
    assert name in PROGRAMS, f"{name} is nothing that the pages may call"
    PROGRAMS[name](arguments)


def _dfe(arguments: Sequence[str]) -> None:
    _parser().parse_args(arguments)
    if arguments[0] in QUICK and not {"--write", "--scheduler"} & set(arguments):
        assert main(arguments) == 0


def _dask(arguments: Sequence[str]) -> None:
    command = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[arguments[0]]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= options


def _make(arguments: Sequence[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    given = dict(each.split("=") for each in arguments if "=" in each)
    assert set(arguments) - {f"{name}={value}" for name, value in given.items()} <= set(targets)
    assert set(given) <= {"PROFILE", "PYTHON"}
    assert given.get("PROFILE", "smoke") in ("smoke", *(path.name for path in (PROJECT / "params").iterdir()))


def _papermill(arguments: Sequence[str]) -> None:
    files = arguments[: arguments.index("-p")]
    declared = declared_parameters(PROJECT / files[0])
    values = {arguments[i + 1]: yaml.safe_load(arguments[i + 2]) for i, word in enumerate(arguments) if word == "-p"}
    check_parameters(values, declared, files[0])


def _pip(arguments: Sequence[str]) -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    *options, what = arguments
    assert options[0] == "install" and re.sub(r"\[|\]", "", what.removeprefix(".")) in ("", *extras)
    known = {"-c", "-r", "-e", "--no-deps"}
    assert all((PROJECT / each).is_file() for each in options[1:] if each not in known)


def _conda(arguments: Sequence[str]) -> None:
    name = yaml.safe_load((PROJECT / "environment.yml").read_text())["name"]
    assert list(arguments) in (["env", "create", "-f", "environment.yml"], ["activate", name])


def _pytest(arguments: Sequence[str]) -> None:
    assert all((PROJECT / each).exists() for each in arguments if not each.startswith("-"))


PROGRAMS = {
    "dfe": _dfe,
    "dask": _dask,
    "make": _make,
    "papermill": _papermill,
    "pip": _pip,
    "conda": _conda,
    "pytest": _pytest,
}
