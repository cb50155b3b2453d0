import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.embedding import INNER_LOWER_LIP, INNER_UPPER_LIP, IRISES, VIEWS, embed_landmarks
from dfe_lib.morphable.painting import paint
from dfe_lib.morphable.rendering import Camera, HeadRenderer, turn
from dfe_lib.tracking.landmarker import FaceLandmarks

CAMERA = Camera(distance=0.9, focal_px=1600.0, width=480, height=480)


def moved_mm(action: str) -> np.ndarray:
    head = anny_head()
    return np.linalg.norm(head.landmark_model().displacement_mm(np.isin(ACTIONS, action).astype(float)), axis=1)


def test_the_views_agree_to_about_a_millimetre() -> None:
    assert 0.1 < anny_head().agreement_mm < 1.5
    assert len(VIEWS) == 7


def test_each_inner_lip_is_on_its_own_side_of_the_mouth() -> None:
    opened = moved_mm("jawOpen")
    assert opened[list(INNER_LOWER_LIP)].min() > 2 * opened[list(INNER_UPPER_LIP)].max()


def test_irises_turn_with_the_gaze_and_nothing_else_does() -> None:
    turned = moved_mm("eyeLookUpLeft")
    assert turned[list(IRISES[5:])].min() > 0.5
    assert turned[4] < 1e-6


def test_landmarks_lie_inside_their_triangles() -> None:
    weights = anny_head().landmarks.barycentric
    assert (weights >= 0).all() and np.allclose(weights.sum(1), 1)


@pytest.mark.parametrize(("action", "least"), [("jawOpen", 0.4), ("mouthSmileLeft", 0.5), ("eyeBlinkLeft", 0.4)])
def test_the_detector_reads_a_painted_head(action: str, least: float) -> None:
    head = anny_head()
    psi = np.isin(ACTIONS, [action, action.replace("Left", "Right")]).astype(float)
    with HeadRenderer(head.faces, len(head.template), CAMERA, 2) as renderer, FaceLandmarks(video=False) as detect:
        colours = paint(head, head.landmarks, renderer.refine)
        (neutral,), (posed,) = (
            detect(renderer.render(head.vertices(row).astype(float), colours)) for row in (0 * psi, psi)
        )
    column = ACTIONS.index(action)
    assert posed.blendshapes[column] - neutral.blendshapes[column] > least
    truth = CAMERA.project(head.landmarks(head.vertices(psi).astype(float)))
    scale_mm = 1000 * CAMERA.distance / CAMERA.focal_px
    assert np.median(np.linalg.norm(posed.landmarks[:, :2] - truth, axis=1)) * scale_mm < 3


@pytest.mark.slow
def test_the_embedding_does_not_hang_on_what_was_cached() -> None:
    head = anny_head()
    landmarks, agreement = embed_landmarks(head)
    apart = np.linalg.norm(landmarks(head.template) - head.landmarks(head.template), axis=1)
    assert np.median(apart) < 5e-4 and agreement == pytest.approx(head.agreement_mm, abs=0.2)


def test_a_turned_head_turns_to_the_subjects_left() -> None:
    nose = anny_head().landmarks(anny_head().template)[4]
    assert (turn(yaw=30) @ nose)[0] > 0 and (turn(pitch=20) @ nose)[1] < nose[1]
