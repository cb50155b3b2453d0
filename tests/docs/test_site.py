"""The documentation is built without a warning, and nothing in it leads nowhere or to another server."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from dfe_lib.io.paths import PROJECT

PAGES = ("index", "quick_start", "install", "tokens", "openface", "py_feat", "codes", "own_study", "ethics", "exact",
         "api", "rooms", "data_dictionary", "notebooks/01_preprocess", "notebooks/05_downstream")  # fmt: skip
LINKS = {"a": "href", "img": "src", "link": "href", "script": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, BeautifulSoup]:
    """Every page of the site, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("docs") / "html"
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "docs", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in folder.rglob("*.html")
            if not {"_downloads", "_static"} & {*path.parts}}  # fmt: skip


def page(site: dict[Path, BeautifulSoup], name: str) -> BeautifulSoup:
    (found,) = [soup for path, soup in site.items() if path.as_posix().endswith(f"/html/{name}.html")]
    return found


def test_every_page_is_there_and_reached_from_the_first(site: dict[Path, BeautifulSoup]) -> None:
    hrefs = {link["href"] for link in page(site, "index").select("nav a[href], .bd-sidebar a[href]")}
    assert {f"{name}.html" for name in PAGES[1:]} <= hrefs


def test_no_link_leads_nowhere(site: dict[Path, BeautifulSoup]) -> None:
    anchors = {path: {tag["id"] for tag in soup.select("[id]")} for path, soup in site.items()}
    dead = []
    for path, soup in site.items():
        for tag, attribute in LINKS.items():
            for link in soup.select(f"{tag}[{attribute}]"):
                url = urlsplit(link[attribute])
                if url.scheme or url.netloc:
                    continue
                target = (path.parent / unquote(url.path)).resolve() if url.path else path
                known = anchors.get(target, {url.fragment})
                if not target.exists() or (url.fragment and unquote(url.fragment) not in known):
                    dead.append(f"{path.name}: {link[attribute]}")
    assert not dead


def test_nothing_is_fetched_from_another_server(site: dict[Path, BeautifulSoup]) -> None:
    fetched = [link[attribute] for soup in site.values() for tag, attribute in LINKS.items() if tag != "a"
               for link in soup.select(f"{tag}[{attribute}]")]  # fmt: skip
    assert fetched and not [url for url in fetched if urlsplit(url).netloc]


def test_formulas_are_drawn_by_the_browser_itself(site: dict[Path, BeautifulSoup]) -> None:
    assert page(site, "notebooks/01_preprocess").select("math") and page(site, "tokens").select("math msub")


def test_tables_and_names_come_from_the_project(site: dict[Path, BeautifulSoup]) -> None:
    assert "psi_jawOpen" in page(site, "data_dictionary").text
    accuracy = pd.read_csv(PROJECT / "results" / "study" / "tables" / "fit_accuracy.csv")
    (ours,) = accuracy.query("method == 'ours' and condition == 'rendered' and region == 'all'").mean_mm
    assert f"{ours:.3g}" in [cell.text for cell in page(site, "exact").select("td")]
    assert page(site, "api").find(id="dfe_lib.Tokenizer.encode") is not None
    assert page(site, "rooms").find("code", string="write_viewer") is not None


def test_the_moving_picture_is_small_and_shows_whole_heads() -> None:
    """The head that the tokens give back stands at the right, on white."""
    path = PROJECT / "docs" / "media" / "actor.webp"
    assert path.stat().st_size < 1e6
    with Image.open(path) as picture:
        for frame in range(0, picture.n_frames, 10):
            picture.seek(frame)
            pixels = np.asarray(picture.convert("L")).astype(int)
            high, wide = pixels.shape
            rows = (pixels[: high // 2, 5 * wide // 6 - 60 : 5 * wide // 6 + 60] < 235).any(1).nonzero()[0]
            assert rows[0] > 2, f"the crown is cut in frame {frame}"
