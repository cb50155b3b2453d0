import numpy as np
import pytest
from video_files import real_frames

from dfe_lib.io.media import Frame
from dfe_lib.tracking.detection import FaceFinder
from dfe_lib.tracking.face_graph import FaceGraph
from dfe_lib.tracking.landmarker import Box


def beside(*pictures):
    return np.concatenate(pictures, axis=1)


@pytest.fixture(scope="module")
def wolfgang():
    return real_frames("WolfgangLanger_Pexels.mp4", 6)


def test_one_face_is_what_the_graph_gives(wolfgang):
    with FaceFinder(still=False) as find, FaceGraph(video=True) as detect:
        for frame in wolfgang:
            (found,), (face,) = find(frame), detect(frame.rgb, frame.time_s)
            np.testing.assert_array_equal(found.face.landmarks, face.landmarks)
            np.testing.assert_array_equal(found.face.blendshapes, face.blendshapes)
            np.testing.assert_array_equal(found.face.features, face.features)


def test_confidence_is_told_for_the_frames_looked_at(wolfgang):
    with FaceFinder(still=False) as find:
        told = [find(Frame(i, 0.3 * i, frame.rgb))[0].confidence for i, frame in enumerate(wolfgang)]
    assert [confidence is not None for confidence in told] == [True, False, True, False, True, False]
    assert 0.8 < told[0] <= 1


def test_a_cut_out_face_lies_where_it_lay(wolfgang):
    """The same face through the whole picture and, since another stands beside it, through a cut."""
    rgb = wolfgang[0].rgb
    pair = beside(rgb, rgb)
    with FaceGraph(video=False) as detect, FaceFinder(still=True) as find:
        (alone,) = detect(rgb)
        found = sorted(find(Frame(0, 0.0, pair)), key=lambda each: each.box.x0)
    assert len(found) == 2
    size = found[0].box.size
    for each, shift in zip(found, (0, rgb.shape[1]), strict=True):
        apart = np.linalg.norm(each.face.landmarks[:, :2] - [shift, 0] - alone.landmarks[:, :2], axis=1)
        assert np.median(apart) < 0.03 * size
        assert np.abs(each.face.blendshapes - alone.blendshapes).max() < 0.25
        assert np.corrcoef(each.face.features, alone.features)[0, 1] > 0.9
        assert each.confidence > 0.5
        # through the camera of the whole picture: as far away as before, and straight behind the face's pixels
        x, _, z = each.face.translation_mm.astype(float)
        focal_px = rgb.shape[0] / 2 / np.tan(np.radians(63) / 2)
        assert z == pytest.approx(alone.translation_mm[2], rel=0.05)
        assert rgb.shape[1] - focal_px * x / z == pytest.approx(each.box.centre[0], abs=0.1 * size)


def test_five_people_in_a_group_picture():
    frame = real_frames("multi_face.jpg")[0]
    with FaceFinder(still=True, everyone=True) as find:
        found = find(frame)
    assert len(found) == 5
    assert all(each.confidence >= 0.3 for each in found)
    apart = [a.box.overlap(b.box) for a in found for b in found if a is not b]
    assert max(apart) < 0.3


def test_a_second_person_ends_the_fast_path(wolfgang):
    other = [frame.rgb for frame in real_frames("single_face.mp4", 6)]
    dark = np.zeros_like(other[0])
    with FaceFinder(still=False, everyone=True) as find:
        counts = [
            len(find(Frame(i, i / 25, beside(frame.rgb, rgb if i > 2 else dark))))
            for i, (frame, rgb) in enumerate(zip(wolfgang, other, strict=True))
        ]
    assert counts == [1, 1, 1, 2, 2, 2]


def test_clouds_do_not_end_the_fast_path():
    """Letters of skin colour: weak detections that FaceLandmarker itself would not take for people."""
    frames = real_frames("face_noface.mov")[150:169]
    with FaceFinder(still=False) as find:
        for frame in frames:
            find(Frame(frame.index, float(frame.index), frame.rgb))
        assert not find._several


def test_a_face_seen_by_two_boxes_is_one(wolfgang):
    frame = wolfgang[0]
    with FaceFinder(still=True) as find:
        find(Frame(0, 0.0, beside(frame.rgb, frame.rgb)))
        box = find._large[0]
        again = Box(box.x0 + 20, box.y0, box.x1 + 20, box.y1)
        assert len(find._one_by_one(frame, [box, again])) == 1


def test_a_face_that_the_detector_loses_is_looked_for_where_it_was(wolfgang):
    frame = wolfgang[0]
    with FaceFinder(still=True) as find:
        assert len(find(Frame(0, 0.0, beside(frame.rgb, frame.rgb)))) == 2
        assert len(find._one_by_one(frame, [])) == 1
