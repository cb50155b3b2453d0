"""Formulas as MathML, which browsers draw by themselves: no script and no font from outside."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

BIG = re.compile(r"\\(?:[bB]igg?)[lr]?(?![a-zA-Z])")
"""Sizes of brackets, which MathML stretches by itself."""


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mathml(tex: str, block: bool) -> str:
    """Raises `docutils.utils.math.MathError` for a command that it does not know."""
    return tex2mathml(BIG.sub("", tex), as_block=block)


def _inline(translator, node) -> None:
    translator.body.append(mathml(node.astext(), block=False))
    raise SkipNode


def _block(translator, node) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), block=True)}</div>')
    raise SkipNode
