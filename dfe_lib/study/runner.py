"""The strict runner: notebooks in order, checked before anything runs, skipped when nothing changed.

python -m dfe_lib.study.runner RUN STEP      one step of a run alone, silently
"""

import glob
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError, did_you_mean
from ..io.assets import asset
from ..io.clip_table import columns_sha256, has_clips, is_clip_table, table_clips
from ..io.parameters import check_parameters, read_parameters
from ..io.paths import PROJECT, notebooks_dir, params_dir, user_path
from ..io.pieces import PIECES
from ..io.run import ANNOUNCED, SMOKE, STEPS, Step, Study
from ..io.scratch import sole_writer
from ..tracking.formats.daic_woz import is_companion, is_daic_woz
from .claims import CLAIMED, check_claims, read_claims, write_verdicts
from .fingerprint import code_fingerprint, imported_packages, notebook_cells, reached_rooms
from .html_pages import write_page
from .kernel import Announcements, PeakMemory, execute_notebook
from .manifest import file_hashes, read_json, versions, write_json, write_manifest
from .parameters import declared_parameters

__all__ = ["CORPUS", "Outcome", "Runner"]

REPORT = "report.html"
CORPUS = "corpus"
"""Parameter that names the folder of another run: a step that is given one reads its kinds there."""


COPIES = ("notebooks", "html")
"""Folders of a run with the executed notebooks, which are no results."""


@dataclass(frozen=True)
class Outcome:
    """What became of one step: did it run, and for how long."""

    step: str
    ran: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.step:<22} " + (f"ran      {self.seconds:7.1f} s" if self.ran else "skipped")


@dataclass(frozen=True)
class _Plan:
    """A step with its checked parameters: those to inject, and all of them."""

    step: Step
    notebook: Path
    injected: dict[str, object]
    parameters: dict[str, object]


