"""Which triangles each pixel sees, by PyTorch3D, so that pictures can be differentiated with respect to the mesh.

PyTorch3D's camera looks along +z with x to the left; `pytorch3d_camera` turns ours, which looks along -z with x to the
right, into one. Off a GPU its rasteriser tries every triangle in every pixel. So the picture is cut into tiles, each a
mesh of the triangles that reach into it, which takes a hundredth of the time and gives the same pixels.
"""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import UserError
from .camera import Camera

__all__ = ["Rasteriser", "projected", "pytorch3d_camera", "pytorch3d_module"]

TILE = 16
"""Side of a tile in pixels."""


def pytorch3d_module() -> ModuleType:
    """PyTorch3D with its ops, renderer and structures; raises `UserError` where they cannot be imported."""
    try:
        import pytorch3d
        import pytorch3d.ops
        import pytorch3d.renderer
        import pytorch3d.structures
    except ImportError as error:
        why = "is not installed" if error.name == "pytorch3d" else f"cannot be imported ({error})"
        raise UserError(
            f"PyTorch3D {why}: run `conda install -c conda-forge pytorch3d` or build it for your torch, as "
            "docs/pytorch3d.md says, or choose the renderer vtk."
        ) from error
    return pytorch3d


def pytorch3d_camera(camera: Camera) -> Any:
    """The same view as PyTorch3D's `PerspectiveCameras`, for its own renderers and shaders.

    Raises:
        UserError: PyTorch3D is not installed.
    """
    turned = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))[None]  # ours looks along -z, theirs along +z with x left
    return pytorch3d_module().renderer.PerspectiveCameras(
        focal_length=float(camera.focal_px),
        principal_point=((camera.width / 2, camera.height / 2),),
        R=turned,
        T=torch.tensor([[0.0, 0.0, camera.distance]]),
        image_size=((camera.height, camera.width),),
        in_ndc=False,
    )


