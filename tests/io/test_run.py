from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from dfe_lib.errors import UserError
from dfe_lib.io import run as module
from dfe_lib.io.run import DPI, KINDS, STEPS, Step, Study


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DFE_RESULTS", str(tmp_path))
    return tmp_path


def test_folders_are_made_on_demand(results: Path) -> None:
    study = Study("mine")
    assert list(results.iterdir()) == []
    for kind in KINDS:
        assert getattr(study, kind) == results / "mine" / kind
        assert (results / "mine" / kind).is_dir()


@pytest.mark.parametrize("run", ["", "..", "a/b", "/tmp", ".hidden"])
def test_a_run_is_one_folder(run: str) -> None:
    with pytest.raises(UserError, match="not a folder's name"):
        Study(run)


def test_what_is_there_is_returned(results: Path) -> None:
    study = Study("mine")
    (study.frames / "a.parquet").touch()
    assert study.require("frames") == study.frames


def test_what_is_missing_names_the_notebook_to_run(results: Path) -> None:
    (Study("mine").expressions / ".a.parquet.1.part").touch()
    with pytest.raises(UserError, match=r"results/mine/expressions is empty: run notebooks/02_fit_3dmm\.ipynb"):
        Study("mine").require("expressions")
    with pytest.raises(UserError, match="no kind of result called 'faces'"):
        Study("mine").require("faces")


def test_the_smoke_run_makes_only_what_is_missing_in_order(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run_alone(step: Step, run: str) -> None:
        ran.append(step.name)
        for kind in step.writes:
            (getattr(Study(run), kind) / "a").touch()

    monkeypatch.setattr(module, "_run_alone", run_alone)
    study = Study("smoke")
    study.model, study.tokens  # noqa: B018  made, as a notebook does
    assert study.require("tokens") == results / "smoke" / "tokens"
    assert ran == ["01_preprocess", "02_fit_3dmm", "03_train"]
    study.require("model")
    assert len(ran) == 3


def test_each_kind_has_one_writer_before_its_readers() -> None:
    written: list[str] = []
    for step in STEPS:
        assert set(step.reads) <= set(written)
        written += step.writes
    assert sorted(written) == sorted(set(KINDS) - {"figures", "tables"})


def test_a_figure_has_the_same_bytes_twice_and_no_software_in_it(results: Path) -> None:
    def saved(run: str) -> bytes:
        figure = Figure(figsize=(2, 1))
        figure.subplots().plot([0, 1, 4])
        Study(run).save_figure(figure, "curve")
        path = Study(run).figures / "curve.png"
        assert path == results / run / "figures" / "curve.png"
        return path.read_bytes()

    assert saved("a") == saved("b")
    assert saved("a")[:4] == b"\x89PNG"
    assert b"Software" not in saved("a")


def test_a_figure_has_a_palette_and_looks_the_same(results: Path) -> None:
    figure = Figure(figsize=(2, 2))
    figure.subplots().imshow(np.random.default_rng(0).random((300, 300, 3)))
    Study("a").save_figure(figure, "noise")
    figure.savefig(results / "plain.png", dpi=DPI, bbox_inches="tight", pad_inches=module.MARGIN_IN)
    saved, plain = Image.open(Study("a").figures / "noise.png"), Image.open(results / "plain.png").convert("RGB")
    assert saved.mode == "P" and len(saved.getcolors()) <= 256
    assert np.abs(np.asarray(saved.convert("RGB"), float) - np.asarray(plain, float)).mean() < 20
    assert (Study("a").figures / "noise.png").stat().st_size < 0.6 * (results / "plain.png").stat().st_size


def test_a_title_that_its_layout_would_cut_off_is_saved_whole(results: Path) -> None:
    figure = Figure(figsize=(2, 1))
    figure.add_axes((0.0, 0.0, 1.0, 1.0)).set(title="above the figure", xticks=[], yticks=[])
    Study("a").save_figure(figure, "title")
    saved = np.asarray(Image.open(Study("a").figures / "title.png").convert("L"))
    margin = round(0.5 * module.MARGIN_IN * DPI)
    assert saved.shape[0] > DPI and all((edge == 255).all() for edge in (saved[:margin], saved[:, :margin]))


def test_a_table_has_fixed_digits_and_line_ends(results: Path) -> None:
    table = pd.DataFrame({"clip": ["a", "b"], "mm": [np.pi * 1000, np.float32(0.1)], "n": [1, 2]})
    Study("a").save_table(table, "errors.csv")
    path = Study("a").tables / "errors.csv"
    assert path.read_bytes() == b"clip,mm,n\na,3141.59,1\nb,0.1,2\n"
    Study("a").save_table(table, "errors", digits=3)
    assert path.read_text().splitlines()[1] == "a,3.14e+03,1"


def test_a_label_is_no_input_of_the_steps_that_find_faces_and_train() -> None:
    read = {step.name: step.columns for step in STEPS if step.columns}
    assert read == {
        "01_preprocess": ("clip_id", "subject_id", "path"),
        "03_train": ("subject_id", "split"),
    }
