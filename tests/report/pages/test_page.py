import base64
import itertools
import re

import numpy as np
import pytest

from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.rendering import subdivision
from dfe_lib.report.pages import page as pages
from dfe_lib.report.pages.page import pack, packed_head, tint, write_page

THEMES = ("light", "dark")


def unpacked(packed: dict, kind: str = "<i2") -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bytes"]), kind) * packed["step"]


def test_packed_numbers_come_back_to_half_a_step() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3)) * 40
    packed = pack(values)
    np.testing.assert_allclose(unpacked(packed).reshape(50, 3), values, atol=packed["step"] / 2 + 1e-12)
    assert packed["step"] < 0.006


def test_the_packed_head_moves_as_the_head_does() -> None:
    head = anny_head()
    packed = packed_head(head)
    template = unpacked(packed["template"]).reshape(-1, 3)
    np.testing.assert_allclose(template, head.template * 1000, atol=0.01)
    for vector, basis in zip(head.expression, packed["basis"], strict=True):
        here = np.frombuffer(base64.b64decode(basis["vertices"]), "<u2")
        rebuilt = np.zeros_like(template)
        rebuilt[here] = unpacked(basis).reshape(-1, 3)
        np.testing.assert_allclose(rebuilt, vector * 1000, atol=0.01)
        assert 0 < len(here) < len(template)


def test_the_paint_has_a_colour_for_each_vertex_of_the_finer_mesh() -> None:
    refine, _ = subdivision(anny_head().faces, len(anny_head().template), 1)
    colours = tint(anny_head(), 1)
    assert colours.shape == (refine.shape[0], 3)
    assert len(base64.b64decode(packed_head(anny_head())["tint"])) == 3 * len(colours)


def test_data_cannot_end_their_element(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assets").mkdir()
    for name in ("a.html", "a.css", "a.js", "page.css", "head.js", "painter.js"):
        (tmp_path / "assets" / name).write_text("<script>/*data*/</script>" if name == "a.html" else "")
    monkeypatch.setattr(pages, "ASSETS", tmp_path / "assets")
    write_page(tmp_path / "page.html", "a", {"text": "</script><b>"})
    assert (tmp_path / "page.html").read_text().count("</script>") == 1


@pytest.mark.parametrize("name", ["atlas", "viewer"])
def test_a_page_holds_its_parts_and_names_no_other_place(name: str, tmp_path) -> None:
    write_page(tmp_path / "page.html", name, {})
    page = (tmp_path / "page.html").read_text()
    assert "/*style*/" not in page and "/*script*/" not in page and "class HeadView" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|https?://(?!www\.w3\.org)""", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_its_ground(theme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (pages.ASSETS / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[THEMES.index(theme)]))
    for ink, ground in itertools.product(("ink", "soft", "accent"), ("ground", "sheet")):
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["ink"], colours["chip"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """Ratio of WCAG 2.2."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(
        np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )
