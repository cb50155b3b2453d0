"""Docstrings as they are written here, for Sphinx: `code` in single marks as in Markdown, and formulas in dollars."""

import re

from sphinx.application import Sphinx

MARKED = re.compile(
    r":\w+:`[^`]+`|``[^`]+``|`(?P<code>[^`]+)`|(?P<name>\w+_)(?=[:,\s])|(?<!\$)\$(?P<formula>[^$`]+)\$(?!\$)"
)
"""Roles and double marks, which stay as they are; code, formulas, and names that end in `_`, which would be links."""


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _rewrite, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", _is_foreign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def restructured(text: str) -> str:
    """The text of a docstring in reStructuredText.

    >>> restructured("`x` is $a_1$.")
    '``x``\\\\  is :math:`a_1`\\\\ .'
    """

    def marked(found: re.Match) -> str:
        if found["code"]:
            return f"``{found['code']}``\\ "
        if found["name"]:
            return found["name"][:-1] + "\\_"
        return f":math:`{found['formula']}`\\ " if found["formula"] else found[0]

    return MARKED.sub(marked, text)


def _rewrite(app, what, name, obj, options, lines: list[str]) -> None:
    """All but the examples, which come last."""
    text, examples, rest = "\n".join(lines).partition(">>>")
    lines[:] = (restructured(text) + examples + rest).split("\n")


def _is_foreign(app, what, name, obj, skip, options) -> bool | None:
    """Methods that a class has from another package, such as scikit-learn's, are documented there."""
    module = getattr(obj, "__module__", None) or "dfe_lib"
    return None if module.startswith("dfe_lib") else True
