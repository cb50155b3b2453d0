"""Settings of the documentation: Sphinx with MyST, which reads Markdown and the notebooks. `make docs` builds it.

Nothing of the built site is fetched from elsewhere: formulas are MathML (`extensions/mathml.py`), and scripts, fonts
and pictures lie beside the pages.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "extensions"), str(Path(__file__).parents[1])]

import dfe_lib  # noqa: E402

project = "Discrete Facial Encoding"
author = "The Discrete Facial Encoding authors"
release = dfe_lib.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "docstrings",
    "generated",
    "mathml",
]
exclude_patterns = ["build"]

nb_execution_mode = "off"  # the notebooks' stored outputs are shown; their tests say whether these are current
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a notebook may step from a title to a third-level heading

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
napoleon_use_rtype = False
python_maximum_signature_line_length = 100

html_theme = "sphinx_book_theme"
html_title = project
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": [],
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
