"""The 478 landmarks of FaceLandmarker on a head mesh, by detection in rendered views and ray casting."""

import itertools

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.spatial import cKDTree

from ..errors import UserError
from ..tracking.landmarker import FaceLandmarks
from .model import LandmarkEmbedding, MorphableModel
from .painting import paint
from .rendering import Camera, HeadRenderer, turn
from .vtk_scene import pyvista_module

__all__ = ["embed_landmarks", "facial_regions"]

VIEWS = ((0, 0), (-20, 0), (20, 0), (-10, 8), (10, 8), (-10, -12), (10, -12))
"""(yaw, pitch) in degrees of the seven views."""

CAMERA = Camera(distance=0.9, focal_px=1900.0, width=640, height=640)

MOVES_MM = 1.0
IRISES = tuple(range(468, 478))
INNER_LOWER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
INNER_UPPER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_LIP = 17
"""FaceLandmarker's numbering: rows of the inner lips without their corners, middle of the outer lower lip."""


def embed_landmarks(head: MorphableModel) -> tuple[LandmarkEmbedding, float]:
    """Embedding of the 478 landmarks on the neutral head, and how far the views lie apart (median, mm).

    The head is detected twice: as clay, and then painted by the first embedding, which the detector reads better.

    Raises UserError when the detector finds no face in too many views.
    """
    clay, _ = _embed(head, None)
    return _embed(head, clay)


def facial_regions(head: MorphableModel, landmarks: LandmarkEmbedding) -> dict[str, Bool[np.ndarray, " v"]]:
    """`face`, the visible skin that expressions move, and its parts: brows, eyes, nose, cheeks, mouth, jaw."""
    moved = np.linalg.norm(head.expression, axis=2).max(0) > MOVES_MM / 1000
    face = moved & head.region("skin") & _visible(head)
    marks = landmarks(head.template)
    groups = _landmark_regions(marks)
    nearest = groups[cKDTree(marks).query(head.template)[1]]
    return {"face": face} | {str(name): (nearest == name) & face for name in np.unique(groups)}


def _visible(head: MorphableModel) -> Bool[np.ndarray, " v"]:
    """Vertices that some view of the neutral head sees: not the eye sockets, not the inside of the mouth."""
    surface = pyvista_module().PolyData.from_regular_faces(head.template.astype(float), head.faces)
    seen = np.zeros(len(head.template), bool)
    for yaw, pitch in itertools.product((-50, 0, 50), (-30, 0, 30)):
        towards = turn(yaw, pitch) @ [0.0, 0.0, 1.0]
        for vertex in np.flatnonzero(~seen):
            start = head.template[vertex] + 5e-4 * towards
            hits, _ = surface.ray_trace(start, start + towards, first_point=False)
            seen[vertex] = len(hits) == 0
    return seen


def _landmark_regions(marks: Float[np.ndarray, "l 3"]) -> np.ndarray:
    """Region of each landmark: FaceLandmarker's contours, and what lies between them by height and side."""
    from mediapipe.tasks.python.vision import FaceLandmarksConnections as Contours

    groups = np.full(len(marks), "cheeks", dtype="<U6")
    mouth = marks[sorted(_points(Contours.FACE_LANDMARKS_LIPS))]
    brow = marks[sorted(_points(Contours.FACE_LANDMARKS_LEFT_EYEBROW))]
    nose = marks[sorted(_points(Contours.FACE_LANDMARKS_NOSE))]
    groups[marks[:, 1] > brow[:, 1].min()] = "brows"
    groups[marks[:, 1] < mouth[:, 1].min()] = "jaw"
    within = np.abs(marks[:, 0]) < np.abs(nose[:, 0]).max() + 0.002
    groups[within & (marks[:, 1] < brow[:, 1].min()) & (marks[:, 1] > nose[:, 1].min() - 0.002)] = "nose"
    around = np.abs(marks[:, 0]) < np.abs(mouth[:, 0]).max() + 0.004
    groups[around & (marks[:, 1] <= nose[:, 1].min()) & (marks[:, 1] >= mouth[:, 1].min() - 0.004)] = "mouth"
    for side in ("LEFT", "RIGHT"):
        eye = marks[sorted(_points(getattr(Contours, f"FACE_LANDMARKS_{side}_EYE")))]
        reach = (eye.max(0) - eye.min(0))[0] * 0.75
        groups[np.linalg.norm(marks[:, :2] - eye.mean(0)[:2], axis=1) < reach] = "eyes"
        groups[sorted(_points(getattr(Contours, f"FACE_LANDMARKS_{side}_EYEBROW")))] = "brows"
    return groups


def _points(connections: list) -> set[int]:
    return {end for connection in connections for end in (connection.start, connection.end)}


