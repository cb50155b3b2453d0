import numpy as np
import pytest
import torch

from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.camera import Camera, turn
from dfe_lib.morphable.rasteriser import Rasteriser, projected, pytorch3d_camera, pytorch3d_module

CAMERA = Camera(distance=0.7, focal_px=110.0, width=50, height=42)


@pytest.fixture(scope="module")
def points() -> torch.Tensor:
    return torch.as_tensor(anny_head().template.astype(float) @ turn(20, 5).T + [0.01, -0.02, 0.03])


def test_tensors_are_projected_as_arrays(points: torch.Tensor) -> None:
    assert np.allclose(projected(CAMERA, points).numpy(), CAMERA.project(points.numpy()))


@pytest.mark.pytorch3d
def test_its_own_camera_sees_the_same_pixels(points: torch.Tensor) -> None:
    screen = pytorch3d_camera(CAMERA).transform_points_screen(points[None].float())[0, :, :2]
    assert np.abs(screen.numpy() - CAMERA.project(points.numpy())).max() < 1e-3


@pytest.mark.pytorch3d
def test_tiles_give_the_pixels_of_the_whole_picture(points: torch.Tensor) -> None:
    library, faces = pytorch3d_module(), torch.as_tensor(anny_head().faces)
    blur = 1.5
    settings = library.renderer.RasterizationSettings(
        (CAMERA.height, CAMERA.width), (blur * 2 / CAMERA.height) ** 2, 4, perspective_correct=True
    )
    whole = library.renderer.MeshRasterizer(pytorch3d_camera(CAMERA), settings)
    theirs = whole(library.structures.Meshes([points.float()], [faces]))
    ours = Rasteriser(CAMERA, faces, blur, 4)(points)
    same = ours.pix_to_face == theirs.pix_to_face  # triangles at the same depth may come in either order
    assert same.float().mean() > 0.999
    seen = same & (ours.pix_to_face >= 0)
    assert (ours.zbuf - theirs.zbuf)[seen].abs().max() < 1e-3
    assert (ours.dists - theirs.dists * (CAMERA.height / 2) ** 2)[seen].abs().max() < 1e-3


@pytest.mark.pytorch3d
def test_the_triangles_that_some_pixels_may_see_are_enough_for_them(points: torch.Tensor) -> None:
    every = Rasteriser(CAMERA, torch.as_tensor(anny_head().faces), 0.4, 8)
    chosen = torch.zeros(CAMERA.height, CAMERA.width, dtype=torch.bool)
    chosen[10:14, 20:27] = True
    few = every.touching(points, chosen)
    assert 0 < len(few.triangles) < 0.2 * len(every.triangles)
    ours, theirs = few(points).zbuf[0][chosen], every(points).zbuf[0][chosen]
    assert torch.allclose(ours, theirs) and (ours > 0).any()


@pytest.mark.pytorch3d
def test_distances_and_their_gradient_are_the_librarys(points: torch.Tensor) -> None:
    square = torch.tensor([[0, 1, 2], [0, 2, 3]])
    corners = torch.tensor([[-0.05, -0.06, 0.0], [0.06, -0.05, 0.02], [0.05, 0.05, 0.0], [-0.06, 0.06, 0.01]])
    tiles = Rasteriser(CAMERA, square, 2.0, 2)
    slopes = []
    for own in (True, False):
        moved = corners.double().requires_grad_()
        seen = tiles(moved)
        chosen = (seen.pix_to_face >= 0).any(-1)[0]
        away = tiles.distances(moved, seen, chosen).dists[0, 0] if own else seen.dists[0][chosen]
        assert torch.allclose(away, seen.dists[0][chosen], atol=1e-3)
        away.square().sum().backward()
        slopes.append(moved.grad)
    assert torch.allclose(slopes[0], slopes[1], rtol=1e-3, atol=1e-3 * slopes[1].abs().max())
    assert slopes[0].abs().max() > 1
