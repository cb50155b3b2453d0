"""A mesh drawn by VTK off screen, through pyvista: the study's own pictures."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from ..errors import study_packages
from .camera import Camera, Light

__all__ = ["VtkScene", "pyvista_module"]


def pyvista_module() -> ModuleType:
    """pyvista, which is heavy and no part of a core install; raises `UserError` where it is not installed."""
    # read when VTK is imported; otherwise it first looks for a display, and complains that there is none
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    with study_packages(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook it would ask for progress bars that nobody uses
        import pyvista
    return pyvista


class VtkScene:
    """A `camera.Scene` that VTK draws, with Phong's shading (1975).

    `plotter` is pyvista's, for whoever wants to put more than the mesh before the camera.
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
        self._pyvista = pyvista = pyvista_module()
        self._mesh = pyvista.PolyData.from_regular_faces(np.zeros((n_vertices, 3)), triangles)
        self._mesh["colour"] = np.zeros((n_vertices, 3), np.uint8)
        self.plotter = pyvista.Plotter(off_screen=True, window_size=[camera.width, camera.height], lighting="none")
        self.plotter.add_mesh(self._mesh, scalars="colour", rgb=True, specular=0.12, specular_power=12, ambient=0.12,
                              interpolation="phong")  # fmt: skip
        self.plotter.set_background(background)
        if not smooth:
            self._window.SetMultiSamples(0)
        self.light(lights)
        self.aim(camera)

    def aim(self, camera: Camera) -> None:
        view = self.plotter.camera
        view.position, view.focal_point, view.up = (0, 0, camera.distance), (0, 0, 0), (0, 1, 0)
        view.view_angle = camera.view_angle
        view.clipping_range = (0.05, 5.0)

    def light(self, lights: tuple[Light, ...]) -> None:
        self.plotter.renderer.remove_all_lights()
        for light in lights:
            lamp = self._pyvista.Light(position=light.position, intensity=light.strength, light_type="scene light")
            lamp.diffuse_color = light.colour
            self.plotter.add_light(lamp)

    def place(
        self, points: Float[np.ndarray, "w 3"], normals: Float[np.ndarray, "w 3"], colours: UInt8[np.ndarray, "w 3"]
    ) -> None:
        self._mesh.points = points.astype(np.float32)
        self._mesh.point_data.active_normals = normals.astype(np.float32)
        self._mesh["colour"] = colours
        self.plotter.render()

    def picture(self) -> UInt8[np.ndarray, "h w 3"]:
        return np.array(self.plotter.screenshot(return_img=True))

    def cut_out(self) -> UInt8[np.ndarray, "h w 4"]:
        return np.array(self.plotter.screenshot(return_img=True, transparent_background=True))

    def depth(self) -> Float[np.ndarray, "h w"]:
        with self._one_sample():
            self.picture()  # pyvista has depths of what it has shown alone
            # the range stays: new planes would not be those that the picture was drawn with
            return -np.array(self.plotter.get_image_depth(reset_camera_clipping_range=False), float)

    @property
    def _window(self) -> Any:
        window = self.plotter.render_window
        assert window is not None  # it is there until the plotter is closed
        return window

    @contextmanager
    def _one_sample(self) -> Iterator[None]:
        """Of several samples a pixel, any one would give the depth."""
        samples = self._window.GetMultiSamples()
        self._window.SetMultiSamples(0)
        self.plotter.render()
        yield
        self._window.SetMultiSamples(samples)

    def close(self) -> None:
        self.plotter.close()
