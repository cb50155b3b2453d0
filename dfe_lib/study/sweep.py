"""The sweep: notebook 03 over sizes, stages, decoders, losses and seeds; resumable, parallel over the cores.

python -m dfe_lib.study.sweep [seeds] [workers]     seeds a setting (3), processes (all cores)

Each setting is a papermill parameter file of its own and a run of its own below results/sweep/runs; a run that is
done with the same parameters is kept, so remove that folder after a change of the code.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import yaml

from ..cohort.cohort import CohortConfig, write_cohort
from ..comparison.methods import TERMS
from ..comparison.reconstruction import FIRST_FOLD
from ..errors import UserError
from ..io.machine import cpu_count
from ..io.parameters import check_parameters, read_parameters
from ..io.paths import notebooks_dir, params_dir, results_dir
from ..io.run import Study
from ..io.tables import write_text
from ..report.codes import error_against_bits
from .kernel import execute_notebook
from .manifest import read_json, write_json
from .parameters import declared_parameters

__all__ = ["COHORT", "gather", "run_setting", "run_sweep", "settings"]

SIZES, STAGES, DECODERS = (256, 64, 16, 1024), (4, 1, 2, 8), ("additive", "joint")
"""The settings that matter most come first, so that a sweep that is stopped says something."""
COHORT = CohortConfig(people=32, minutes=2, fps=10, seed=0)
"""Simulated people that every setting is trained and judged on, with the study's real clips."""
NOTEBOOK = "03_train"
EVERYONE = 1000
"""Folds of the settings in which every real person is left out of a training of its own."""

Settings = dict[str, dict[str, object]]


def settings(seeds: int = 3) -> Settings:
    """Parameters of every run by its name, all settings with one seed before those with the next.

    The grid is K x M x decoder; around K = 256, M = 4, additive, one thing is changed at a time, and there every real
    person is left out once. Other codes are fitted once for each number of bits.

    >>> settings(1)["k256_m4_additive_s0"]["codebook_size"]
    256
    """
    return {f"{name}_s{seed}": values | {"seed": seed} for seed in range(seeds) for name, values in _grid(seed)}


def _grid(seed: int) -> Iterator[tuple[str, dict[str, object]]]:
    centre = {"codebook_size": 256, "n_stages": 4, "decoder": "additive", "methods": "none"}
    changes: dict[str, dict[str, object]] = {
        "separate": {"shared_codebook": False, "decoder": "joint"},
        "no_strengths": {"levels": 1},
        "eight_strengths": {"levels": 8},
        "mm_metric": {"metric": "mm"},
        "mlp_encoder": {"encoder": "mlp"},
        "linear_encoder": {"encoder": "linear"},
        "no_beam": {"beam": 1},
        "no_gradient_steps": {"steps": 0},
        "no_mirror": {"mirror": False},
        **{name: {"losses": weights} for name, weights in TERMS.items()},
    }
    for size in SIZES:
        for stages in STAGES:
            for decoder in DECODERS:
                first = seed == 0 and decoder == "additive"
                methods = ("baselines" if size == 256 else "faiss") if first else "none"
                values: dict[str, object] = {
                    "codebook_size": size,
                    "n_stages": stages,
                    "decoder": decoder,
                    "methods": methods,
                }
                yield (
                    f"k{size}_m{stages}_{decoder}",
                    values | ({"folds": EVERYONE} if centre.items() <= (values | {"methods": "none"}).items() else {}),
                )
        if size == 256:
            yield from ((f"k256_m4_{name}", centre | values) for name, values in changes.items())


def run_sweep(seeds: int = 3, workers: int = 0) -> None:
    """Runs what is not done yet, then gathers tables and the figure; a setting that fails is reported and left out."""
    folder = results_dir("sweep")
    corpus = _corpus(folder)
    base = read_parameters(params_dir("sweep") / f"{NOTEBOOK}.yaml")
    todo = {name: base | values | {"corpus": str(corpus), "run": name} for name, values in settings(seeds).items()}
    declared = declared_parameters(notebooks_dir() / f"{NOTEBOOK}.ipynb")
    for name, values in todo.items():
        check_parameters(values, declared, name)
    workers = workers or cpu_count()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for place, line in enumerate(pool.map(partial(run_setting, folder / "runs"), todo, todo.values()), 1):
            print(f"[{place}/{len(todo)}] {line}", flush=True)
            if place % 10 == 0:
                gather(todo)
    gather(todo)


