"""Two tiny steps with real kernels: `01_one` writes numbers, `02_two` doubles them."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import data_set_trees as trees
import nbformat
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.run import Step
from dfe_lib.io.scratch import sole_writer
from dfe_lib.study.kernel import StepError, arithmetic, execute_notebook
from dfe_lib.study.runner import Runner, _files_named

STEPS = (Step("01_one", (), ("frames",), ("media", "subjects")), Step("02_two", ("frames",), ("tokens",)))

HEAD = "import os\nfrom pathlib import Path"
FOLDER = 'folder = Path(os.environ["DFE_RESULTS"]) / run'
ONE = """
for clip in clips:
    path = folder / "frames" / f"{clip}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{clip} {n}")
"""
TWO = """
(folder / "tokens").mkdir(exist_ok=True)
for path in sorted((folder / "frames").iterdir()):
    (folder / "tokens" / path.name).write_text(path.read_text() * factor)
"""


class World:
    """Notebooks, parameter files and results in one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notebooks, self.params = folder / "notebooks", folder / "params" / "tiny"
        self.notebooks.mkdir()
        self.params.mkdir(parents=True)
        self.results = folder / "results" / "tiny"
        self.lines: list[str] = []
        self.write("01_one", 'run = "smoke"\nseed = 0\nn = 1\nclips = ["a", "b"]\nmedia = ""', ONE)
        self.write("02_two", 'run = "smoke"\nfactor = 2\nscale = 1.0', TWO)

    def write(self, name: str, parameters: str, code: str) -> None:
        new = nbformat.v4.new_code_cell
        cells = [new(HEAD), new(parameters, metadata={"tags": ["parameters"]}), new(FOLDER), new(code)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), self.notebooks / f"{name}.ipynb")

    def set(self, name: str, text: str) -> None:
        (self.params / f"{name}.yaml").write_text(text)

    def runner(self) -> Runner:
        folders = {"notebooks": self.notebooks, "params": self.params}
        return Runner("tiny", steps=STEPS, report=self.lines.append, **folders)

    def run(self) -> list[str]:
        """Names of the steps that ran."""
        return [outcome.step for outcome in self.runner().execute() if outcome.ran]

    def manifest(self) -> dict:
        return json.loads((self.results / "manifest.json").read_text())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("DFE_RESULTS", str(tmp_path / "results"))
    return World(tmp_path)


def test_two_processes_do_not_run_one_study(world: World) -> None:
    with sole_writer(world.results), pytest.raises(UserError, match="is being written by process"):
        world.run()


def test_runs_then_skips_then_reruns_what_hangs_on_a_change(world: World) -> None:
    sources = {path: path.read_bytes() for path in world.notebooks.iterdir()}
    assert world.run() == ["01_one", "02_two"]
    assert (world.results / "tokens" / "a.txt").read_text() == "a 1a 1"
    first = world.manifest()

    assert world.run() == []
    assert world.lines[-1] == "tiny is up to date: nothing to do"
    assert world.lines[-3].split() == ["01_one", "skipped"]
    assert world.manifest() == first

    world.set("02_two", "factor: 3\n")
    assert world.run() == ["02_two"]
    assert (world.results / "tokens" / "a.txt").read_text() == "a 1a 1a 1"

    (world.results / "tokens" / "b.txt").write_text("by hand")
    assert world.run() == ["02_two"]

    world.set("01_one", "clips: [a]\n")
    assert world.run() == ["01_one", "02_two"]
    assert [path.name for path in sorted(world.results.glob("*/b.txt"))] == []
    assert {path: path.read_bytes() for path in world.notebooks.iterdir()} == sources


def test_what_a_notebook_announces_is_said_while_it_runs_and_its_files_are_found_from_where_the_user_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    (world.folder / "mine.csv").write_text("clip_id,subject_id\na,a\n")
    said = "Study(run).announce('training takes about 3.5 hours')"
    code = f"from dfe_lib.io import Study, held_back, user_path\n{said}\nassert held_back(user_path(media)) == []"
    world.write("01_one", 'run = "smoke"\nmedia = "mine.csv"', code)
    world.runner().execute(only=["01_one"])
    assert world.lines[0] == "training takes about 3.5 hours" and world.lines[1].startswith("01_one")
    assert not (world.results / ".announced").exists()
    assert list(world.manifest()["steps"]["01_one"]["inputs"]) == ["media/mine.csv"]