class Runner:
    """Executes the steps of one run.

    Arguments:
        run: Name of the run, which is also the profile that its parameters come from.
        steps: Steps in order.
        notebooks, params: Folders of the notebooks and of the parameter files `<step>.yaml`.
        report: Takes one line for each step, and the summary.
        ahead: What to say of a step, by its name, before it runs; nothing where that is empty.

    Raises:
        UserError: the profile is unknown, or has a file that belongs to no notebook.
    """

    def __init__(
        self,
        run: str = "study",
        *,
        steps: Sequence[Step] = STEPS,
        notebooks: Path | None = None,
        params: Path | None = None,
        report: Callable[[str], object] = print,
        ahead: Callable[[str], str] = lambda step: "",
    ) -> None:
        self.run = run
        self.steps = tuple(steps)
        self.notebooks = notebooks or notebooks_dir()
        self.params = params or params_dir(run)
        self.folder = Study(run).folder
        self.report, self.ahead = report, ahead
        self._check_profile()

    def execute(self, only: Sequence[str] | None = None) -> list[Outcome]:
        """Run what has changed, in order; all parameters are checked before the first step starts.

        Arguments:
            only: Names of the steps to consider; all, when None.

        Raises:
            UserError: an unknown parameter, a wrong type, a missing notebook, another process in the run's folder.
            StepError: a cell failed; the steps after it were not started.
        """
        plans = [self._plan(step) for step in self.steps if only is None or step.name in only]
        outcomes = []
        with sole_writer(self.folder):
            for plan in plans:
                outcomes.append(self._step(plan))
                self.report(str(outcomes[-1]))
            if self.run == CLAIMED and only is None:
                self._check_claims()
            if only is None:
                self._write_report(any(outcome.ran for outcome in outcomes))
        if not any(outcome.ran for outcome in outcomes):
            self.report(f"{self.run} is up to date: nothing to do")
        return outcomes

    def _check_claims(self) -> None:
        verdicts = check_claims(self.folder, read_claims())
        write_verdicts(self.folder, verdicts)
        for verdict in verdicts:
            self.report(str(verdict))

    def _write_report(self, ran: bool) -> None:
        """The page that a reader opens first; a run that wrote no tables has none."""
        if not (self.folder / "tables").is_dir() or (not ran and (self.folder / REPORT).exists()):
            return
        from ..report.pages.run_report import write_run_report  # slow to import, and not needed when all is skipped

        write_run_report(self.folder, read_json(self._manifest))
        self.report(f"read results/{self.run}/{REPORT} first")

    def _check_profile(self) -> None:
        if not self.params.is_dir():
            if self.run == SMOKE:
                return
            known = [path.name for path in self.params.parent.glob("*") if path.is_dir()]
            raise UserError(f"There is no profile params/{self.run}; {did_you_mean(self.run, [*known, SMOKE])}")
        for path in self.params.glob("*.y*ml"):
            names = [f"{step.name}.yaml" for step in self.steps]
            if path.name not in names:
                raise UserError(
                    f"params/{self.run}/{path.name} belongs to no notebook; {did_you_mean(path.name, names)}"
                )

    def _plan(self, step: Step) -> _Plan:
        notebook = self.notebooks / f"{step.name}.ipynb"
        if not notebook.exists():
            raise UserError(f"The notebook {notebook.name} is not in {self.notebooks}: bring it back or check it out.")
        source = f"params/{self.run}/{step.name}.yaml"
        values = read_parameters(self.params / f"{step.name}.yaml")
        if "run" in values:
            raise UserError(f"{source}: take run out, the profile's name sets it.")
        declared = declared_parameters(notebook)
        check_parameters(values, declared, source)
        injected = values | {"run": self.run}
        check_parameters(injected, declared, notebook.name)
        return _Plan(step, notebook, injected, {name: item.value for name, item in declared.items()} | injected)

    def _step(self, plan: _Plan) -> Outcome:
        inputs = self._inputs(plan)
        key = _key(plan, inputs)
        before = self._records().get(plan.step.name, {})
        if before.get("key") == key and self._is_complete(plan, before):
            self._publish()
            return Outcome(plan.step.name, False, 0.0)
        if before.get("key") != key:
            self._remove_outputs(plan)
        (self.folder / REPORT).unlink(missing_ok=True)  # a run that stops on the way must not show another one's
        if said := self.ahead(plan.step.name):
            self.report(said)
        record = self._run_notebook(plan, key, inputs)
        self._publish(force=True)
        write_page(self._executed(plan), self.folder / "html")
        return Outcome(plan.step.name, True, record["wall_s"])

    def _run_notebook(self, plan: _Plan, key: str, inputs: dict[str, str]) -> dict:
        marks, start, done = self._marks(), time.perf_counter(), False
        kept = self._records().get(plan.step.name, {}).get("outputs", {})
        memory = PeakMemory()
        try:
            with memory, Announcements(self.folder / ANNOUNCED, self.report):
                execute_notebook(plan.notebook, self._executed(plan), plan.injected)
            done = True
        finally:
            # An unfinished step is recorded too: what it left is resumed by the same code, and removed before other.
            files = [
                path for path, mark in self._marks().items() if marks.get(path) != mark or self._name(path) in kept
            ]
            record = {
                "key": key,
                "done": done,
                "parameters": plan.parameters,
                "seed": plan.parameters.get("seed"),
                "inputs": inputs,
                "outputs": file_hashes(files, self.folder),
                "wall_s": round(time.perf_counter() - start, 1),
                "peak_mb": memory.peak_mb,
            }
            write_json(self._state, self._records() | {plan.step.name: record})
        return record

    def _inputs(self, plan: _Plan) -> dict[str, str]:
        corpus = plan.parameters.get(CORPUS)
        source = PROJECT / str(corpus) if corpus else self.folder
        made = [path for kind in plan.step.reads for path in _visible(source / kind)]
        values = [plan.parameters.get(name) for name in plan.step.files]
        return file_hashes(made, source, f"{CORPUS}/" if corpus else "") | _file_parameters(values, plan.step.columns)

    def _is_complete(self, plan: _Plan, record: Mapping) -> bool:
        files = [self.folder / name for name in record["outputs"]]
        return (
            record["done"]
            and self._executed(plan).exists()
            and all(path.is_file() for path in files)
            and file_hashes(files, self.folder) == record["outputs"]
        )

    def _remove_outputs(self, plan: _Plan) -> None:
        # A clip that is no longer asked for must not be read by the next step; a fresh clone has only the manifest.
        committed = read_json(self._manifest).get("steps", {})
        record = self._records().get(plan.step.name) or committed.get(plan.step.name, {})
        for name in record.get("outputs", {}):
            (self.folder / name).unlink(missing_ok=True)

    def _publish(self, force: bool = False) -> None:
        """Write the manifest from the records of the finished steps; committed entries stand in for the others."""
        if not force and self._manifest.exists():
            return
        records = {name: record for name, record in self._records().items() if record["done"]}
        public = {
            name: {k: v for k, v in record.items() if k not in ("key", "done")} for name, record in records.items()
        }
        write_manifest(self._manifest, self.run, read_json(self._manifest).get("steps", {}) | public)

    def _marks(self) -> dict[Path, tuple[int, int, int]]:
        kinds = [path for path in self.folder.glob("*") if path.is_dir() and path.name not in COPIES]
        stats = {path: path.stat() for folder in kinds for path in _visible(folder)}
        return {path: (stat.st_ino, stat.st_mtime_ns, stat.st_size) for path, stat in stats.items()}

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _executed(self, plan: _Plan) -> Path:
        return self.folder / "notebooks" / plan.notebook.name

    def _records(self) -> dict:
        return read_json(self._state)

    @property
    def _state(self) -> Path:
        return self.folder / ".state.json"

    @property
    def _manifest(self) -> Path:
        return self.folder / "manifest.json"