def run_setting(runs: Path, name: str, parameters: dict[str, object]) -> str:
    """Writes a setting's parameter file and runs the notebook with it, unless that is done; returns a line to print."""
    folder, began = runs / name, time.perf_counter()
    if read_json(folder / "done.json").get("parameters") == parameters:
        return f"{name}: kept"
    os.environ |= {"DFE_RESULTS": str(runs), "OMP_NUM_THREADS": "1"}
    write_text(folder / f"{NOTEBOOK}.yaml", yaml.safe_dump(parameters))
    try:
        execute_notebook(notebooks_dir() / f"{NOTEBOOK}.ipynb", folder / f"{NOTEBOOK}.ipynb", parameters)
    except UserError as error:
        return f"{name}: {error}"
    seconds = round(time.perf_counter() - began, 1)
    write_json(folder / "done.json", {"parameters": parameters, "seconds": seconds})
    return f"{name}: {seconds} s"


def gather(todo: Settings) -> None:
    """Tables `sweep.csv` (ours, a row a setting and kind of data) and `others.csv`, and the figure, of what is done."""
    ours, others = [], []
    for name, parameters in todo.items():
        folder = results_dir("sweep") / "runs" / name
        if read_json(folder / "done.json").get("parameters") != parameters:
            continue
        rows = _joined(folder / "tables")
        if not parameters["folds"]:  # as where there are folds: "real" is everybody, each left out once
            rows["data"] = rows["data"].replace({"real": FIRST_FOLD})
        is_ours = rows["method"].str.startswith("dfe")
        setting = name.rsplit("_s", 1)[0].split("_", 2)[2]
        ours.append(rows[is_ours].assign(setting=setting, seed=parameters["seed"]).head(rows["data"].nunique()))
        others.append(rows[~is_ours].assign(setting="baseline", seed=parameters["seed"]))
    if not ours:
        return
    study, table, baselines = Study("sweep"), pd.concat(ours), pd.concat(others)
    study.save_table(table, "sweep", digits=4)
    study.save_table(baselines, "others", digits=4)
    study.save_figure(error_against_bits(_lines(table, baselines)), "error_against_bits")


def _joined(tables: Path) -> pd.DataFrame:
    """Reconstruction, recovery and templates of one run side by side."""
    rows = pd.read_csv(tables / "reconstruction.csv")
    for name, columns in (("recovery", ["cosine", "found_share"]), ("templates", ["median_area", "mean_overlap"])):
        if (tables / f"{name}.csv").exists():
            rows = rows.merge(pd.read_csv(tables / f"{name}.csv")[["method", *columns]], on="method", how="left")
    return rows


def _lines(ours: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Lines of the figure: ours by decoder and size, the others where K is 256 or does not matter."""
    grid = ours[ours["setting"].isin(DECODERS)]
    grid = grid.assign(method=grid["method"] + " K=" + grid["codebook_size"].astype(str))
    known = others[~others["method"].str.startswith("faiss") | (others["codebook_size"] == 256)]
    return pd.concat([grid, known.drop_duplicates(["method", "bits", "data"])], ignore_index=True)


def _corpus(folder: Path) -> Path:
    """The committed expressions of the study's clips, and the sweep's own cohort."""
    corpus = folder / "corpus"
    if not (corpus / "cohort" / "people.parquet").exists():
        shutil.copytree(results_dir("study") / "expressions", corpus / "expressions", dirs_exist_ok=True)
        write_cohort(COHORT, corpus / "cohort")
    return corpus


if __name__ == "__main__":
    run_sweep(*map(int, sys.argv[1:3]))
