"""pyproject.toml, requirements.lock and environment.yml name the same packages at agreeing versions."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from dfe_lib.io.paths import PROJECT
from dfe_lib.study.system import BROWSERS, PYTHONS, complaints

CONDA_NAMES = {"pytorch": "torch"}
CONDA_ONLY = {"pip", "python", "pytorch3d"}


def direct_requirements() -> dict[str, Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    lines = sum(project["optional-dependencies"].values(), project["dependencies"])
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def locked_versions() -> dict[str, str]:
    lines = (PROJECT / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def conda_versions() -> dict[str, str]:
    *conda, pip = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    pairs = [line.split("=") for line in conda if line not in CONDA_ONLY]
    pairs += [line.split("==") for line in pip["pip"]]
    return {canonicalize_name(CONDA_NAMES.get(name, name)): version for name, version in pairs}


@pytest.mark.parametrize("name", direct_requirements())
def test_a_direct_dependency_is_locked_within_its_bounds(name: str) -> None:
    assert direct_requirements()[name].specifier.contains(Version(locked_versions()[name]))


def test_conda_has_the_same_direct_dependencies_at_the_locked_versions() -> None:
    conda = conda_versions()
    python = conda.pop("python")
    assert conda == {name: locked_versions()[name] for name in direct_requirements()}
    assert python == "3.11"


def test_everybody_names_the_same_versions_of_python() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    versions = [f"{major}.{minor}" for major, minor in PYTHONS]
    allowed = SpecifierSet(project["requires-python"])
    assert [f"3.{minor}" for minor in range(9, 20) if allowed.contains(f"3.{minor}")] == versions
    assert [line.split(" :: ")[-1] for line in project["classifiers"] if "Python :: 3." in line] == versions
    assert re.findall(r"python(3\.\d+)", (PROJECT / "Makefile").read_text().split("PROFILE ?=")[0]) == versions
    complaint = complaints((3, 9), {}, venv=True)[0]
    assert re.findall(r"3\.\d+", complaint.split("install")[1].split(" and ")[0]) == versions


def test_conda_offers_the_optional_renderer() -> None:
    assert "pytorch3d" in yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]


def test_torch_is_locked_without_a_build_so_that_pip_takes_the_machines_own() -> None:
    assert locked_versions()["torch"] == "2.13.0"
    assert not [version for version in locked_versions().values() if "+" in version]


def test_a_bare_machine_is_told_the_one_command_it_lacks() -> None:
    (sentence,) = complaints((3, 11), {"libabsent.so.1": "libabsent1", "libmissing.so.2": "libmissing2"}, venv=False)
    assert "`apt-get install -y libabsent1 libmissing2 python3.11-venv`" in sentence


def test_a_machine_without_a_browser_is_told_so_for_the_tests_alone() -> None:
    assert complaints((3, 11), {}, venv=True) == []
    (sentence,) = complaints((3, 11), {}, venv=True, browsers=("absent-browser",))
    assert sentence == "System packages are missing: run `apt-get install -y chromium` as root."


def test_this_machine_has_what_the_check_asks_for() -> None:
    assert complaints(browsers=BROWSERS) == []
