import re
from pathlib import Path

import nbformat
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.paths import PROJECT, notebooks_dir
from dfe_lib.study.claims import check_claims, read_claims
from dfe_lib.study.prose import fill, filled, stated

TEXT = """# Title

- First:<!--claim:one--> old<!--/claim--> And more words.
- Second, as it was written,
  in two lines.

```sh
make   study
```
"""
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
PLACES = [*PAGES, *sorted(notebooks_dir().glob("*.ipynb"))]


@pytest.fixture(scope="module")
def sentences() -> dict[str, str]:
    return {verdict.claim: verdict.sentence for verdict in check_claims(PROJECT / "results" / "study", read_claims())}


def test_a_place_is_filled_and_only_its_item_wrapped_anew(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(TEXT)
    fill(path, {"one": "word " * 40 + "end."})
    text = path.read_text()
    head, _, rest = text.partition("\n- Second")
    assert head.replace("\n", " ").split()[:5] == ["#", "Title", "-", "First:<!--claim:one-->", "word"]
    assert all(len(line) <= 120 for line in text.splitlines())
    assert all(line.startswith("  word") for line in head.splitlines()[3:-1])
    assert "\n- Second" + rest == TEXT[TEXT.index("\n- Second") :]
    fill(path, {"one": "old"})
    assert path.read_text() == TEXT
    assert stated(path) == {"one"}


def test_a_notebook_is_filled_in_its_markdown_cells_alone(tmp_path: Path) -> None:
    new, path = nbformat.v4, tmp_path / "n.ipynb"
    place = "In a line:<!--claim:one--> old<!--/claim-->"
    nbformat.write(new.new_notebook(cells=[new.new_markdown_cell(place), new.new_code_cell(f"'{place}'")]), path)
    fill(path, {"one": "new"})
    markdown, code = nbformat.read(path, as_version=4).cells
    assert markdown.source == place.replace("old", "new") and code.source == f"'{place}'"


def test_a_place_of_no_claim_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(TEXT)
    with pytest.raises(UserError, match=r"a place for the claim one; did you mean once\?"):
        filled(tmp_path / "README.md", {"once": ""})


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.name)
def test_what_is_written_is_what_the_tables_say(path: Path, sentences: dict[str, str]) -> None:
    name = path.relative_to(PROJECT)
    assert path.read_text(encoding="utf-8") == filled(path, sentences), f"run `dfe claims --write {name}`"


def test_every_claim_is_stated_somewhere(sentences: dict[str, str]) -> None:
    assert set(sentences) == set().union(*map(stated, PLACES))


def test_every_sentence_stands_alone() -> None:
    """A report lists them one under the other, without what stands before them in the README."""
    dangling = re.compile(r"\b(it|they|there|as much(?! as)|a detector's|the detector)\b|that quantiser")
    left = {claim.name: dangling.findall(claim.sentence) for claim in read_claims()}
    assert {name: words for name, words in left.items() if words} == {}
