"""Shapes and types of every `dfe_lib` function are checked while the tests run; the hook must precede its import."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

HOOK = install_import_hook("dfe_lib", "beartype.beartype")


@pytest.fixture(scope="session")
def assets() -> Path:
    """The assets folder with every piece in it."""
    from dfe_lib.assets import fetch
    from dfe_lib.paths import assets_dir

    fetch()
    return assets_dir()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds nothing: no index, and none of the local folders that this machine may offer it."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