def test_what_is_ahead_is_said_of_the_steps_that_run(world: World) -> None:
    def runner() -> Runner:
        said = {"02_two": "02_two begins"}
        folders = {"notebooks": world.notebooks, "params": world.params}
        return Runner("tiny", steps=STEPS, report=world.lines.append, ahead=lambda step: said.get(step, ""), **folders)

    runner().execute()
    assert [line.split()[0:2] for line in world.lines] == [["01_one", "ran"], ["02_two", "begins"], ["02_two", "ran"]]
    world.lines.clear()
    runner().execute()
    assert not any("begins" in line for line in world.lines)


def test_code_and_a_missing_output_are_reasons_to_rerun(world: World) -> None:
    world.run()
    (world.results / "frames" / "a.txt").unlink()
    assert world.run() == ["01_one"]
    world.write("02_two", 'run = "smoke"\nfactor = 2\nscale = 1.0', TWO + "\n# a comment")
    assert world.run() == []
    world.write("02_two", 'run = "smoke"\nfactor = 2\nscale = 1.0', TWO + "\nfactor")
    assert world.run() == ["02_two"]


def test_manifest_says_what_went_in_and_came_out(world: World) -> None:
    world.run()
    manifest = world.manifest()
    one, two = manifest["steps"]["01_one"], manifest["steps"]["02_two"]
    assert one["parameters"] == {"run": "tiny", "seed": 0, "n": 1, "clips": ["a", "b"], "media": ""}
    assert (one["seed"], two["seed"]) == (0, None)
    assert list(one["outputs"]) == ["frames/a.txt", "frames/b.txt"]
    assert two["inputs"] == one["outputs"]
    assert list(two["outputs"]) == ["tokens/a.txt", "tokens/b.txt"]
    assert one["wall_s"] > 0
    assert 10 < one["peak_mb"] < 2000
    assert manifest["versions"]["torch"].startswith("2.")
    assert str(world.folder) not in (world.results / "manifest.json").read_text()


def test_media_files_are_inputs(world: World) -> None:
    clips = world.folder / "clips"
    clips.mkdir()
    (clips / "x.mp4").write_bytes(b"1")
    world.set("01_one", f"media: {clips}\n")
    assert world.run() == ["01_one", "02_two"]
    assert list(world.manifest()["steps"]["01_one"]["inputs"]) == ["media/x.mp4"]
    (clips / "x.mp4").write_bytes(b"2")
    assert world.run() == ["01_one"]


def test_a_label_more_in_the_table_of_clips_and_another_way_to_write_it_leave_what_was_read_of_the_clips(
    world: World,
) -> None:
    (world.folder / "x.mp4").write_bytes(b"1")
    table = world.folder / "mine.csv"
    table.write_text("clip_id,subject_id,path\nx,ann,x.mp4\n")
    steps = (replace(STEPS[0], columns=("clip_id", "subject_id", "path")), replace(STEPS[1], files=("labels",)))
    world.set("01_one", f"media: {table}\n")
    world.write("02_two", 'run = "smoke"\nfactor = 2\nlabels = ""', TWO)
    world.set("02_two", f"labels: {table}\n")

    def ran() -> list[str]:
        folders = {"notebooks": world.notebooks, "params": world.params}
        done = Runner("tiny", steps=steps, report=world.lines.append, **folders).execute()
        return [outcome.step for outcome in done if outcome.ran]

    assert ran() == ["01_one", "02_two"] and ran() == []
    table.write_bytes("\ufeffclip_id;path;subject_id;gad7\r\nx;x.mp4;ann;12\r\n".encode())
    assert ran() == ["02_two"]
    named = list(world.manifest()["steps"]["01_one"]["inputs"])
    assert named == ["media/mine.csv: clip_id, subject_id, path", "media/x.mp4"]
    table.write_text("clip_id,subject_id,path,gad7\nx,ben,x.mp4,12\n")
    assert ran() == ["01_one", "02_two"]


