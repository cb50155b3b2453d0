"""Paint on a head mesh, so that a face detector reads it as a face: brows, lips, eyes, lashes, hair, skin."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.path import Path as Polygon
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from .model import LandmarkEmbedding, MorphableModel

__all__ = ["Palette", "paint"]

Colour = tuple[float, float, float]

BROWS = ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107)), ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336))
"""Lower and upper rows of the right and left brow, from the temple inwards (FaceLandmarker's numbering)."""
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
FOREHEAD, CHIN = 10, 152


@dataclass(frozen=True)
class Palette:
    """Colours in [0, 1] and sizes of what is painted.

    Arguments:
        brow_mm: half height of a brow. lash_mm: width of the lash line.
        hairline_mm: how far the hair begins above the highest landmark of the forehead.
        beard: 0 (shaved) to 1, how much of the hair colour lies on chin and cheeks.
        blush: how much redder lips' and cheeks' surroundings are than the skin.
    """

    skin: Colour = (0.80, 0.62, 0.52)
    lips: Colour = (0.66, 0.36, 0.34)
    brows: Colour = (0.24, 0.17, 0.13)
    hair: Colour = (0.22, 0.16, 0.12)
    iris: Colour = (0.30, 0.24, 0.18)
    sclera: Colour = (0.90, 0.89, 0.88)
    lashes: Colour = (0.16, 0.11, 0.10)
    mouth: Colour = (0.30, 0.10, 0.10)
    tongue: Colour = (0.70, 0.36, 0.36)
    brow_mm: float = 4.0
    lash_mm: float = 1.3
    hairline_mm: float = 14.0
    beard: float = 0.0
    blush: float = 0.25


def paint(
    head: MorphableModel, landmarks: LandmarkEmbedding, refine: csr_matrix, palette: Palette | None = None
) -> Float[np.ndarray, "w 3"]:
    """Colours of the subdivided head's vertices.

    Arguments:
        head: the model; its template says where each part lies, so a colour moves with its vertex.
        landmarks: embedding of the 478 landmarks.
        refine: (W, V) matrix of `rendering.subdivision`.
        palette: what to paint.
    """
    look = palette or Palette()
    points = refine @ head.template.astype(float)
    marks = landmarks(head.template).astype(float)
    part = {name: refine @ head.region(name).astype(float) > 0.5 for name in ("skin", "inner_mouth")}
    front = part["skin"] & (points[:, 2] > marks[[33, 263], 2].mean() - 0.05)
    canvas = _skin(points, marks, look)
    _blend(canvas, _hair(points, marks, look) * part["skin"], look.hair)
    _blend(canvas, _beard(points, marks) * front * look.beard, look.hair)
    _blend(canvas, _inside(points, marks, OUTER_LIPS) * front, look.lips)
    _blend(canvas, _inside_mouth(points, marks) * part["skin"], look.mouth)
    for lower, upper in BROWS:
        middle = (marks[list(lower)] + marks[list(upper)]) / 2
        _blend(canvas, _near(points, middle, look.brow_mm) * front, look.brows)
    for ring in (RIGHT_EYE, LEFT_EYE):
        _blend(canvas, _near(points, marks[[*ring, ring[0]]], look.lash_mm) * front, look.lashes)
    canvas[part["inner_mouth"]] = look.tongue
    _paint_eyes(canvas, points, marks, ~(part["skin"] | part["inner_mouth"]), look)
    return canvas


def _blend(canvas: Float[np.ndarray, "w 3"], alpha: Float[np.ndarray, " w"], colour: Colour) -> None:
    canvas += alpha[:, None] * (np.array(colour) - canvas)


def _skin(points: Float[np.ndarray, "w 3"], marks: Float[np.ndarray, "l 3"], look: Palette) -> np.ndarray:
    """Skin with redder cheeks and nose, and a faint mottling."""
    canvas = np.tile(np.array(look.skin), (len(points), 1))
    for spot in (50, 280, 4):
        glow = np.exp(-((np.linalg.norm(points - marks[spot], axis=1) / 0.018) ** 2))
        _blend(canvas, look.blush * glow, look.lips)
    mottle = np.sin(points * 410.0).prod(1) + 0.5 * np.sin(points[:, ::-1] * 930.0).prod(1)
    return canvas * (1 + 0.03 * mottle[:, None])


def _hair(points: Float[np.ndarray, "w 3"], marks: Float[np.ndarray, "l 3"], look: Palette) -> np.ndarray:
    """Above a plane that falls backwards from the hairline, ears left free."""
    top = marks[FOREHEAD] + [0, look.hairline_mm / 1000, 0]
    behind = np.maximum(top[2] - 0.025 - points[:, 2], 0)
    height = points[:, 1] - top[1] + 1.05 * behind
    ear = np.abs(points[:, 0]) > np.abs(marks[[127, 356], 0]).mean() + 0.004
    return _soft(height / 0.004) * ~(ear & (points[:, 1] < marks[[33, 263], 1].mean() + 0.02))


def _beard(points: Float[np.ndarray, "w 3"], marks: Float[np.ndarray, "l 3"]) -> np.ndarray:
    below = marks[[61, 291], 1].mean() + 0.012 - points[:, 1]
    sideways = 0.5 * np.maximum(np.abs(points[:, 0]) - 0.03, 0)
    return _soft((below + sideways) / 0.006) * _soft((points[:, 1] - marks[CHIN, 1] + 0.02) / 0.01)


def _inside(points: np.ndarray, marks: np.ndarray, ring: tuple[int, ...]) -> np.ndarray:
    return Polygon(marks[list(ring), :2]).contains_points(points[:, :2]).astype(float)


def _inside_mouth(points: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """The cavity behind the lips: skin that lies well behind the lip line."""
    lips = marks[list(INNER_LIPS)]
    within = (np.abs(points[:, 0]) < np.abs(lips[:, 0]).max()) & (np.abs(points[:, 1] - lips[:, 1].mean()) < 0.03)
    depth = _lip_depth(lips, points) - points[:, 2]
    return _soft((depth - 0.009) / 0.002) * within


def _lip_depth(lips: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Depth of the lip line at each point's x: the mouth is a bow, corners lie further back."""
    order = np.argsort(lips[:, 0])
    return np.interp(points[:, 0], lips[order, 0], lips[order, 2])


def _near(points: np.ndarray, line: np.ndarray, width_mm: float) -> np.ndarray:
    """1 on a polyline, falling softly to 0 beyond `width_mm`."""
    steps = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    dense = (line[:-1] * (1 - steps) + line[1:] * steps).reshape(-1, 3)
    away = cKDTree(dense).query(points, distance_upper_bound=3 * width_mm / 1000)[0] * 1000
    return _soft((width_mm - np.minimum(away, 1e3)) / (0.25 * width_mm))


def _soft(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(x)


def _paint_eyes(canvas: np.ndarray, points: np.ndarray, marks: np.ndarray, eyes: np.ndarray, look: Palette) -> None:
    canvas[eyes] = look.sclera
    for centre, *ring in IRISES:
        radius = np.linalg.norm(marks[ring, :2] - marks[centre, :2], axis=1).mean()
        away = np.linalg.norm(points[:, :2] - marks[centre, :2], axis=1) / radius
        facing = eyes & (points[:, 2] > marks[centre, 2] - 0.008)
        _blend(canvas, _soft((1.0 - away) / 0.08) * facing, look.iris)
        _blend(canvas, _soft((0.42 - away) / 0.08) * facing, (0.03, 0.03, 0.03))
