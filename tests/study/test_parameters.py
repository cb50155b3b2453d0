from pathlib import Path

import nbformat
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.parameters import check_parameters, read_parameters
from dfe_lib.study.parameters import declared_parameters

CELL = """
run = "smoke"  # results/<run>/
codebook_size = 64  # codes
lr = 1.0e-3
betas = (0.9, 0.99)
clips = ["a.mp4"]
quiet = True
limit: int | None = None  # frames
anything = None
weights: dict[str, float] = {}
offset = -1.5
"""


@pytest.fixture
def declared(tmp_path: Path) -> dict:
    return declared_parameters(notebook(tmp_path, CELL))


def notebook(folder: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]}) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "nb.ipynb")
    return folder / "nb.ipynb"


def test_values_and_types_come_from_the_cell(declared: dict) -> None:
    assert declared["offset"].value == -1.5
    assert declared["betas"].value == (0.9, 0.99)
    assert declared["limit"].kinds == {int, type(None)}
    assert declared["weights"].kinds == {dict}
    assert declared["anything"].kinds == frozenset()


@pytest.mark.parametrize(
    "values",
    [{"lr": 1}, {"betas": [0.5, 0.9]}, {"limit": 3}, {"limit": None}, {"anything": "x"}, {"weights": {"jawOpen": 2}}],
)
def test_what_fits_passes(declared: dict, values: dict) -> None:
    check_parameters(values, declared, "x.yaml")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"codebok_size": 1}, r"x\.yaml: there is no parameter called codebok_size; did you mean codebook_size\?"),
        ({"codebook_size": True}, "codebook_size must be int, not the bool True"),
        ({"codebook_size": 64.0}, "codebook_size must be int, not the float"),
        ({"codebook_size": "64"}, r"not the str '64' \(take the quotes away\)"),
        ({"quiet": 1}, "quiet must be bool, not the int 1"),
        ({"lr": "1e-3"}, r"write 1\.0e-3"),
        ({"clips": "a.mp4"}, "clips must be list, not the str"),
        ({"limit": "all"}, r"limit must be NoneType or int, not the str 'all'\."),
    ],
)
def test_what_does_not_fit_is_named(declared: dict, values: dict, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        check_parameters(values, declared, "x.yaml")


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ((), "0 cells tagged"),
        (("a = 1", "b = 2"), "2 cells tagged"),
        (("a = 1 + b",), "a in the parameters cell must be a literal"),
        (("import os",), "`import os` in the parameters cell is not `name = literal`"),
        (("a: Path = 1",), "The annotation Path"),
    ],
)
def test_a_cell_that_is_not_literal_is_refused(tmp_path: Path, cells: tuple, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        declared_parameters(notebook(tmp_path, *cells))


@pytest.mark.parametrize(("text", "complaint"), [("a: [1", "is not YAML"), ("- a", "name: value"), ("1: 2", "name: v")])
def test_a_bad_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match=complaint):
        read_parameters(tmp_path / "x.yaml")


def test_no_file_and_an_empty_file_mean_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    assert read_parameters(tmp_path / "empty.yaml") == read_parameters(tmp_path / "missing.yaml") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("subject: Jürgen\n".encode("latin-1"), "Latin-1"),
        ("a: 1\n".encode("utf-16"), "not in UTF-8"),
        (b"day: 2020-13-45\n", "is not YAML"),
        (b"a: " + b"[" * 5000, "is not YAML"),
        (b"? [1]\n: 2\n", "is not YAML"),
        (b"a: " + b"9" * 5000 + b"\n", "is not YAML"),
        (b"- 1\n", "name: value"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_parameters(tmp_path / "x.yaml")
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        read_parameters(tmp_path / "x.yaml")


def test_a_mark_before_the_text_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("seed: 3\n", encoding="utf-8-sig")
    assert read_parameters(tmp_path / "x.yaml") == {"seed": 3}


def test_a_value_that_unfolds_without_end_is_shown_in_short(declared: dict, tmp_path: Path) -> None:
    lines = ["a0: &a0 [1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30))]
    (tmp_path / "x.yaml").write_text("\n".join(lines))
    value = read_parameters(tmp_path / "x.yaml")["a29"]
    with pytest.raises(UserError, match="codebook_size must be int"):
        check_parameters({"codebook_size": value}, declared, "x.yaml")
