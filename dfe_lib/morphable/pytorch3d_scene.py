"""A mesh drawn by PyTorch3D on the processor, with VTK's shading: the same pictures without VTK."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from .camera import Camera, Light
from .rasteriser import Rasteriser, pytorch3d_module

__all__ = ["Pytorch3dScene"]

SAMPLES = 3
"""Samples a pixel, along each side."""

AMBIENT, SPECULAR, POWER = 0.12, 0.12, 12
"""What `vtk_scene` gives VTK."""


class Pytorch3dScene:
    """A `camera.Scene` that PyTorch3D draws, with Phong's shading (1975).

    Raises:
        UserError: PyTorch3D is not installed.
    """

    def __init__(
        self,
        triangles: Int[np.ndarray, "f 3"],
        n_vertices: int,
        camera: Camera,
        lights: tuple[Light, ...],
        background: tuple[float, float, float],
        smooth: bool,
    ) -> None:
        self._library = pytorch3d_module()
        self._triangles = torch.as_tensor(triangles.astype(np.int64))
        self._background = _tensor(np.array(background))
        self._fineness = SAMPLES if smooth else 1
        self._points = self._normals = self._colours = torch.zeros(n_vertices, 3, dtype=torch.float64)
        self.aim(camera)
        self.light(lights)

    def aim(self, camera: Camera) -> None:
        n = self._fineness
        fine = Camera(camera.distance, camera.focal_px * n, camera.width * n, camera.height * n)
        self._camera = camera
        self._picture, self._middles = Rasteriser(fine, self._triangles), Rasteriser(camera, self._triangles)

    def light(self, lights: tuple[Light, ...]) -> None:
        towards = np.array([light.position for light in lights]).reshape(-1, 3)
        self._towards = _tensor(towards / np.linalg.norm(towards, axis=1, keepdims=True))
        self._diffuse = _tensor(np.array([np.multiply(x.colour, x.strength) for x in lights]).reshape(-1, 3))
        self._shine = _tensor(np.array([x.strength for x in lights]))

    def place(
        self, points: Float[np.ndarray, "w 3"], normals: Float[np.ndarray, "w 3"], colours: UInt8[np.ndarray, "w 3"]
    ) -> None:
        self._points, self._normals, self._colours = _tensor(points), _tensor(normals), _tensor(colours / 255)

    def picture(self) -> UInt8[np.ndarray, "h w 3"]:
        colours, covered = self._shaded()
        return _bytes(self._coarse(torch.where(covered[..., None], colours, self._background)))

    def cut_out(self) -> UInt8[np.ndarray, "h w 4"]:
        colours, covered = self._shaded()
        share = self._coarse(covered[..., None].double())
        seen = self._coarse(torch.where(covered[..., None], colours, 0.0)) / share.clamp_min(1e-9)
        return _bytes(torch.cat([torch.where(share > 0, seen, self._background), share], 2))

    def depth(self) -> Float[np.ndarray, "h w"]:
        depth = self._middles(self._points).zbuf[0, ..., 0]
        return torch.where(depth < 0, torch.nan, depth).double().numpy()

    def close(self) -> None:
        """Holds nothing that must be given back."""

    def _shaded(self) -> tuple[Float[Tensor, "h w 3"], Bool[Tensor, "h w"]]:
        """Colours of the samples, and which of them meet the mesh."""
        fragments = self._picture(self._points)
        corners = torch.cat([self._points, self._normals, self._colours], 1)[self._triangles]
        seen = self._library.ops.interpolate_face_attributes(
            fragments.pix_to_face, fragments.bary_coords.double(), corners
        )[0, :, :, 0]
        return self._lit(*seen.split(3, 2)), fragments.pix_to_face[0, ..., 0] >= 0

    def _lit(
        self, points: Float[Tensor, "h w 3"], normals: Float[Tensor, "h w 3"], colours: Float[Tensor, "h w 3"]
    ) -> Float[Tensor, "h w 3"]:
        normals = torch.nn.functional.normalize(normals, dim=2)
        normals = torch.where(normals[..., 2:] < 0, -normals, normals)  # a surface seen from behind is lit from there
        facing = normals @ self._towards.T
        view = torch.nn.functional.normalize(_tensor(np.array([0.0, 0.0, self._camera.distance])) - points, dim=2)
        mirrored = 2 * facing[..., None] * normals[..., None, :] - self._towards
        glint = torch.where(facing > 0, (mirrored @ view[..., None])[..., 0].clamp_min(1e-5) ** POWER, 0.0)
        shade = AMBIENT + facing.clamp_min(0) @ self._diffuse
        return (colours * shade + SPECULAR * (glint @ self._shine)[..., None]).clamp(0, 1)

    def _coarse(self, samples: Float[Tensor, "h w c"]) -> Float[Tensor, "p q c"]:
        """Mean of the samples of each pixel."""
        n = self._fineness
        return samples.reshape(self._camera.height, n, self._camera.width, n, -1).mean((1, 3))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values.astype(float))


def _bytes(colours: Float[Tensor, "h w c"]) -> UInt8[np.ndarray, "h w c"]:
    return (colours * 255).round().to(torch.uint8).numpy()