def _embed(head: MorphableModel, known: LandmarkEmbedding | None) -> tuple[LandmarkEmbedding, float]:
    hits = []
    with (
        HeadRenderer(head.faces, len(head.template), CAMERA, subdivisions=2) as renderer,
        FaceLandmarks(video=False) as detector,
    ):
        colours = None if known is None else paint(head, known, renderer.refine)
        for yaw, pitch in VIEWS:
            rotation = turn(yaw, pitch)
            picture = renderer.render(head.template.astype(float), colours, rotation)
            hits += [_cast(head, pixels, rotation) for pixels in _detect(detector, picture)]
    if len(hits) <= len(VIEWS) // 2:
        raise UserError(f"the detector found a face in {len(hits)} of {len(VIEWS)} views of the head model")
    points = np.nanmedian(hits, axis=0)
    apart = np.linalg.norm(hits - points, axis=-1)
    return _on_surface(head, points), float(np.nanmedian(apart) * 1000)


def _detect(detector: FaceLandmarks, picture: UInt8[np.ndarray, "h w 3"]) -> list[Float[np.ndarray, "l 2"]]:
    return [face.landmarks[:, :2].astype(float) for face in detector(picture)]


def _cast(
    head: MorphableModel, pixels: Float[np.ndarray, "l 2"], rotation: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "l 3"]:
    """Nearest intersection of each pixel's ray with the turned head, in head axes; NaN where it misses.

    Moeller and Trumbore (1997), all rays against all triangles.
    """
    origin = rotation.T @ [0, 0, CAMERA.distance]
    rays = CAMERA.rays(pixels) @ rotation
    corner, *others = head.template[head.faces].astype(float).transpose(1, 0, 2)
    first, second = (other - corner for other in others)
    across = np.cross(rays[:, None], second)
    determinant = np.einsum("lfd,fd->lf", across, first)
    away = origin - corner
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.einsum("lfd,fd->lf", across, away) / determinant
        turned = np.cross(away, first)
        v = rays @ turned.T / determinant
        depth = np.einsum("fd,fd->f", turned, second) / determinant
    inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (depth > 0)
    nearest = np.where(inside, depth, np.inf).min(1)
    return np.where(np.isfinite(nearest), nearest, np.nan)[:, None] * rays + origin


def _on_surface(head: MorphableModel, points: Float[np.ndarray, "l 3"]) -> LandmarkEmbedding:
    """The closest point to each landmark on the part of the surface that it belongs to."""
    if np.isnan(points).any():
        raise UserError("a landmark lies beside the head model in every view: check the camera and the template")
    triangles = np.zeros((len(points), 3), np.int32)
    closest = np.zeros_like(points)
    for members, faces in _belongings(head, points):
        cells, closest[members] = _closest(head, head.faces[faces], points[members])
        triangles[members] = head.faces[faces][cells]
    a, b, c = head.template[triangles].astype(float).transpose(1, 0, 2)
    return LandmarkEmbedding(triangles, _barycentric(closest, a, b, c))


def _belongings(
    head: MorphableModel, points: Float[np.ndarray, "l 3"]
) -> list[tuple[Int[np.ndarray, " m"], Bool[np.ndarray, " f"]]]:
    """Landmarks and the triangles they may lie on: irises on the eyes, each inner lip on its own side of the mouth.

    Of closed lips a ray may well hit the wrong one; the jaw separates them.
    """
    skin = head.region("skin")[head.faces].all(1)
    lowered = np.linalg.norm(head.expression[head.names.index("jawOpen")], axis=1)[head.faces].mean(1)
    cells, _ = _closest(head, head.faces, points[[LOWER_LIP]])
    lower = lowered > 0.5 * lowered[cells[0]]
    eyes = (head.region("left_eye") | head.region("right_eye"))[head.faces].all(1)
    special = {*IRISES, *INNER_LOWER_LIP, *INNER_UPPER_LIP}
    others = np.array([i for i in range(len(points)) if i not in special])
    return [
        (others, skin),
        (np.array(IRISES), eyes),
        (np.array(INNER_LOWER_LIP), skin & lower),
        (np.array(INNER_UPPER_LIP), skin & ~lower),
    ]


def _closest(
    head: MorphableModel, faces: Int[np.ndarray, "f 3"], points: Float[np.ndarray, "m 3"]
) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, "m 3"]]:
    """Index of the closest triangle among `faces`, and the closest point on it."""
    surface = pyvista_module().PolyData.from_regular_faces(head.template.astype(float), faces)
    cells, closest = surface.find_closest_cell(points, return_closest_point=True)
    return np.atleast_1d(cells), np.atleast_2d(closest)


def _barycentric(
    p: Float[np.ndarray, "l 3"], a: Float[np.ndarray, "l 3"], b: Float[np.ndarray, "l 3"], c: Float[np.ndarray, "l 3"]
) -> Float[np.ndarray, "l 3"]:
    def area(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.cross(x, y), axis=1)

    weights = np.stack([area(b - p, c - p), area(c - p, a - p), area(a - p, b - p)], -1)
    return weights / weights.sum(1, keepdims=True)
