import cv2
import numpy as np
import pytest
from video_files import real_frames

from dfe_lib.io.media import Frame
from dfe_lib.tracking.detection import FaceFinder
from dfe_lib.tracking.face_graph import FaceGraph
from dfe_lib.tracking.landmarker import Box, FaceLandmarks
from dfe_lib.tracking.small_faces import Search, SmallFaceBoxes


def small_face(height_px, size, left, top, count=1):
    """A man in a large picture of the room in no_face.mp4, and the boxes of his face."""
    room = cv2.resize(real_frames("no_face.mp4", 1)[0].rgb, size, interpolation=cv2.INTER_CUBIC)
    frames, boxes = [], []
    with FaceLandmarks(video=False) as detect:
        for frame in real_frames("WolfgangLanger_Pexels.mp4", count):
            (face,) = detect(frame.rgb)
            shrink = height_px / np.ptp(face.landmarks[:, 1])
            small = cv2.resize(frame.rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
            whole = room.copy()
            whole[top : top + small.shape[0], left : left + small.shape[1]] = small
            frames.append(Frame(frame.index, frame.time_s, whole))
            boxes.append(Box.around(face.landmarks * np.float32(shrink) + np.float32([left, top, 0])))
    return frames, boxes


@pytest.fixture(scope="module")
def clip():
    """The clip of a person at two metres: a face of 91 pixels in 720 x 1080."""
    return small_face(91, (720, 1080), 200, 300, count=20)


def test_a_face_of_91_pixels_is_found_and_followed(clip):
    frames, boxes = clip
    with FaceLandmarks(video=True) as alone, FaceFinder(still=False) as find:
        assert not any(alone(frame.rgb, frame.time_s) for frame in frames)
        for frame, box in zip(frames, boxes, strict=True):
            (found,) = find(frame)
            assert found.box.overlap(box) > 0.8
            assert found.face.blendshapes.shape == (51,)


def test_a_small_face_has_the_landmarks_and_pose_of_the_large_one(clip):
    frames, boxes = clip
    frame = real_frames("WolfgangLanger_Pexels.mp4", 1)[0]
    with FaceGraph(video=False) as detect, FaceFinder(still=True) as find:
        (large,), (small,) = detect(frame.rgb), find(frames[0])
    assert np.corrcoef(small.face.features, large.features)[0, 1] > 0.8
    shrink = boxes[0].size / Box.around(large.landmarks).size
    expected = large.landmarks[:, :2] * shrink + [200, 300]
    apart = np.linalg.norm(small.face.landmarks[:, :2] - expected, axis=1)
    assert np.median(apart) < 0.03 * boxes[0].size
    turned = np.degrees(np.arccos((np.trace(small.face.rotation.T @ large.rotation) - 1) / 2))
    assert turned < 8  # seen from the cut's middle
    # as far behind the picture's plane as the camera of 63 degrees puts a face of that size
    z = large.translation_mm[2] / shrink * 1080 / frame.rgb.shape[0]
    assert small.face.translation_mm[2] == pytest.approx(z, rel=0.1)


@pytest.mark.parametrize("height_px", [40, 60])
def test_faces_of_a_few_pixels_in_full_hd(height_px):
    (frame,), (box,) = small_face(height_px, (1920, 1080), 1200, 500)
    with FaceFinder(still=False) as find:
        (found,) = find(frame)
    assert found.box.overlap(box) > 0.6 and 0.4 <= found.confidence <= 1


def company(count):
    """A man close to the camera in full HD, a woman of 60 pixels behind him to the left, and the box of her face."""
    (woman, *_), men = real_frames("single_face.mp4", 1), real_frames("WolfgangLanger_Pexels.mp4", count)
    with FaceLandmarks(video=False) as detect:
        (face,) = detect(woman.rgb)
    shrink = np.float32(60 / np.ptp(face.landmarks[:, 1]))
    small = cv2.resize(woman.rgb, None, fx=float(shrink), fy=float(shrink), interpolation=cv2.INTER_AREA)
    frames = []
    for frame in men:
        whole = cv2.resize(frame.rgb, (1920, 1080), interpolation=cv2.INTER_CUBIC)
        whole[60 : 60 + len(small), 40 : 40 + small.shape[1]] = small
        frames.append(Frame(frame.index, frame.time_s, whole))
    return frames, Box.around(face.landmarks * shrink + np.float32([40, 60, 0]))


def test_small_people_beside_a_large_one_are_found_where_everyone_is_wanted():
    frames, box = company(8)
    with FaceFinder(still=False, everyone=True) as find, FaceFinder(still=False) as find_largest:
        for frame in frames:
            found, (largest,) = find(frame), find_largest(frame)
            assert len(found) == 2 and found[0].box.overlap(largest.box) > 0.8
            assert found[1].box.overlap(box) > 0.5


def test_a_large_face_is_not_found_again_as_a_small_one():
    """Wherever the search is made to look."""
    (frame,) = real_frames("WolfgangLanger_Pexels.mp4", 1)
    with FaceFinder(still=True, everyone=True) as find:
        (large,) = find(frame)
        box = large.box
        beside = Box(box.x0 - 0.9 * box.size, box.y0, box.x0 + 0.2 * box.size, box.y1)
        find._search = Always([box, beside])
        assert len(find(frame)) == 1


class Always(Search):
    """A search that is always due and sees the same boxes."""

    def __init__(self, boxes):
        super().__init__(still=True)
        self._seen = boxes

    def __call__(self, rgb):
        return self._seen

    def is_due(self, time_s, somebody):
        return True


def test_nobody_is_nobody():
    with FaceFinder(still=False) as find:
        assert [find(frame) for frame in real_frames("no_face.mp4")] == [[]] * 95


def test_the_same_bits_with_any_number_of_threads(clip):
    frames, _ = clip
    before, seen = cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 1):
            cv2.setNumThreads(threads)
            with FaceFinder(still=False) as find:
                seen.append(np.concatenate([find(frame)[0].face.landmarks for frame in frames[:4]]))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


