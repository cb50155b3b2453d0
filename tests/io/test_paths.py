from pathlib import Path

import pytest

from dfe_lib.io.paths import PROJECT, STANDS, user_path


def test_where_the_user_stands_comes_before_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STANDS, raising=False)
    monkeypatch.chdir(tmp_path)
    assert user_path("README.md") == PROJECT / "README.md"
    assert user_path("dfe_lib/*.py") == PROJECT / "dfe_lib/*.py"
    (tmp_path / "README.md").touch()
    assert user_path("README.md") == tmp_path / "README.md"
    assert user_path("data/clips.csv") == tmp_path / "data/clips.csv"  # in neither: whoever reads it says so
    assert user_path("/data/clips.csv") == Path("/data/clips.csv")


def test_a_notebook_is_told_where_the_user_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    (tmp_path / "README.md").touch()
    monkeypatch.setenv(STANDS, str(tmp_path))
    assert user_path("README.md") == tmp_path / "README.md"
