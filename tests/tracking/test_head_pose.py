import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from video_files import real_frames

from dfe_lib.tracking.head_pose import VIEW_DEG, HeadPose, canonical_face
from dfe_lib.tracking.landmarker import FaceLandmarks

HEIGHT, WIDTH = 360, 640


@pytest.mark.parametrize("name", ["carphone_pristine.mp4", "WolfgangLanger_Pexels.mp4", "multi_face.jpg"])
def test_pose_is_facelandmarkers(name):
    pose, seen = HeadPose(), 0
    with FaceLandmarks(video=False, faces=5) as detect:
        for frame in real_frames(name, 3):
            for face in detect(frame.rgb):
                rotation, translation_mm = pose(face.landmarks, *frame.rgb.shape[:2])
                np.testing.assert_allclose(rotation, face.rotation, atol=1e-5)
                np.testing.assert_allclose(translation_mm, face.translation_mm, rtol=1e-5, atol=1e-3)
                seen += 1
    assert seen >= 2


@pytest.mark.parametrize("degrees", [(0, 0, 0), (30, -10, 15), (-20, 20, -40)])
def test_a_known_pose_is_found(degrees):
    """Of the canonical face, drawn through the camera; depth as MediaPipe's landmarks have it, relative."""
    _, _, vertices = canonical_face()
    turn, place = Rotation.from_euler("YXZ", degrees, degrees=True), np.array([4.0, -3.0, -45.0])
    x, y, z = (turn.apply(vertices) + place).T
    near_px = HEIGHT / 2 / np.tan(np.radians(VIEW_DEG / 2))
    landmarks = np.full((478, 3), np.nan)
    landmarks[:468] = np.stack([WIDTH / 2 - near_px * x / z, HEIGHT / 2 + near_px * y / z, near_px * z / z.mean()], 1)
    rotation, translation_mm = HeadPose()(landmarks, HEIGHT, WIDTH)
    assert np.degrees((Rotation.from_matrix(rotation) * turn.inv()).magnitude()) < 1
    np.testing.assert_allclose(translation_mm, 10 * place, atol=10)
