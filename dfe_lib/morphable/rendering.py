"""Off-screen pictures of a head: a pinhole camera, a subdivided mesh, one colour a vertex."""

import os
import warnings
from dataclasses import dataclass
from types import ModuleType, TracebackType

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.sparse import coo_matrix, csr_matrix
from scipy.spatial.transform import Rotation

from ..errors import study_packages

__all__ = ["Camera", "HeadRenderer", "Light", "pyvista_module", "subdivision", "turn"]

CLAY = np.array([0.80, 0.66, 0.58])


@dataclass(frozen=True)
class Camera:
    """Pinhole camera on the z axis, `distance` metres before the head's centre, looking at it.

    Arguments:
        distance: metres from the origin of the head to the camera.
        focal_px: focal length in pixels.
        width, height: of the picture in pixels.
    """

    distance: float = 0.9
    focal_px: float = 1500.0
    width: int = 480
    height: int = 480

    def project(self, points: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 2"]:
        """Pixels (x right, y down) of points in metres."""
        scale = self.focal_px / (self.distance - points[..., 2:])
        return points[..., :2] * scale * [1, -1] + self._centre

    def rays(self, pixels: Float[np.ndarray, "*b 2"]) -> Float[np.ndarray, "*b 3"]:
        """Directions from the camera `(0, 0, distance)` through the pixels."""
        xy = (pixels - self._centre) * [1, -1] / self.focal_px
        return np.concatenate([xy, -np.ones_like(xy[..., :1])], -1)

    @property
    def _centre(self) -> Float[np.ndarray, "2"]:
        return np.array([self.width / 2, self.height / 2])

    @property
    def view_angle(self) -> float:
        """Vertical field of view in degrees."""
        return float(np.degrees(2 * np.arctan(self.height / 2 / self.focal_px)))


@dataclass(frozen=True)
class Light:
    """A directional light: where it stands (x, y, z, any length), its strength and its colour."""

    position: tuple[float, float, float]
    strength: float
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)


STUDIO = (Light((0.5, 0.6, 1.0), 0.75), Light((-0.8, 0.2, 0.7), 0.4), Light((0.0, -0.6, 0.8), 0.15))


def turn(yaw: float | int = 0, pitch: float | int = 0, roll: float | int = 0) -> Float[np.ndarray, "3 3"]:
    """Head rotation from degrees: yaw > 0 turns to the subject's left, pitch > 0 nods down, roll tilts."""
    return Rotation.from_euler("YXZ", [yaw, pitch, roll], degrees=True).as_matrix()