def test_a_face_that_comes_near_is_followed_in_the_whole_frame(clip):
    """From the next look on, half a second later at most."""
    frames, _ = clip
    near = [Frame(20 + i, 0.9 + i / 24, frame.rgb) for i, frame in enumerate(real_frames("single_face.mp4", 20))]
    with FaceFinder(still=False) as find, FaceLandmarks(video=True) as alone:
        for frame in frames:
            find(frame)
        counts = [len(find(frame)) for frame in near]
        assert counts[13:] == [1] * 7 and not find._small
        for frame in near:
            (face,) = alone(frame.rgb, frame.time_s)
        apart = find(Frame(40, 2.0, near[-1].rgb))[0].face.landmarks - face.landmarks
        assert np.abs(apart[:, :2]).max() < 2


def test_searches_in_vain_become_rare():
    search, due = Search(still=False), []
    for time_s in np.arange(0, 5, 0.05).tolist():
        if search.is_due(time_s, somebody=False):
            due.append((round(time_s, 2), search._fine))
            search.plan(time_s, somebody=False)
    assert due == [(0.0, True), (0.25, False), (0.75, True), (1.75, False), (2.75, True), (3.75, False), (4.75, True)]
    search.plan(5.0, somebody=True)
    assert not search.is_due(5.4, somebody=True) and search.is_due(5.5, somebody=True)
    assert not search.is_due(5.6, somebody=False)  # the one in vain at 4.75 s is not forgotten


def test_boxes_lie_in_the_pixels_of_the_whole_picture():
    (frame,), (box,) = small_face(80, (1920, 1080), 300, 200)
    boxes = SmallFaceBoxes()
    for longer_px in (1280, 1920):
        (found,) = boxes(frame.rgb, longer_px)
        assert found.overlap(box) > 0.5 and found.score > 0.6
    assert boxes(frame.rgb[:, :1]) == []