def test_samples_globs_and_tables_of_subjects_are_inputs_and_mappings_are_not(world: World, assets: Path) -> None:
    (world.folder / "clips").mkdir()
    for name in ("clips/x.mp4", "clips/y.txt", "who.csv"):
        (world.folder / name).write_text(name)
    world.write("01_one", 'run = "smoke"\nmedia = []\nsubjects: dict | str = {"x": "me"}', "")
    world.set("01_one", f"media: [single_face.jpg, {world.folder}/clips/*.mp4]\nsubjects: {world.folder}/who.csv\n")
    world.runner().execute(only=["01_one"])
    inputs = world.manifest()["steps"]["01_one"]["inputs"]
    assert list(inputs) == ["assets/single_face.jpg", "media/clips/x.mp4", "media/who.csv"]
    world.set("01_one", "media: [single_face.jpg]\n")
    world.runner().execute(only=["01_one"])
    assert list(world.manifest()["steps"]["01_one"]["inputs"]) == ["assets/single_face.jpg"]


@pytest.mark.parametrize("pattern", ["data/*/*.mp4", "data/**/*.mp4", "data/*_P", "data/**", "da?a"])
def test_files_behind_wildcards_in_the_names_of_folders_are_inputs(world: World, pattern: str) -> None:
    for name in ("data/300_P/x.mp4", "data/301_P/x.mp4", "data/301_P/.x.mp4"):
        (world.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (world.folder / name).write_text(name)
    found = [path.relative_to(world.folder).as_posix() for path in _files_named(f"{world.folder}/{pattern}")]
    assert sorted(set(found)) == ["data/300_P/x.mp4", "data/301_P/x.mp4"]


def test_the_companions_of_a_session_are_inputs_with_the_file_that_stands_for_it(world: World) -> None:
    trees.daic_woz(world.folder / "data")
    found = _files_named(f"{world.folder}/data/300_P/300_CLNF_features.txt")
    assert sorted(path.name for path in found) == ["300_CLNF_AUs.txt", "300_CLNF_features.txt"]


def test_a_corpus_is_read_in_place_of_the_runs_own_folders(world: World) -> None:
    corpus, own = world.folder / "other", world.results / "frames" / "a.txt"
    for path in (corpus / "frames" / "c.txt", corpus / "figures" / "c.png", own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    world.write("02_two", 'run = "smoke"\ncorpus = ""', "")
    world.set("02_two", f"corpus: {corpus}\n")

    def ran() -> bool:
        return world.runner().execute(only=["02_two"])[0].ran

    assert ran() and not ran()
    assert list(world.manifest()["steps"]["02_two"]["inputs"]) == ["corpus/frames/c.txt"]
    own.write_text("2")
    (corpus / "figures" / "c.png").write_text("2")
    assert not ran()
    (corpus / "frames" / "c.txt").write_text("2")
    assert ran()
    world.set("02_two", "")
    assert ran()
    assert list(world.manifest()["steps"]["02_two"]["inputs"]) == ["frames/a.txt"]


def test_a_failing_cell_stops_the_run_in_one_screen(world: World) -> None:
    long = "\n".join(f"x{i} = {i}" for i in range(60))
    world.write("01_one", 'run = "smoke"', "values = {}\nvalues['nothing here']\n" + long)
    with pytest.raises(StepError) as error:
        world.run()
    text = str(error.value)
    assert text.startswith("01_one stopped at a failing cell (results/tiny/notebooks/01_one.ipynb")
    assert "    values['nothing here']\n" in text
    assert text.endswith("KeyError: 'nothing here'")
    assert "\x1b" not in text
    assert len(text.splitlines()) < 40
    assert world.lines == []
    assert not (world.results / "tokens").exists()
    assert (world.results / "notebooks" / "01_one.ipynb").exists()


def test_a_run_that_stops_leaves_no_report_of_another(world: World) -> None:
    world.results.mkdir(parents=True)
    (world.results / "report.html").write_text("of an earlier run")
    world.write("02_two", 'run = "smoke"', "1 / 0")
    with pytest.raises(StepError):
        world.run()
    assert not (world.results / "report.html").exists()


def test_a_user_error_in_a_notebook_is_its_sentence(world: World) -> None:
    world.write("01_one", 'run = "smoke"', 'from dfe_lib.errors import UserError\nraise UserError("No face: look up.")')
    with pytest.raises(StepError) as error:
        world.run()
    assert str(error.value).splitlines()[-1] == "No face: look up."
    assert "Traceback" not in str(error.value)


def test_the_ports_of_a_kernel_lie_in_a_folder_that_a_later_run_removes(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "tmp"
    there.mkdir()
    monkeypatch.setenv("TMPDIR", str(there))
    monkeypatch.setattr(tempfile, "tempdir", None)
    world.write(
        "01_one", 'run = "tiny"', f"found = sorted(p.name for p in Path({str(there)!r}).iterdir())\nprint(found)"
    )
    execute_notebook(world.notebooks / "01_one.ipynb", tmp_path / "done.ipynb", {})
    (found,) = nbformat.read(tmp_path / "done.ipynb", 4).cells[-1].outputs
    assert "tmp" not in found.text and "dfe-" in found.text
    assert not list(there.iterdir())


def test_a_dead_kernel_is_told(world: World) -> None:
    world.write("01_one", 'run = "smoke"', "os._exit(1)")
    with pytest.raises(StepError, match="01_one stopped: its kernel died"):
        world.run()


def test_a_notebook_is_never_executed_over_itself(world: World) -> None:
    source = world.notebooks / "01_one.ipynb"
    before = source.read_bytes()
    with pytest.raises(UserError, match="would be executed over itself"):
        execute_notebook(source, source, {})
    assert source.read_bytes() == before


def test_a_failed_step_runs_again_though_nothing_changed(world: World) -> None:
    world.write("02_two", 'run = "smoke"', TWO.replace("* factor", "") + "\nassert os.path.exists(folder / 'go')")
    with pytest.raises(StepError):
        world.run()
    (world.results / "go").write_text("")
    assert world.run() == ["02_two"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("factr: 2\n", r"params/tiny/02_two\.yaml: there is no parameter called factr; did you mean factor\?"),
        ("factor: 2.5\n", "factor must be int, not the float"),
        ("scale: 1e-3\n", r"write 1\.0e-3"),
        ("run: other\n", "take run out"),
    ],
)
def test_a_bad_parameter_of_the_last_step_stops_the_first(world: World, text: str, complaint: str) -> None:
    world.set("02_two", text)
    with pytest.raises(UserError, match=complaint):
        world.run()
    assert not (world.results / "frames").exists()


def test_a_file_for_no_notebook_and_an_unknown_profile_are_refused(world: World) -> None:
    with pytest.raises(UserError, match=r"no profile params/stdy; did you mean study\?"):
        Runner("stdy")
    world.set("02_too", "factor: 3\n")
    with pytest.raises(UserError, match=r"02_too\.yaml belongs to no notebook; did you mean 02_two\.yaml\?"):
        world.runner()


def test_kernels_get_fixed_hashing_and_arithmetic_and_what_the_user_has_set(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    names = "PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_CBWR"
    for name in (*names[:1], *names[2:]):
        monkeypatch.delenv(name, raising=False)
    code = "(folder / 'tables').mkdir(parents=True)\n"
    code += f"(folder / 'tables' / 'e').write_text(str([os.environ.get(n) for n in {names}]))"
    world.write("01_one", 'run = "smoke"', code)
    world.runner().execute(only=["01_one"])
    wanted = ["0", "1", "2", arithmetic().get("MKL_CBWR")]
    assert (world.results / "tables" / "e").read_text() == str(wanted)
    assert "PYTHONHASHSEED" not in os.environ and "MKL_CBWR" not in os.environ


def test_every_library_obeys() -> None:
    code = """
import faiss, numpy, scipy.linalg, torch
from numpy._core._multiarray_umath import __cpu_features__ as features
from threadpoolctl import threadpool_info
blas = {found["architecture"] for found in threadpool_info() if found["internal_api"] == "openblas"}
print(torch.backends.cpu.get_cpu_capability(), features["X86_V4"], torch.get_num_threads(), *blas)
"""
    environment = {**os.environ, **arithmetic()}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["AVX2", "False", "2", "Haswell"] or "MKL_CBWR" not in arithmetic()
