import re
from pathlib import Path

import nbformat

from dfe_lib.study.html_pages import write_page


def test_a_page_holds_text_and_pictures_and_fetches_nothing(tmp_path: Path) -> None:
    new = nbformat.v4
    picture = new.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    cells = [
        new.new_markdown_cell("# One face\n\n![study](../results/study/figures/a.png) and $x_1$"),
        new.new_code_cell("draw()", outputs=[picture]),
    ]
    notebook = tmp_path / "01_one.ipynb"
    nbformat.write(new.new_notebook(cells=cells), notebook)
    page = write_page(notebook, tmp_path / "html").read_text(encoding="utf-8")
    assert "<title>01_one</title>" in page and "draw" in page and "data:image/png;base64,iVBOR" in page
    assert '="../../study/figures/a.png"' in page
    assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:http|//)', page) and 'src=""' not in page
