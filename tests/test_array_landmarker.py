import mediapipe as mp
import numpy as np
import pytest
from mediapipe.tasks.python import BaseOptions, vision

from dfe_lib.array_landmarker import ArrayLandmarker
from dfe_lib.assets import asset
from dfe_lib.media import open_media


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