def _key(plan: _Plan, inputs: Mapping[str, str]) -> str:
    """Fingerprint of all that a step's results can depend on."""
    cells = notebook_cells(plan.notebook)
    packages = versions(imported_packages(reached_rooms(cells)))
    parts = [inputs, plan.parameters, code_fingerprint(cells), packages, sys.version]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()


def _file_parameters(values: Sequence[object], columns: Sequence[str] = ()) -> dict[str, str]:
    """Hashes of the files that parameters name; a value that is no name, such as a mapping, names none.

    Arguments:
        columns: of tables of clips, those that count: a label more is no reason to find all faces again.
    """
    lists = [value if isinstance(value, list) else [value] for value in values]
    names = [name for value in lists for name in value if isinstance(name, str) and name]
    pieces = sorted({name for name in names if name in PIECES})
    files = {path for name in names if name not in PIECES for path in _files_named(name)}
    tables = {path for path in files if columns and has_clips(path)}
    root = Path(os.path.commonpath([path.parent for path in files])) if files else Path()
    hashes = {f"assets/{name}": PIECES[name].sha256 for name in pieces if asset(name)}
    parts = {
        f"media/{path.relative_to(root).as_posix()}: {', '.join(columns)}": columns_sha256(path, columns)
        for path in sorted(tables)
    }
    return hashes | file_hashes(files - tables, root, "media/") | parts


def _files_named(name: str) -> list[Path]:
    """Files of a file, folder, table of clips or glob, as `sources.find_sources` understands the name."""
    path = user_path(name)
    if is_clip_table(path):
        return [path, *(file for clip in sorted({clip.path for clip in table_clips(path)}) for file in _files_of(clip))]
    names = [path] if path.exists() else glob.iglob(str(path), recursive=True)  # noqa: PTH207 - may be absolute
    return [file for each in names for file in _files_of(Path(each))]


def _files_of(path: Path) -> list[Path]:
    """All files that are read with this file or folder: its own, and those of the session for which it stands."""
    if path.is_dir():
        return _visible(path)
    beside = [each for each in path.parent.iterdir() if is_companion(each)] if is_daic_woz(path) else []
    return [path, *beside] if path.is_file() else []


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _main() -> int:
    try:
        Runner(sys.argv[1], report=lambda line: None).execute(only=sys.argv[2:])
    except UserError as error:
        print(f"dfe: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
