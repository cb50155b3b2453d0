"""Off-screen pictures of a head, by VTK or PyTorch3D: a pinhole camera, a subdivided mesh, one colour a vertex."""

from collections.abc import Callable
from types import TracebackType

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.sparse import coo_matrix, csr_matrix

from ..errors import UserError, did_you_mean
from .camera import STUDIO, Camera, Light, Scene, turn

__all__ = ["RENDERERS", "Camera", "HeadRenderer", "Light", "subdivision", "turn", "use_renderer"]

CLAY = np.array([0.80, 0.66, 0.58])

RENDERERS = ("vtk", "pytorch3d")
"""What can draw a head; the study's own pictures are VTK's."""

_in_use = RENDERERS[0]


def use_renderer(name: str) -> None:
    """Lets `vtk` or `pytorch3d` draw all heads from now on; rendered actors, which networks learn from, stay VTK's.

    Raises:
        UserError: There is no such renderer, or it is not installed.

    >>> use_renderer("vtk")
    """
    global _in_use
    _scene_of(name)
    _in_use = name


def _scene_of(name: str) -> Callable[..., Scene]:
    if name == "vtk":
        from .vtk_scene import VtkScene, pyvista_module

        pyvista_module()
        return VtkScene
    if name == "pytorch3d":
        from .pytorch3d_scene import Pytorch3dScene
        from .rasteriser import pytorch3d_module

        pytorch3d_module()
        return Pytorch3dScene
    raise UserError(f"There is no renderer {name!r}: {did_you_mean(name, RENDERERS)}")


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
        renderer: of `RENDERERS`; what :func:`use_renderer` chose when None.
        fine: matrix (W, V) and triangles of a finer mesh of your own, in place of subdivisions.

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
        renderer: str | None = None,
        fine: tuple[csr_matrix, Int[np.ndarray, "g 3"]] | None = None,
    ) -> None:
        self.camera, self._faces = camera, faces
        self.refine, triangles = fine or subdivision(faces, n_vertices, subdivisions)
        scene = _scene_of(renderer or _in_use)
        self._scene = scene(triangles, self.refine.shape[0], camera, lights, background, smooth)

    def light(self, lights: tuple[Light, ...]) -> None:
        self._scene.light(lights)

    def aim(self, camera: Camera) -> None:
        """Looks through another camera with a picture of the same size."""
        self.camera = camera
        self._scene.aim(camera)

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
        self._place(vertices, colours, rotation)
        return self._scene.picture()

    def cut_out(
        self,
        vertices: Float[np.ndarray, "v 3"],
        colours: Float[np.ndarray, "fine 3"] | None = None,
        rotation: Float[np.ndarray, "3 3"] | None = None,
    ) -> UInt8[np.ndarray, "h w 4"]:
        """The same picture with a transparent background."""
        self._place(vertices, colours, rotation)
        return self._scene.cut_out()

    def depth(
        self, vertices: Float[np.ndarray, "v 3"], rotation: Float[np.ndarray, "3 3"] | None = None
    ) -> Float[np.ndarray, "h w"]:
        """Metres from the camera's plane to the head in the middle of each pixel, NaN where there is no head."""
        self._place(vertices, None, rotation)
        return self._scene.depth()

    def _place(
        self,
        vertices: Float[np.ndarray, "v 3"],
        colours: Float[np.ndarray, "fine 3"] | None,
        rotation: Float[np.ndarray, "3 3"] | None,
    ) -> None:
        posed = vertices if rotation is None else vertices @ rotation.T
        points = self.refine @ posed
        painted = np.broadcast_to(CLAY, points.shape) if colours is None else colours
        self._scene.place(
            points, self.refine @ _normals(posed, self._faces), np.clip(painted * 255, 0, 255).astype(np.uint8)
        )

    def close(self) -> None:
        self._scene.close()

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
