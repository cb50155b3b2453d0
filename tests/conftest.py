"""Shapes and types of every `dfe_lib` function are checked while the tests run; the hook must precede its import."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jaxtyping import install_import_hook
from playwright.sync_api import Browser, sync_playwright
from xdist.scheduler import LoadFileScheduling

HOOK = install_import_hook("dfe_lib", "beartype.beartype")
import dfe_lib  # noqa: E402, F401  # before any test imports torch, whose threads then wait as it says


class NotebooksTogether(LoadFileScheduling):
    """A file's tests stay with one worker, and so do all notebooks: each reads what the one before has written."""

    def _split_scope(self, nodeid: str) -> str:
        return "notebooks" if nodeid.startswith("notebooks/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return NotebooksTogether(config, log)


@cache
def why_no_pytorch3d() -> str:
    """Why PyTorch3D's tests cannot run, "" where they can."""
    from dfe_lib.errors import UserError
    from dfe_lib.morphable.rasteriser import pytorch3d_module

    try:
        pytorch3d_module()
    except UserError as error:
        return str(error)
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("pytorch3d") and why_no_pytorch3d():
        pytest.skip(f"not run: {why_no_pytorch3d()}")


@pytest.fixture(scope="session")
def assets() -> Path:
    """The assets folder with every piece in it."""
    from dfe_lib.io.assets import fetch
    from dfe_lib.io.paths import assets_dir

    fetch()
    return assets_dir()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds nothing: no index, and none of the local folders that this machine may offer it."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture(scope="module")  # an open browser keeps an event loop running, which other modules must not meet
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window, drawing 3D in software, keeping to itself."""
    from dfe_lib.study.system import BROWSERS, browser, complaints

    path = browser()
    if path is None:
        pytest.fail(complaints(browsers=BROWSERS)[-1])
    quiet = ["background-networking", "component-update", "sync", "default-apps", "client-side-phishing-detection"]
    drawn = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[*drawn, *(f"--disable-{x}" for x in quiet)])
        yield opened
        opened.close()
