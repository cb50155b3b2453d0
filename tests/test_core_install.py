"""A core install: without the study's packages, from the wheel alone, a clip still becomes tokens and a page."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dfe_lib
from dfe_lib.io.assets import asset
from dfe_lib.io.paths import PROJECT
from dfe_lib.io.tables import read_arrays

EXTRAS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
STUDY = {canonicalize_name(Requirement(line).name) for line in EXTRAS["study"]}
INSTALL = re.compile(r"run `(\S+) -m pip install -c requirements.lock -e '.\[study\]'` in the project's folder.\n")
ROOMS = ("io", "tracking", "morphable", "actors", "fitting", "quantisation", "report.pages.viewer", "encoding")


def without_study_packages(code: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code that cannot import what `[study]` adds, nor what only that brings along."""
    names = {top for top, owners in packages_distributions().items() if STUDY & {canonicalize_name(o) for o in owners}}
    hidden = sorted(names | {"warp", "vtkmodules"})
    head = f"import sys\nsys.modules.update(dict.fromkeys({hidden!r}))\n"
    return subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=False)


def names_this_python(said: str) -> bool:
    """Is this the sentence of what to install, with the Python that runs here, however it is called from here?"""
    found = INSTALL.fullmatch(said)
    return found is not None and Path(found[1]).absolute() == Path(sys.executable)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because a build leaves its files beside the sources."""
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    shutil.copytree(PROJECT / "dfe_lib", copy / "dfe_lib", symlinks=True)
    shutil.copytree(PROJECT / "results" / "study" / "model", copy / "results" / "study" / "model")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(built), str(copy)]
    subprocess.run(command, check=True)
    return next(built.glob("*.whl"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_that_encoding_needs_imports_without_the_studys_packages(room: str) -> None:
    done = without_study_packages(f"import dfe_lib.{room}")
    assert done.returncode == 0, done.stderr


def test_a_clip_becomes_tokens_without_the_studys_packages(tmp_path: Path) -> None:
    out, clip = tmp_path / "tokens.parquet", asset("single_face.mp4")
    code = f"from dfe_lib.cli import main\nsys.exit(main(['encode', {str(clip)!r}, '-o', {str(out)!r}]))"
    done = without_study_packages(code)
    assert done.returncode == 0, done.stderr
    assert read_arrays(out)["valid"].all()


def test_training_without_the_studys_packages_says_what_to_install() -> None:
    code = "import numpy as np\nfrom dfe_lib import DiscreteFacialEncoder\n"
    done = without_study_packages(code + "DiscreteFacialEncoder().fit(np.zeros((9, 52)))")
    *_, said = done.stderr.partition("UserError: lightning_fabric is not installed: ")
    assert names_this_python(said)


def test_a_command_that_needs_the_studys_packages_says_what_to_install() -> None:
    done = without_study_packages("from dfe_lib.cli import main\nsys.exit(main(['study', '--profile', 'smoke']))")
    assert done.returncode == 1
    assert names_this_python(done.stderr.removeprefix("dfe: nbformat is not installed: "))


def test_the_wheel_holds_head_estimator_and_study_model(wheel: Path) -> None:
    model, head = PROJECT / "results" / "study" / "model", "dfe_lib/morphable/data/anny_head.safetensors"
    with zipfile.ZipFile(wheel) as archive:
        for path in filter(Path.is_file, model.iterdir()):  # the folds are for 04 alone
            assert archive.read(f"dfe_lib/quantisation/data/study_model/{path.name}") == path.read_bytes()
        assert archive.read(head) == (PROJECT / head).read_bytes()
        names = set(archive.namelist())
    assert {"dfe_lib/fitting/data/estimator/478/model.safetensors", "dfe_lib/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests", "results", "build"))]


def test_the_wheel_asks_for_the_studys_packages_only_as_an_extra(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    needed = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    core = {canonicalize_name(each.name) for each in needed if each.marker is None}
    assert {"torch", "mediapipe", "av", "scikit-learn"} <= core and not core & STUDY
    assert metadata["Version"] == dfe_lib.__version__
