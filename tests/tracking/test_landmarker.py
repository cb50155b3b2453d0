import os
import subprocess
import sys
import threading
from pathlib import Path

import mediapipe as mp
import numpy as np
import pytest
from mediapipe.tasks.python import BaseOptions, vision
from video_files import real_frames

from dfe_lib.io.assets import asset
from dfe_lib.io.media import open_media
from dfe_lib.io.paths import PROJECT
from dfe_lib.tracking import landmarker as landmarks
from dfe_lib.tracking.landmarker import ArrayLandmarker, Box, FaceBoxes, FaceLandmarks
from dfe_lib.tracking.quiet import QUIET


@pytest.fixture(scope="module")
def picture():
    return real_frames("single_face.jpg")[0].rgb


@pytest.fixture(scope="module")
def face(picture):
    with FaceLandmarks(video=False) as detect:
        (face,) = detect(picture)
    return face


def test_a_face_is_where_the_detector_sees_it(picture, face):
    with FaceBoxes() as detect:
        (box,) = detect(picture)
    around = Box.around(face.landmarks)
    assert 0.9 < box.score <= 1
    assert box.overlap(around) > 0.6
    right_eye, left_eye, chin = face.landmarks[[33, 263, 152]]
    assert right_eye[0] < left_eye[0] and chin[1] > right_eye[1]  # the subject's right is on the picture's left


def test_landmarks_are_pixels_of_the_picture(picture, face):
    wider = np.pad(picture, ((0, 0), (0, picture.shape[1]), (0, 0)), constant_values=255)
    with FaceLandmarks(video=False) as detect:
        (again,) = detect(wider)
    apart = np.abs(again.landmarks - face.landmarks).max(axis=0)
    assert (apart < 0.06 * Box.around(face.landmarks).size).all()


def test_pose_is_a_turn_and_millimetres(face):
    rotation = face.rotation.astype(float)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-5)
    assert -2000 < face.translation_mm[2] < -100  # within two metres of the camera


def test_scores_are_the_named_ones(face, picture, monkeypatch):
    assert face.blendshapes.min() >= 0 and 0.05 < face.blendshapes.max() <= 1
    monkeypatch.setattr(landmarks, "BLENDSHAPES", landmarks.BLENDSHAPES[::-1])
    with FaceLandmarks(video=False) as detect, pytest.raises(RuntimeError, match="BLENDSHAPES"):
        detect(picture)


def test_frames_closer_than_a_millisecond():
    frames = real_frames("single_face.mp4", 3)
    with FaceLandmarks(video=True) as detect:
        assert all(len(detect(frame.rgb, time_s)) == 1 for frame, time_s in zip(frames, (0.0, 0.0, 2e-4), strict=True))


def test_nobody_gives_nothing():
    with FaceLandmarks(video=False) as detect, FaceBoxes() as look:
        rgb = real_frames("no_face.mp4", 1)[0].rgb
        assert detect(rgb) == [] and look(rgb) == []


def test_the_terminal_stays_clean():
    code = (
        "import numpy as np\n"
        "from dfe_lib.tracking.face_graph import FaceGraph\n"
        "from dfe_lib.tracking.landmarker import FaceBoxes, FaceLandmarks\n"
        "picture = np.zeros((90, 160, 3), np.uint8)\n"
        "with FaceLandmarks(video=True) as detect, FaceBoxes() as look, FaceGraph(video=True) as graph:\n"
        "    detect(picture), look(picture), graph(picture)\n"
    )
    env = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert run.stdout + run.stderr == ""


def test_threads_that_are_quiet_at_once_leave_the_terminal_as_it_was():
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    before, kept = os.fstat(2), os.dup(2)
    inside = []

    def first():
        with QUIET:
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second():
        first_in.wait(10)
        with QUIET:
            second_in.set()
            first_out.wait(10)
            inside.append(os.path.samestat(os.fstat(2), Path(os.devnull).stat()))

    threads = [threading.Thread(target=each) for each in (first, second)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert inside == [True]
        assert os.path.samestat(os.fstat(2), before)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def test_overlap():
    box = Box(0, 0, 4, 2)
    assert box.overlap(box) == pytest.approx(1)
    assert box.overlap(Box(4, 0, 8, 2)) == box.overlap(Box(9, 9, 10, 10)) == 0
    assert box.size == pytest.approx(8**0.5) and box.centre == (2, 1)


@pytest.mark.parametrize("video", [False, True])
def test_arrays_hold_what_the_public_call_gives(video: bool) -> None:
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(asset("face_landmarker.task"))),
        running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
        num_faces=3,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    public, ours = vision.FaceLandmarker.create_from_options(options), ArrayLandmarker(options)
    with open_media(asset("multi_face.jpg")) as reader:
        image = mp.Image(mp.ImageFormat.SRGB, next(reader.frames).rgb)
    when = (40,) if video else ()
    calls = (public.detect_for_video, ours.detect_for_video) if video else (public.detect, ours.detect)
    expected, found = (call(image, *when) for call in calls)
    assert len(found) == len(expected.face_landmarks) >= 2
    for i, face in enumerate(found):
        points = [(p.x, p.y, p.z) for p in expected.face_landmarks[i]]
        assert np.array_equal(face.landmarks, np.array(points, np.float32))
        assert face.names == tuple(score.category_name for score in expected.face_blendshapes[i])
        assert np.array_equal(face.scores, np.float32([score.score for score in expected.face_blendshapes[i]]))
        assert np.array_equal(face.pose, expected.facial_transformation_matrixes[i].astype(np.float32))
    public.close()
    ours.close()


def test_a_picture_without_a_face_gives_no_face() -> None:
    options = vision.FaceLandmarkerOptions(BaseOptions(model_asset_path=str(asset("face_landmarker.task"))))
    ours = ArrayLandmarker(options)
    assert ours.detect(mp.Image(mp.ImageFormat.SRGB, np.zeros((64, 64, 3), np.uint8))) == []
    ours.close()
