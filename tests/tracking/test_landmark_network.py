import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from video_files import real_frames

from dfe_lib.tracking.head_pose import canonical_face
from dfe_lib.tracking.landmark_network import (
    CROP_PX,
    FEATURE_LANDMARKS,
    FEATURE_MAPS,
    LandmarkNetwork,
    crop_of,
    in_picture,
    sample_features,
    with_outputs,
)
from dfe_lib.tracking.landmarker import FaceLandmarks
from dfe_lib.tracking.networks import bundled, network

MODEL = "face_landmarks_detector.tflite"


@pytest.fixture(scope="module")
def face():
    rgb = real_frames("single_face.mp4", 1)[0].rgb
    with FaceLandmarks(video=False) as detect:
        (face,) = detect(rgb)
    return rgb, face.landmarks


@pytest.fixture(scope="module")
def reading(face):
    crop, _ = crop_of(*face)
    return crop, LandmarkNetwork()(crop)


def values_of(net: Interpreter, crop: np.ndarray, tensors: list[int]) -> list[np.ndarray]:
    net.set_tensor(net.get_input_details()[0]["index"], crop[None] * np.float32(1 / 255))
    net.invoke()
    return [net.get_tensor(tensor) for tensor in tensors]


def test_more_outputs_change_nothing_else(reading):
    crop, found = reading
    model = bundled(MODEL)
    points, presence = values_of(net := network(model), crop, [d["index"] for d in net.get_output_details()[:2]])
    np.testing.assert_array_equal(found.landmarks, points.reshape(478, 3))
    assert found.presence == pytest.approx(1 / (1 + np.exp(-presence.item()))) and found.presence > 0.9
    edited = with_outputs(model, FEATURE_MAPS)
    assert sum(a != b for a, b in zip(model, edited, strict=False)) <= 4  # where the list of outputs lies


@pytest.mark.filterwarnings("ignore:Warning. Enabling `experimental_preserve_all_tensors`")
def test_maps_are_the_tensors_of_the_whole_network(reading):
    """Kept by an interpreter that keeps all of them, slowly."""
    crop, found = reading
    net = Interpreter(model_content=bundled(MODEL), experimental_preserve_all_tensors=True, num_threads=1)
    net.allocate_tensors()
    for ours, (whole,) in zip(found.maps, values_of(net, crop, list(FEATURE_MAPS)), strict=True):
        np.testing.assert_allclose(ours, whole, atol=1e-3)
        assert np.abs(ours).mean() > 0.05


def test_landmarks_of_the_crop_lie_where_they_were(face, reading):
    rgb, landmarks = face
    _, matrix = crop_of(rgb, landmarks)
    size = CROP_PX / np.hypot(*matrix[0, :2])
    apart = np.abs(in_picture(reading[1].landmarks, matrix, *rgb.shape[:2]) - landmarks)
    assert np.median(apart, axis=0).max() < 0.01 * size
    level = landmarks[[33, 263], :2] @ matrix[:, :2].T + matrix[:, 2]
    assert level[0, 1] == pytest.approx(level[1, 1], abs=1e-6) and level[0, 0] < level[1, 0]
    middle = (landmarks[:, :2].min(0) + landmarks[:, :2].max(0)) / 2
    np.testing.assert_allclose(matrix[:, :2] @ middle + matrix[:, 2], CROP_PX / 2)
    assert size == pytest.approx(1.5 * np.ptp(landmarks[:, :2], axis=0).max())


def test_a_turned_picture_gives_the_same_crop_and_landmarks(face):
    rgb, landmarks = face
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 25, 1)
    turned = cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    moved = np.column_stack([landmarks[:, :2] @ turn[:, :2].T + turn[:, 2], landmarks[:, 2]])
    net = LandmarkNetwork()
    (straight, _), (aslant, _) = crop_of(rgb, landmarks), crop_of(turned, moved)
    assert np.linalg.norm(net(straight).landmarks - net(aslant).landmarks, axis=1).mean() < 0.06 * CROP_PX
    _, matrix = crop_of(turned, moved)
    assert np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0])) == pytest.approx(
        np.degrees(np.arctan2(*(moved[263] - moved[33])[1::-1])), abs=1e-3
    )


def test_features_are_read_between_cells():
    """From maps that hold the place of each cell's centre."""
    maps = tuple(
        np.stack(np.meshgrid(centres, centres) * (channels // 2), axis=-1).astype(np.float32)
        for centres, channels in (((np.arange(32) + 0.5) * 8, 64), ((np.arange(16) + 0.5) * 16, 128))
    )
    points = np.random.default_rng(0).uniform(8, 248, (478, 3))
    read = sample_features(maps, points).reshape(32, 192)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, np.tile(points[list(FEATURE_LANDMARKS), :2], 96), atol=1e-3)
    outside = sample_features(maps, points * [-1, 10, 0]).reshape(32, 192)
    np.testing.assert_allclose(outside[:, :64:2], 4)
    np.testing.assert_allclose(outside[points[list(FEATURE_LANDMARKS), 1] > 26, 1:64:2], 252)


def test_feature_landmarks_are_mirror_images():
    _, _, vertices = canonical_face()
    mirrored = np.linalg.norm(vertices[:, None] * [-1, 1, 1] - vertices, axis=2).argmin(axis=0)
    pairs = dict(zip(FEATURE_LANDMARKS[:28:2], FEATURE_LANDMARKS[1:28:2], strict=True))
    assert len(set(FEATURE_LANDMARKS)) == 32
    assert {right: mirrored[right] for right in pairs} == pairs
    assert [mirrored[middle] for middle in FEATURE_LANDMARKS[28:]] == list(FEATURE_LANDMARKS[28:])
    assert (vertices[list(pairs)][:, 0] < 0).all()  # the person's right