@dataclass(frozen=True)
class Rasteriser:
    """What the pixels of a picture see of a mesh.

    Arguments:
        camera: the pinhole camera.
        triangles: (F, 3) of the mesh.
        blur_px: how far beside a triangle a pixel still sees it.
        faces_per_pixel: how many triangles a pixel sees at most, the nearest first.
    """

    camera: Camera
    triangles: Int[Tensor, "f 3"]
    blur_px: float = 0.0
    faces_per_pixel: int = 1

    def __call__(self, points: Float[Tensor, "v 3"]) -> Any:
        """PyTorch3D's `Fragments` of the picture (1, h, w, k).

        `pix_to_face` counts triangles, -1 for none; `zbuf` is in metres from the camera's plane; `dists` are squared
        pixels, negative inside; `bary_coords` are perspective-correct.

        Arguments:
            points: (V, 3) vertices in metres.
        """
        library = pytorch3d_module()
        seen = torch.stack([*projected(self.camera, points).unbind(1), self.camera.distance - points[:, 2]], 1)[
            self.triangles
        ]
        tile, face = self._pairs(seen.detach())
        if not len(tile):  # the mesh is beside the picture: one tile, with a triangle that reaches nothing
            tile, face = tile.new_zeros(1), face.new_zeros(1)
        filled, place, counts = torch.unique_consecutive(tile, return_inverse=True, return_counts=True)
        corners = _in_tiles(seen[face], self._corners(filled)[place])
        meshes = _meshes(library, corners, counts)
        index, depth, weights, away = library.renderer.mesh.rasterize_meshes(
            meshes, TILE, (2 * self.blur_px / TILE) ** 2, self.faces_per_pixel, perspective_correct=True,
            clip_barycentric_coords=self.blur_px > 0,  # a pixel beside a triangle has the depth of its nearest side
        )  # fmt: skip
        own = torch.where(index >= 0, face[index.clamp_min(0)], -1)
        away = torch.where(index >= 0, away * (TILE / 2) ** 2, away)
        parts = [self._joined(part, filled) for part in (own, depth, weights, away)]
        return library.renderer.mesh.rasterizer.Fragments(*parts)

    def touching(self, points: Float[Tensor, "v 3"], chosen: Bool[Tensor, "h w"]) -> "Rasteriser":
        """The same with only those triangles that some of the chosen pixels may see."""
        corners = projected(self.camera, points)[self.triangles]
        size = corners.new_tensor([self.camera.width, self.camera.height])
        low = (corners.amin(1) - self.blur_px - 0.5).clamp_min(0).minimum(size).floor().long()
        high = (corners.amax(1) + self.blur_px + 0.5).clamp_min(0).minimum(size).ceil().long()
        before = torch.nn.functional.pad(chosen.long().cumsum(0).cumsum(1), (1, 0, 1, 0))  # chosen pixels up to each
        rows, columns = (torch.stack([low[:, axis], high[:, axis]]) for axis in (1, 0))
        count = before[rows[:, None], columns[None]]
        return replace(self, triangles=self.triangles[count[1, 1] + count[0, 0] > count[0, 1] + count[1, 0]])

    def distances(self, points: Float[Tensor, "v 3"], seen: Any, chosen: Bool[Tensor, "h w"]) -> Any:
        """The same `Fragments` of some pixels (1, 1, p, k), whose `dists` can be differentiated, as PyTorch3D's can.

        Its own gradient takes 60 microseconds for each triangle of a pixel off a GPU, this one less than one.

        Arguments:
            points: (V, 3) vertices in metres. seen: what the rasteriser returned for them. chosen: the p pixels.
        """
        index = seen.pix_to_face[0][chosen]
        corners = projected(self.camera, points)[self.triangles[index.clamp_min(0)]]
        middles = chosen.nonzero().flip(1).to(points.dtype) + 0.5
        away = _to_triangle(middles[:, None], corners)
        away = torch.where(index < 0, -1.0, away * seen.dists[0][chosen].sign())
        parts = [index, *(part[0][chosen] for part in (seen.zbuf, seen.bary_coords)), away.float()]
        return type(seen)(*(part[None, None] for part in parts))

    def _grid(self) -> tuple[int, int]:
        """Tiles down and across."""
        return -(-self.camera.height // TILE), -(-self.camera.width // TILE)

    def _corners(self, tiles: Int[Tensor, " t"]) -> Float[Tensor, "t 2"]:
        """Pixel of each tile's upper left corner."""
        across = self._grid()[1]
        return torch.stack([tiles % across, tiles // across], 1).float() * TILE

    def _pairs(self, seen: Float[Tensor, "f 3 3"]) -> tuple[Int[Tensor, " p"], Int[Tensor, " p"]]:
        """Tiles and the triangles that reach into them, sorted by tile."""
        down, across = self._grid()
        low = ((seen[..., :2].amin(1) - self.blur_px) / TILE).floor()
        high = ((seen[..., :2].amax(1) + self.blur_px) / TILE).floor()
        columns = torch.arange(across, device=seen.device)
        rows = torch.arange(down, device=seen.device)
        beside = (columns >= low[:, :1]) & (columns <= high[:, :1])
        level = (rows >= low[:, 1:]) & (rows <= high[:, 1:])
        row, column, face = (level.T[:, None] & beside.T[None]).nonzero(as_tuple=True)
        return row * across + column, face

    def _joined(self, part: Tensor, tiles: Int[Tensor, " t"]) -> Tensor:
        """Tiles (t, TILE, TILE, ...) as one picture (1, h, w, ...)."""
        down, across = self._grid()
        whole = part.new_full((down * across, *part.shape[1:]), -1).index_copy(0, tiles, part)
        whole = whole.reshape(down, across, TILE, TILE, *part.shape[3:]).transpose(1, 2)
        whole = whole.reshape(1, down * TILE, across * TILE, *part.shape[3:])
        return whole[:, : self.camera.height, : self.camera.width]


def projected(camera: Camera, points: Float[Tensor, "p 3"]) -> Float[Tensor, "p 2"]:
    """`Camera.project` of tensors, differentiable."""
    middle = points.new_tensor([camera.width / 2, camera.height / 2])
    scale = camera.focal_px / (camera.distance - points[:, 2:])
    return points[:, :2] * points.new_tensor([1.0, -1.0]) * scale + middle


def _to_triangle(pixels: Float[Tensor, "p 1 2"], corners: Float[Tensor, "p k 3 2"]) -> Float[Tensor, "p k"]:
    """Squared distances to the nearest side of triangles."""
    side = corners.roll(-1, 2) - corners
    towards = pixels[:, :, None] - corners
    share = ((towards * side).sum(-1) / side.square().sum(-1).clamp_min(1e-12)).clamp(0, 1)
    return (towards - share[..., None] * side).square().sum(-1).amin(-1)


def _in_tiles(seen: Float[Tensor, "p 3 3"], corners: Float[Tensor, "p 2"]) -> Float[Tensor, "p 3 3"]:
    """Corners of triangles in their tile's own axes, -1 to 1, x to the left, y up."""
    flat = 1 - (seen[..., :2] - corners[:, None]) * (2 / TILE)
    return torch.cat([flat, seen[..., 2:]], 2).float()


def _meshes(library: ModuleType, corners: Float[Tensor, "p 3 3"], counts: Int[Tensor, " t"]) -> Any:
    """One mesh a tile, of triangles that share no vertices."""
    sizes = counts.tolist()
    numbers = torch.arange(3 * max(sizes, default=0), device=corners.device).reshape(-1, 3)
    points = [part.reshape(-1, 3) for part in corners.split(sizes)]
    return library.structures.Meshes(verts=points, faces=[numbers[:size] for size in sizes])
