from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dfe_lib.blendshapes import REGIONS
from dfe_lib.morphable.anny import anny_head
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.report.clips import clip_sheet, head_sheet, token_strip
from dfe_lib.report.drawing import ink_on


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize(("shared", "colours"), [(True, [[3, 2], [2, 0]]), (False, [[3, 2], [5, 1]])])
def test_tokens_of_separate_codebooks_have_colours_of_their_own(shared, colours) -> None:
    """Three codes a stage; the words of both stages' codebooks, one after the other, have these ranks."""
    model = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=3, n_stages=2, shared_codebook=shared))
    words, valid = model.words(np.array([[0, 1], [-1, -1], [1, 2]])), np.array([True, False, True])
    rank = np.array([3, 2, 0, 4, 5, 1])
    picture = np.zeros((4, 4, 3), np.uint8)
    figure = token_strip([picture], [0.0], np.arange(3) / 10, words, valid, rank)
    shown, strip = figure.axes[:2]
    cells = strip.collections[0].get_array().reshape(2, 3)
    assert cells[:, [0, 2]].tolist() == colours
    assert np.ma.getmaskarray(cells)[:, 1].all()
    assert shown.get_title() == f"0.0 s\n{words[0, 0]} {words[0, 1]}"


def test_the_colours_of_the_regions_are_named() -> None:
    (legend,) = head_sheet(anny_head(), ["jawOpen"]).legends
    assert [text.get_text() for text in legend.get_texts()] == list(REGIONS)
    assert len({handle.get_facecolor() for handle in legend.legend_handles}) == len(REGIONS)


def test_landmarks_are_seen_on_an_empty_picture() -> None:
    white, grey = np.full((9, 9, 3), 255, np.uint8), np.full((9, 9, 3), 90, np.uint8)
    marks = np.array([[2.0, 3.0, 0.0]])
    figure = clip_sheet({"points alone": white, "picture": grey}, {"points alone": marks, "picture": marks})
    alone, pictured = (axis.collections[0] for axis in figure.axes)
    assert ink_on(tuple(alone.get_facecolor()[0].tolist())) == "white"  # dark on white
    assert alone.get_sizes()[0] > pictured.get_sizes()[0]
