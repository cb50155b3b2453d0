import sys

import numpy as np
import pytest

from dfe_lib.cli import main
from dfe_lib.errors import UserError
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.rendering import Camera, HeadRenderer, Light, subdivision, turn, use_renderer

SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def test_a_ray_through_a_projected_point_meets_it() -> None:
    camera = Camera(distance=0.7, focal_px=900.0, width=320, height=240)
    point = np.array([0.03, -0.05, 0.06])
    ray = camera.rays(camera.project(point))
    assert np.allclose([0, 0, camera.distance] + ray * (camera.distance - point[2]), point)


def test_the_picture_shows_the_head_where_the_camera_projects_it() -> None:
    head, camera = anny_head(), Camera(width=240, height=240, focal_px=700.0)
    with HeadRenderer(head.faces, len(head.template), camera) as renderer:
        picture = renderer.render(head.template.astype(float), rotation=turn(yaw=15))
    drawn = np.argwhere((picture < 250).any(2))[:, ::-1]
    expected = camera.project(head.template.astype(float) @ turn(yaw=15).T)
    assert np.abs(drawn.min(0) - expected.min(0)).max() < 2
    assert np.abs(drawn.max(0) - expected.max(0)).max() < 2


def test_colours_and_light_show() -> None:
    head = anny_head()
    red = np.tile([0.9, 0.1, 0.1], (len(head.template), 1))
    with HeadRenderer(head.faces, len(head.template), Camera(width=96, height=96, focal_px=300.0)) as renderer:
        bright = renderer.render(head.template.astype(float), red)[48, 48].astype(int)
        renderer.light((Light((0.0, 0.0, 1.0), 0.2),))
        dim = renderer.render(head.template.astype(float), red)[48, 48].astype(int)
    assert bright[0] > 2 * bright[1] and dim[0] < bright[0]


def test_subdivision_cuts_triangles_in_four_and_keeps_the_surface() -> None:
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    matrix, faces = subdivision(SQUARE, 4, 2)
    assert len(faces) == 32 and np.allclose(matrix.sum(1), 1)
    a, b, c = (matrix @ corners)[faces].transpose(1, 0, 2)
    assert np.isclose(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2, 1.0)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_depth_is_that_of_the_mesh_and_disturbs_no_picture() -> None:
    camera = Camera(distance=0.5, focal_px=400.0, width=80, height=60)
    tilted = np.array([[-0.06, -0.06, -0.02], [0.06, -0.06, 0.02], [0.06, 0.06, 0.02], [-0.06, 0.06, -0.02]])
    with HeadRenderer(SQUARE, 4, camera) as renderer:
        before, depth, after = renderer.render(tilted), renderer.depth(tilted), renderer.render(tilted)
    rows, columns = np.nonzero(~np.isnan(depth))
    rays = camera.rays(np.stack([columns, rows], 1) + 0.5)  # the square is z = x / 3
    assert np.allclose(depth[rows, columns], camera.distance / (1 + rays[:, 0] / 3), atol=2e-5)
    assert len(rows) == pytest.approx(0.12**2 * (400 / 0.5) ** 2, rel=0.6) and (before == after).all()


def test_a_renderer_that_is_not_there_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"no renderer 'vkt': did you mean vtk\?"):
        use_renderer("vkt")
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    with pytest.raises(UserError, match=r"PyTorch3D is not installed: run `conda install .*docs/pytorch3d\.md"):
        use_renderer("pytorch3d")
    assert main(["view", "nobody.mp4", "--still", "out.png", "--renderer", "pytorch3d"]) != 0
    assert "PyTorch3D is not installed" in capsys.readouterr().err
