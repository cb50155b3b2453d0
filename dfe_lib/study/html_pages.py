"""Executed notebooks as web pages that open without Jupyter and without a network."""

import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from ..io.tables import write_text

__all__ = ["write_page"]

SCRIPTS = ("jquery_url", "mathjax_url", "mermaid_js_url", "require_js_url")
"""What nbconvert would have a page fetch: left out, so that formulas are shown as they are written."""
NO_SCRIPT = re.compile(r'<script src="">\s*</script>')
HERE = ("../results/", "../../")
"""How pictures of the results are named from `notebooks/`, and from `results/<run>/html/`."""


def write_page(notebook: Path, folder: Path) -> Path:
    """Writes `folder/<name>.html` of an executed notebook, with its pictures; returns its path."""
    exporter = HTMLExporter(template_name="lab", **dict.fromkeys(SCRIPTS, ""))
    page, _ = exporter.from_notebook_node(nbformat.read(notebook, as_version=4), {"metadata": {"name": notebook.stem}})
    folder.mkdir(exist_ok=True)
    path = folder / f"{notebook.stem}.html"
    write_text(path, NO_SCRIPT.sub("", page).replace(f'="{HERE[0]}', f'="{HERE[1]}'))
    return path
