from pathlib import Path

import pandas as pd
import pytest

from dfe_lib.comparison.methods import TERMS
from dfe_lib.io.parameters import check_parameters
from dfe_lib.io.paths import notebooks_dir
from dfe_lib.study.manifest import write_json
from dfe_lib.study.parameters import declared_parameters
from dfe_lib.study.sweep import gather, run_setting, settings


def test_the_grid_is_whole() -> None:
    todo = settings(3)
    grid = {(p["codebook_size"], p["n_stages"], p["decoder"], p["seed"]) for p in todo.values()}
    assert len(grid) == 4 * 4 * 2 * 3
    for change in ("separate", "no_beam", "no_gradient_steps", *TERMS):
        assert f"k256_m4_{change}_s2" in todo
    assert [p["seed"] for p in todo.values()] == sorted(p["seed"] for p in todo.values())


def test_every_setting_fits_the_notebook() -> None:
    declared = declared_parameters(notebooks_dir() / "03_train.ipynb")
    for name, parameters in settings(1).items():
        check_parameters(parameters, declared, name)


def test_a_setting_that_is_done_is_kept(tmp_path: Path) -> None:
    write_json(tmp_path / "one" / "done.json", {"parameters": {"seed": 0}})
    assert run_setting(tmp_path, "one", {"seed": 0}) == "one: kept"


def test_real_rows_without_folds_are_of_the_people_whom_no_training_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFE_RESULTS", str(tmp_path))
    base = {"folds": 0, "codebook_size": 256}
    todo = {"k256_m4_additive_s0": base | {"seed": 0, "folds": 9}, "k256_m4_joint_s0": base | {"seed": 0}}
    for name, parameters in todo.items():
        run = tmp_path / "sweep" / "runs" / name
        write_json(run / "done.json", {"parameters": parameters})
        (run / "tables").mkdir()
        rows = {"method": "dfe_additive", "bits": 32.0, "codebook_size": 256, "data": "real", "error_mm": [0.2]}
        pd.DataFrame(rows).to_csv(run / "tables" / "reconstruction.csv", index=False)
    gather(todo)
    table = pd.read_csv(tmp_path / "sweep" / "tables" / "sweep.csv")
    assert table["data"].tolist() == ["real", "real, first fold"]


def test_what_is_done_is_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFE_RESULTS", str(tmp_path))
    todo = {name: {"folds": 0} | values for name, values in settings(2).items() if name.startswith("k256_m4_additive")}
    for place, (name, parameters) in enumerate(todo.items()):
        run = tmp_path / "sweep" / "runs" / name
        write_json(run / "done.json", {"parameters": parameters})
        (run / "tables").mkdir()
        rows = {"method": ["dfe_additive", "faiss_rq"], "bits": 32.0, "codebook_size": 256, "data": "simulated"}
        pd.DataFrame(rows | {"error_mm": [0.2 + place, 0.3]}).to_csv(run / "tables" / "reconstruction.csv", index=False)
    gather(todo)
    table = pd.read_csv(tmp_path / "sweep" / "tables" / "sweep.csv")
    assert table[["method", "setting", "seed", "error_mm"]].to_numpy().tolist() == [
        ["dfe_additive", "additive", 0, 0.2], ["dfe_additive", "additive", 1, 1.2]
    ]  # fmt: skip
    assert set(pd.read_csv(tmp_path / "sweep" / "tables" / "others.csv").method) == {"faiss_rq"}
    assert (tmp_path / "sweep" / "figures" / "error_against_bits.png").exists()
