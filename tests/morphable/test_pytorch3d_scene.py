"""PyTorch3D beside VTK: the same camera, the same pixels, the same depth, nearly the same colours."""

from collections.abc import Iterator

import numpy as np
import pytest

from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.painting import paint
from dfe_lib.morphable.rendering import Camera, HeadRenderer, Light, turn, use_renderer
from dfe_lib.report.drawing import drawn_heads

pytestmark = pytest.mark.pytorch3d

CARD = Camera(0.9, 1050.0, 260, 300)
WIDE = Camera(0.45, 420.0, 333, 250)
"""A near camera, with much perspective, whose picture is no whole number of tiles."""
POSES = (turn(), turn(25, 10, 5), turn(-60, -20, 10))
MM = 1000.0

Renderers = tuple[HeadRenderer, HeadRenderer]


@pytest.fixture(scope="module", params=[CARD, WIDE], ids=["card", "wide"])
def both(request: pytest.FixtureRequest) -> Iterator[Renderers]:
    """A head before both, VTK first."""
    head, camera = anny_head(), request.param
    with (
        HeadRenderer(head.faces, len(head.template), camera, smooth=False, renderer="vtk") as vtk,
        HeadRenderer(head.faces, len(head.template), camera, smooth=False, renderer="pytorch3d") as ours,
    ):
        yield vtk, ours


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    psi = np.zeros(52)
    psi[[17, 25, 40]] = 0.8
    return anny_head().vertices(psi).astype(float)


@pytest.mark.parametrize("pose", POSES, ids=["front", "turned", "side"])
def test_masks_and_depth_agree(both: Renderers, face: np.ndarray, pose: np.ndarray) -> None:
    first, second = (renderer.depth(face, pose) for renderer in both)
    here, there = ~np.isnan(first), ~np.isnan(second)
    assert (here & there).sum() / (here | there).sum() >= 0.999  # intersection over union
    assert (here == there).mean() >= 0.999
    apart = np.abs(first - second)[here & there] * MM
    assert (apart <= 0.5).mean() >= 0.999  # where one surface ends before another, a pixel may see either
    assert np.median(apart) < 0.01


def test_pictures_agree(both: Renderers, face: np.ndarray) -> None:
    head = anny_head()
    assert head.landmarks is not None
    colours = paint(head, head.landmarks, both[0].refine)
    pictures = [renderer.render(face, colours, POSES[1]).astype(int) for renderer in both]
    assert np.abs(pictures[0] - pictures[1]).mean() < 1
    cuts = [renderer.cut_out(face, colours, POSES[1]).astype(int) for renderer in both]
    assert np.abs(cuts[0] - cuts[1]).mean() < 1 and set(np.unique(cuts[1][..., 3])) == {0, 255}


def test_light_and_camera_can_be_changed(both: Renderers, face: np.ndarray) -> None:
    camera = both[0].camera
    nearer = Camera(camera.distance * 0.8, camera.focal_px, camera.width, camera.height)
    pictures = []
    for renderer in both:
        renderer.light((Light((1.0, 0.2, 0.3), 0.8, (1.0, 0.6, 0.2)),))
        renderer.aim(nearer)
        pictures.append(renderer.render(face).astype(int))
        renderer.aim(camera)
    assert np.abs(pictures[0] - pictures[1]).mean() < 1
    assert pictures[1][..., 0].std() > 30  # lit from a side


def test_a_head_beside_the_picture_leaves_the_background(both: Renderers, face: np.ndarray) -> None:
    away = face + np.array([2.0, 0.0, 0.0])
    assert (both[1].render(away) == 255).all() and np.isnan(both[1].depth(away)).all()


def test_several_samples_smooth_the_edges(face: np.ndarray) -> None:
    head, small = anny_head(), Camera(0.9, 260.0, 64, 74)
    with HeadRenderer(head.faces, len(head.template), small, renderer="pytorch3d") as renderer:
        shares = renderer.cut_out(face)[..., 3]
        assert 20 < ((shares > 0) & (shares < 255)).sum() < 400
        assert abs(shares.mean() / 255 - (~np.isnan(renderer.depth(face))).mean()) < 0.005


def test_figures_are_drawn_by_the_renderer_in_use() -> None:
    head, psi = anny_head(), np.eye(52)[[25]]
    colours = [np.full((len(head.template), 3), 0.7)]
    drawn = [drawn_heads(head, psi, colours)[0].astype(int)]
    use_renderer("pytorch3d")
    try:
        drawn.append(drawn_heads(head, psi, colours)[0].astype(int))
    finally:
        use_renderer("vtk")
    assert 0 < np.abs(drawn[0] - drawn[1]).mean() < 2
