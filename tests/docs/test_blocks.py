"""Every code block of README and the pages is run, or checked against what it calls where running takes long."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clip_files import short_clip
from doc_blocks import PAGES, Block, blocks_of, check_parameter_block, check_shell
from recorded_files import write_live_link

from dfe_lib import Tokenizer
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.clip_table import read_clip_table
from dfe_lib.io.paths import PROJECT

FRAMES = 12
BLOCKS = {page: blocks_of(page) for page in PAGES}
LANGUAGES = {"python", "sh", "yaml", "text", "mermaid"}


@pytest.fixture(scope="module")
def folder(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: a clip, other programs' files, and the project's results."""
    place = tmp_path_factory.mktemp("reader")
    (place / "data" / "clips").mkdir(parents=True)
    clip = short_clip(place / "data" / "clips" / "clip.mp4", "single_face.mp4", FRAMES)
    (place / "data" / "clips.csv").write_text("clip_id,subject_id,path\nclip,ann,clips/clip.mp4\n")
    for name in ("clip.mp4", "single_face.mp4"):  # a file of that name comes before the sample
        (place / name).symlink_to(clip)
    for name in ("OpenFace_Test.csv", "Fex_Test.csv"):
        (place / name).symlink_to(asset(name))
    psi = np.random.default_rng(0).random((FRAMES, 52), dtype=np.float32)
    write_live_link(place / "take.csv", psi, [f"10:00:00:{frame:02d}.000" for frame in range(FRAMES)])
    (place / "results").symlink_to(PROJECT / "results")
    return place


@pytest.fixture(scope="module")
def done() -> set[str]:
    """Lines that another page has run: they are not run twice."""
    return set()


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(folder)
    return folder


def of_language(*languages: str) -> list:
    found = [block for blocks in BLOCKS.values() for block in blocks if block.language in languages]
    return [pytest.param(block, id=block.place) for block in found]


@pytest.mark.parametrize("block", of_language("sh"))
def test_every_line_of_shell_works(block: Block, there: Path, done: set[str]) -> None:
    for line in filter(None, block.text.splitlines()):
        command = line.split(" #")[0].strip()
        if command not in done:
            check_shell(command)
            done.add(command)


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language == "python" for b in BLOCKS[page])],
                         ids=lambda page: page.name)  # fmt: skip
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, there: Path) -> None:
    names: dict[str, object] = {}
    for block in BLOCKS[page]:
        if block.language == "python":
            exec(compile(block.text, block.place, "exec"), names)


def test_the_rows_in_the_readme_are_what_encode_writes(there: Path) -> None:
    """Within what another processor may change."""
    lines = (PROJECT / "README.md").read_text().splitlines()
    shown = [line.strip("| ") for line in lines if line.startswith(("| `frame`", "| 0 |", "| 40 |"))]
    head, *rows = ([cell.strip(" `") for cell in line.split("|")] for line in shown)
    table = Tokenizer.from_pretrained().encode(asset("single_face.mp4"))
    assert len(rows) == 2
    for row in rows:
        shown, found = dict(zip(head, row, strict=True)), table.iloc[int(row[0])]
        assert int(shown["token_1"]) == found.token_1 and shown["valid"] == str(found.valid)
        for name in ("time_s", "error_mm", "yaw_deg", "AU12_mesh"):
            assert float(shown[name]) == pytest.approx(found[name], abs=0.1)


@pytest.mark.parametrize("block", of_language("yaml"))
def test_parameters_fit_their_notebook(block: Block) -> None:
    check_parameter_block(block)


@pytest.mark.parametrize("block", of_language("text"))
def test_a_table_of_clips_is_one(block: Block, tmp_path: Path) -> None:
    assert block.text.startswith("clip_id,"), f"{block.place}: text is for tables of clips"
    (tmp_path / "clips.csv").write_text(block.text)
    assert len(read_clip_table(tmp_path / "clips.csv")) == block.text.count("\n") - 1


def test_no_block_is_of_a_language_that_nobody_checks() -> None:
    assert {block.language for blocks in BLOCKS.values() for block in blocks} <= LANGUAGES


@pytest.mark.parametrize(
    "line",
    [
        "make stduy",
        "make study PROFILE=nobody",
        "papermill notebooks/03_train.ipynb out.ipynb -p codebook_sise 256",
        "papermill notebooks/03_train.ipynb out.ipynb -p codebook_size many",
        "pip install '.[studdy]'",
        "conda activate dfee",
        "dfe inspect missing.csv",
        "curl somewhere",
    ],
)
def test_a_wrong_line_is_found(line: str, there: Path) -> None:
    with pytest.raises((AssertionError, UserError)):
        check_shell(line)


def test_a_wrong_argument_is_found(there: Path) -> None:
    with pytest.raises(SystemExit):
        check_shell("dfe encode clip.mp4 --output_ tokens.csv")
