"""The five steps of the study, and the folders of one run that they read and write."""

import re
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from ..errors import UserError
from .paths import results_dir
from .scratch import OLD_S, sweep
from .tables import atomic_path, write_csv

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["ANNOUNCED", "DPI", "KINDS", "SMOKE", "STEPS", "Step", "Study"]

DPI = 150
"""Dots per inch of every saved figure."""

MARGIN_IN = 0.08
"""White around a saved figure, inches: what its layout would cut off is kept."""

ANNOUNCED = ".announced"
"""File of a run's folder with what its notebooks say while they run."""

SMOKE = "smoke"
"""The run of the notebooks' committed defaults."""

KINDS: tuple[str, ...] = ("frames", "cohort", "expressions", "model", "tokens", "atlas", "figures", "tables")
"""Folders of a run."""

LEARNS_FROM = ("subject_id", "split")
"""What a training reads of a table of clips: whom it must not learn from."""


@dataclass(frozen=True)
class Step:
    """One notebook of the study; all of them may also write figures and tables.

    Arguments:
        name: Of the notebook, without its ending.
        reads, writes: Kinds of `KINDS`; a kind is written by one step.
        files: Parameters of the notebook that name its input files: assets, files, folders or globs.
        columns: Of the tables of clips among these files, what the step reads; all of them where it names none.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


STEPS: tuple[Step, ...] = (
    Step("01_preprocess", (), ("frames", "cohort"), ("media", "subject_table"), ("clip_id", "subject_id", "path")),
    Step("02_fit_3dmm", ("frames",), ("expressions",), ("flame",)),
    Step("03_train", ("frames", "expressions", "cohort"), ("model", "tokens"), ("labels", "align_to"), LEARNS_FROM),
    Step("04_codebook_vs_facs", ("frames", "cohort", "expressions", "model", "tokens"), ("atlas",)),
    Step("05_downstream", ("frames", "expressions", "model", "tokens"), (), ("clips",)),
)


class Study:
    """The folders of one run, `results/<run>/<kind>`, made when they are asked for.

    What a killed process left there half written is removed when it is a day old.

    Arguments:
        run: Name of the run; letters, digits, `.`, `_` and `-`.

    Raises:
        UserError: the name is not one folder.

    >>> Study("smoke").folder.name
    'smoke'
    """

    def __init__(self, run: str = SMOKE) -> None:
        if not re.fullmatch(r"\w[\w.-]*", run):
            raise UserError(f"run = {run!r} is not a folder's name: use letters, digits, '.', '_' and '-'.")
        self.run = run
        self.folder = results_dir(run)
        for kind in KINDS:
            sweep(self.folder / kind, older_s=OLD_S)

    @property
    def frames(self) -> Path:
        return self._made("frames")

    @property
    def cohort(self) -> Path:
        return self._made("cohort")

    @property
    def expressions(self) -> Path:
        return self._made("expressions")

    @property
    def model(self) -> Path:
        return self._made("model")

    @property
    def tokens(self) -> Path:
        return self._made("tokens")

    @property
    def atlas(self) -> Path:
        return self._made("atlas")

    @property
    def figures(self) -> Path:
        return self._made("figures")

    @property
    def tables(self) -> Path:
        return self._made("tables")

    def require(self, kind: str) -> Path:
        """Folder of a kind with something in it; the smoke run makes what is missing by the steps that write it.

        Arguments:
            kind: One of the kinds that a step writes: frames, cohort, expressions, model, tokens.

        Raises:
            UserError: the folder is empty and this is not the smoke run.
        """
        folder = self._made(kind)
        if not _is_empty(folder):
            return folder
        step = _writer(kind)
        if self.run != SMOKE:
            raise UserError(
                f"results/{self.run}/{kind} is empty: run notebooks/{step.name}.ipynb with run = {self.run!r} first."
            )
        for upstream in step.reads:
            self.require(upstream)
        _run_alone(step, self.run)
        return folder

    def stop(self, sentence: str) -> None:
        """Ends a notebook here: the sentence is printed, and the cells below do nothing until the kernel starts anew.

        Arguments:
            sentence: why there is nothing more to do.
        """
        print(sentence)
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is None:
            raise SystemExit(0)
        shell.input_transformers_cleanup.append(lambda lines: [])

    def announce(self, sentence: str) -> None:
        """Says something while a notebook still runs: in its output, and in whichever terminal `dfe study` runs in."""
        print(sentence)
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ANNOUNCED).open("a", encoding="utf-8") as file:
            file.write(sentence + "\n")

    def save_figure(self, figure: "matplotlib.figure.Figure", name: str) -> None:
        """Write `figures/<name>.png`; the same figure gives the same bytes, in a palette that keeps them few."""
        from .palette import with_palette  # scipy, which no command needs to start

        path = self.figures / _with_ending(name, ".png")
        drawn = BytesIO()
        figure.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", pad_inches=MARGIN_IN)
        picture = np.asarray(Image.open(drawn).convert("RGB"))
        with atomic_path(path) as partial:
            with_palette(picture).save(partial, "PNG", optimize=True)

    def save_table(self, table: pd.DataFrame, name: str, digits: int = 6) -> None:
        """Write `tables/<name>.csv` without the index, numbers with so many significant digits, lines ending in LF."""
        path = self.tables / _with_ending(name, ".csv")
        write_csv(path, table, float_format=f"%.{digits}g")

    def _made(self, kind: str) -> Path:
        if kind not in KINDS:
            raise UserError(f"There is no kind of result called {kind!r}: use one of {', '.join(KINDS)}.")
        folder = self.folder / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _is_empty(folder: Path) -> bool:
    return all(path.name.startswith(".") for path in folder.iterdir())


def _writer(kind: str) -> Step:
    for step in STEPS:
        if kind in step.writes:
            return step
    raise UserError(f"Every step writes {kind}, so none can be run for it: require the folder a step reads instead.")


def _run_alone(step: Step, run: str) -> None:
    # A notebook's kernel has a running event loop of its own; the runner, which starts kernels, needs a fresh process.
    command = [sys.executable, "-m", "dfe_lib.study.runner", run, step.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(done.stderr.strip().removeprefix("dfe: ") or f"{step.name} stopped without a word.")


def _with_ending(name: str, ending: str) -> str:
    return name if name.endswith(ending) else name + ending
