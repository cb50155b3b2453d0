"""Where a head is seen from and what lights it: a pinhole camera, directional lights, the turn of a head."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

__all__ = ["STUDIO", "Camera", "Light", "Scene", "turn"]


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


class Scene(Protocol):
    """What draws one mesh before a camera; `vtk_scene` and `pytorch3d_scene` each hold one.

    It is made of triangles (F, 3) that index W vertices, a camera, lights, the background's red, green and blue in
    [0, 1], and whether a pixel takes several samples.
    """

    def aim(self, camera: Camera) -> None:
        """Looks through another camera with a picture of the same size."""

    def light(self, lights: tuple[Light, ...]) -> None:
        """Replaces all lights."""

    def place(
        self, points: Float[np.ndarray, "w 3"], normals: Float[np.ndarray, "w 3"], colours: UInt8[np.ndarray, "w 3"]
    ) -> None:
        """Moves the vertices to `points`, in metres and the camera's axes."""

    def picture(self) -> UInt8[np.ndarray, "h w 3"]:
        """What the camera sees."""

    def cut_out(self) -> UInt8[np.ndarray, "h w 4"]:
        """The same on a transparent background."""

    def depth(self) -> Float[np.ndarray, "h w"]:
        """Metres from the plane of the camera in the middle of each pixel, NaN beside the mesh."""

    def close(self) -> None:
        """Gives back what it holds."""