def pyvista_module() -> ModuleType:
    """pyvista, which is heavy and no part of a core install; raises `UserError` where it is not installed."""
    # read when VTK is imported; otherwise it first looks for a display, and complains that there is none
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    with study_packages(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook it would ask for progress bars that nobody uses
        import pyvista
    return pyvista


class HeadRenderer:
    """Renders heads of one topology; hold it open over many frames.

    Arguments:
        faces: (F, 3) triangles of the head.
        n_vertices: of the head.
        camera: the pinhole camera.
        subdivisions: how often each triangle is cut in four, for colours finer than the mesh.
        lights: directional lights.
        background: red, green, blue in [0, 1].
        smooth: several samples a pixel; without, faster, for pictures that are made smaller anyway.

    >>> import numpy as np
    >>> corners = np.array([[-0.05, -0.05, 0], [0.05, -0.05, 0], [0, 0.05, 0]])
    >>> with HeadRenderer(np.array([[0, 1, 2]]), 3, Camera(width=64, height=48)) as renderer:
    ...     renderer.render(corners).shape
    (48, 64, 3)
    """

    def __init__(
        self,
        faces: Int[np.ndarray, "f 3"],
        n_vertices: int,
        camera: Camera,
        subdivisions: int = 0,
        lights: tuple[Light, ...] = STUDIO,
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
        smooth: bool = True,
    ) -> None:
        self.camera, self._faces = camera, faces
        self.refine, fine = subdivision(faces, n_vertices, subdivisions)
        self._pyvista = pyvista = pyvista_module()
        self._mesh = pyvista.PolyData.from_regular_faces(np.zeros((self.refine.shape[0], 3)), fine)
        self._mesh["colour"] = np.zeros((self.refine.shape[0], 3), np.uint8)
        self._plotter = pyvista.Plotter(off_screen=True, window_size=[camera.width, camera.height], lighting="none")
        self._plotter.add_mesh(self._mesh, scalars="colour", rgb=True, specular=0.12, specular_power=12, ambient=0.12,
                               interpolation="phong")  # fmt: skip
        self._plotter.set_background(background)
        if not smooth:
            window = self._plotter.render_window
            assert window is not None  # it is there until the plotter is closed
            window.SetMultiSamples(0)
        self.light(lights)
        self._aim()

    def light(self, lights: tuple[Light, ...]) -> None:
        self._plotter.renderer.remove_all_lights()
        for light in lights:
            lamp = self._pyvista.Light(position=light.position, intensity=light.strength, light_type="scene light")
            lamp.diffuse_color = light.colour
            self._plotter.add_light(lamp)

    def render(
        self,
        vertices: Float[np.ndarray, "v 3"],
        colours: Float[np.ndarray, "fine 3"] | None = None,
        rotation: Float[np.ndarray, "3 3"] | None = None,
    ) -> UInt8[np.ndarray, "h w 3"]:
        """Picture of the head.

        Arguments:
            vertices: (V, 3) metres, head axes.
            colours: (fine, 3) in [0, 1], one for each vertex of the subdivided mesh; clay when None.
            rotation: of the head about its origin.
        """
        posed = vertices if rotation is None else vertices @ rotation.T
        self._mesh.points = (self.refine @ posed).astype(np.float32)
        self._mesh.point_data.active_normals = (self.refine @ _normals(posed, self._faces)).astype(np.float32)
        painted = np.broadcast_to(CLAY, self._mesh.points.shape) if colours is None else colours
        self._mesh["colour"] = np.clip(painted * 255, 0, 255).astype(np.uint8)
        self._plotter.render()
        return np.array(self._plotter.screenshot(return_img=True))

    def cut_out(
        self,
        vertices: Float[np.ndarray, "v 3"],
        colours: Float[np.ndarray, "fine 3"] | None = None,
        rotation: Float[np.ndarray, "3 3"] | None = None,
    ) -> UInt8[np.ndarray, "h w 4"]:
        """The same picture with a transparent background."""
        self.render(vertices, colours, rotation)
        return np.array(self._plotter.screenshot(return_img=True, transparent_background=True))

    def _aim(self) -> None:
        view = self._plotter.camera
        view.position, view.focal_point, view.up = (0, 0, self.camera.distance), (0, 0, 0), (0, 1, 0)
        view.view_angle = self.camera.view_angle
        view.clipping_range = (0.05, 5.0)

    def close(self) -> None:
        self._plotter.close()

    def __enter__(self) -> "HeadRenderer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def subdivision(
    faces: Int[np.ndarray, "f 3"], n_vertices: int, times: int
) -> tuple[csr_matrix, Int[np.ndarray, "g 3"]]:
    """Matrix (W, V) to the vertices of the mesh with every triangle cut in four `times` times, and its triangles."""
    matrix = csr_matrix(coo_matrix((np.ones(n_vertices), [np.arange(n_vertices)] * 2)))
    for _ in range(times):
        step, faces = _subdivide_once(faces, matrix.shape[0])
        matrix = step @ matrix
    return matrix, faces


def _subdivide_once(faces: Int[np.ndarray, "f 3"], count: int) -> tuple[csr_matrix, Int[np.ndarray, "g 3"]]:
    corners = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, where = np.unique(corners, axis=0, return_inverse=True)
    rows = np.r_[np.arange(count), np.repeat(np.arange(len(edges)) + count, 2)]
    weights = np.r_[np.ones(count), np.full(2 * len(edges), 0.5)]
    matrix = csr_matrix((weights, (rows, np.r_[np.arange(count), edges.ravel()])))
    (a, b, c), (ab, bc, ca) = faces.T, where.reshape(-1, 3).T + count
    return matrix, np.stack([[a, ab, ca], [b, bc, ab], [c, ca, bc], [ab, bc, ca]]).transpose(0, 2, 1).reshape(-1, 3)


def _normals(vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> Float[np.ndarray, "v 3"]:
    """Area-weighted vertex normals."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(vertices)) for axis in range(3)], -1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
