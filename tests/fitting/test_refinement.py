from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dfe_lib.actors.actor import fine_mesh, landmarks_of, sample_actor
from dfe_lib.actors.expressions import sample_expressions
from dfe_lib.errors import UserError
from dfe_lib.fitting.refinement import PlacedHeads, RefinementConfig, View, placed_heads, refine_heads
from dfe_lib.fitting.solver import POSE_LANDMARKS, LandmarkSolver, camera_axes
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.camera import Camera, turn
from dfe_lib.morphable.rendering import HeadRenderer

CAMERA = Camera(0.9, 800.0, 288, 288)
FACE = anny_head().region("face")


@dataclass(frozen=True)
class Scene:
    """A rendered actor, who is no head of the model: where the vertices are, what VTK shows, and a start beside it."""

    vertices: np.ndarray
    view: View
    start: PlacedHeads

    def errors(self, heads: PlacedHeads) -> dict[str, float]:
        """Error of the landmarks in pixels, of the face beside the line of sight in mm, and of the silhouette."""
        head, found = anny_head(), heads.vertices(anny_head())[0]
        marks = CAMERA.project(landmarks_of(head, found)) - self.view.landmarks
        mask, seen = silhouette(found), self.view.silhouette
        return {
            "landmarks_px": rms(marks),
            "face_mm": 1000 * rms((found - self.vertices)[FACE, :2]),
            "silhouette": 1 - float((mask & seen).sum() / (mask | seen).sum()),
        }


def rms(offsets: np.ndarray) -> float:
    return float(np.sqrt((offsets**2).sum(1).mean()))


def silhouette(vertices: np.ndarray) -> np.ndarray:
    head = anny_head()
    with HeadRenderer(head.faces, len(head.template), CAMERA, smooth=False, renderer="vtk") as renderer:
        return ~np.isnan(renderer.depth(vertices))


@pytest.fixture(scope="module")
def scene() -> Scene:
    head, rng = anny_head(), np.random.default_rng(0)
    actor, psi = sample_actor(head, fine_mesh(head)[0], rng), sample_expressions(1, rng)
    rotation, place = turn(15, -6, 4), np.array([0.01, -0.005, 0.02])
    vertices = actor.vertices(psi[0]) @ rotation.T + place
    view = View(CAMERA, CAMERA.project(landmarks_of(head, vertices)), silhouette(vertices))
    aside = Rotation.from_rotvec(rng.normal(0, 0.08, 3)).as_matrix()
    off = np.clip(psi + rng.normal(0, 0.15, psi.shape), 0, 1)
    start = PlacedHeads(np.zeros(0), off, (rotation @ aside)[None], place[None] + [0.008, -0.008, 0.01])
    return Scene(vertices, view, start)


@pytest.mark.pytorch3d
def test_landmarks_and_silhouette_bring_a_head_back_to_an_actor(scene: Scene) -> None:
    before = scene.errors(scene.start)
    heads = refine_heads(anny_head(), [scene.view], scene.start)
    after = scene.errors(heads)
    assert after["landmarks_px"] < 0.2 * before["landmarks_px"]
    assert after["face_mm"] < 0.2 * before["face_mm"]
    assert after["silhouette"] < 0.3 * before["silhouette"]
    assert heads.psi.min() >= 0 and heads.psi.max() <= 1


@pytest.mark.pytorch3d
def test_the_silhouette_says_what_landmarks_do_not(scene: Scene) -> None:
    unseen = View(CAMERA, scene.view.landmarks)
    without = refine_heads(anny_head(), [unseen], scene.start)
    seen = refine_heads(anny_head(), [scene.view], without, RefinementConfig(iterations=6))
    assert scene.errors(seen)["silhouette"] < 0.8 * scene.errors(without)["silhouette"]


@pytest.mark.pytorch3d
def test_two_refinements_are_the_same(scene: Scene) -> None:
    config = RefinementConfig(iterations=2, side_px=48)
    first, second = (refine_heads(anny_head(), [scene.view], scene.start, config) for _ in range(2))
    assert (first.psi == second.psi).all() and (first.rotation == second.rotation).all()


def test_landmarks_of_two_views_give_one_identity_without_a_renderer() -> None:
    head, rng = anny_head(), np.random.default_rng(1)
    beta, psi = rng.normal(size=20), np.zeros((2, 52))
    psi[0, 25], psi[1, [45, 46]] = 0.6, 0.7
    rotation = np.stack([turn(-20, 4), turn(22, -8)])
    truth = PlacedHeads(beta, psi, rotation, np.array([[0.01, 0.0, 0.02], [-0.01, 0.01, -0.03]]))
    views = [View(CAMERA, CAMERA.project(landmarks_of(head, each))) for each in truth.vertices(head)]
    start = PlacedHeads(np.zeros(0), np.zeros((2, 52)), rotation @ turn(4, -4, 3), truth.translation + 0.01)
    config = RefinementConfig(identity_precision=1e-3, precision=1e-2, n_identity=20, iterations=150)
    found = refine_heads(head, views, start, config)
    errors = [1000 * rms((a - b)[FACE, :2]) for a, b in zip(found.vertices(head), truth.vertices(head), strict=True)]
    assert max(errors) < 1 and np.corrcoef(found.beta, beta)[0, 1] > 0.7


def test_a_fit_to_pixels_is_a_start_in_metres(scene: Scene) -> None:
    """Landmarks as FaceLandmarker gives them: no perspective in their depth, which is in pixels as well."""
    head, marks = anny_head(), landmarks_of(anny_head(), scene.vertices)
    depth = -(marks[:, 2:] - marks[:, 2:].mean()) * CAMERA.focal_px / CAMERA.distance
    seen = np.concatenate([scene.view.landmarks, depth], 1)[None]
    solver, points = LandmarkSolver(head, POSE_LANDMARKS, n_identity=20), camera_axes(seen[:, POSE_LANDMARKS])
    beta = solver.fit_identity(points, 1.0, 1.0)
    start = placed_heads(head, solver.fit(points, beta), beta, [CAMERA])
    assert scene.errors(start)["landmarks_px"] < 2.5
    assert np.abs(start.translation[0, :2] - [0.01, -0.005]).max() < 0.002  # its depth depends on the head's size


@pytest.mark.parametrize(
    ("config", "said"),
    [({"sigma_px": 0.0}, "softness"), ({"iterations": 0}, "counts above 0"), ({"precision": -1.0}, "weights")],
)
def test_a_setting_that_makes_no_sense_is_refused(config: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        RefinementConfig(**config)


def test_views_and_start_must_fit(scene: Scene) -> None:
    with pytest.raises(UserError, match="2 views need as many heads"):
        refine_heads(anny_head(), [scene.view] * 2, scene.start)


@pytest.mark.pytorch3d
def test_a_silhouette_of_another_size_is_refused(scene: Scene) -> None:
    wrong = View(CAMERA, scene.view.landmarks, np.ones((10, 12), bool))
    with pytest.raises(UserError, match=r"\(12, 10\) pixels"):
        refine_heads(anny_head(), [wrong], scene.start)
