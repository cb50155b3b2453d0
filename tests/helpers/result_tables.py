"""Result tables of an invented run, small enough to see through."""

from pathlib import Path

import pandas as pd

ERRORS = {
    "method": ["ours", "classical"],
    "data": "simulated",
    "error_mm": [0.158, 0.155],
    "error_mm_sd": [0.002, 0.001],
}
SEEDS = {"method": "ours", "seed": [0, 1, 2], "start_mm": [0.161, 0.160, 0.162], "error_mm": [0.158, 0.159, 0.157]}
TASKS = {
    "task": ["stress", "stress", "phq8"], "representation": ["psi", "units", "units"],
    "difference": [0.01, -0.3, -0.5], "ci_low": [-0.05, -0.4, -0.7], "ci_high": [0.07, -0.2, -0.3],
}  # fmt: skip


def write_run(folder: Path) -> Path:
    """A folder of results with the tables `errors`, `seeds` and `tasks`."""
    (folder / "tables").mkdir(parents=True)
    for name, columns in (("errors", ERRORS), ("seeds", SEEDS), ("tasks", TASKS)):
        pd.DataFrame(columns).to_csv(folder / "tables" / f"{name}.csv", index=False)
    return folder


def edit(folder: Path, name: str, row: int, column: str, value: float) -> None:
    """Another number in one place of a table."""
    path = folder / "tables" / f"{name}.csv"
    table = pd.read_csv(path)
    table.loc[row, column] = value
    table.to_csv(path, index=False)
