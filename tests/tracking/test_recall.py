import numpy as np
import pytest

from dfe_lib.tracking import recall
from dfe_lib.tracking.landmarker import Box
from dfe_lib.tracking.recall import faces_found


@pytest.mark.slow
def test_small_faces_are_found_and_no_others(monkeypatch):
    monkeypatch.setattr(recall, "FRAMES", 2)
    monkeypatch.setattr(recall, "FACELESS_FRAMES", 8)
    table = faces_found((40, 60)).set_index("face_px")
    assert table.index.tolist() == [40, 60, 0] and table["frames"].tolist() == [44, 44, 48]
    assert table.loc[60, "recall"] >= 0.95 and table.loc[40, "recall"] >= 0.85
    assert (table.loc[[40, 60], "mediapipe_recall"] < 0.2).all() and np.isnan(table.loc[0, "recall"])
    assert (table["false_faces"] <= table["mediapipe_false_faces"]).all()


def test_truth_lies_on_the_pasted_face():
    """As FaceLandmarker itself finds the face where it is large."""
    (person,) = recall._people_of("single_face.jpg", (0,))
    scene = recall._texture(np.random.default_rng(0))
    ((rgb, truth), *_), *_ = [list(recall._walk(person, 300, [scene], np.random.default_rng(0)))]
    with recall.FaceLandmarks(video=False) as detect:
        (face,) = detect(rgb)
    assert Box.around(face.landmarks).overlap(truth) > 0.9
    assert truth.y1 - truth.y0 == pytest.approx(300, abs=2) and rgb.shape == (1080, 1920, 3)


def test_a_box_counts_once_and_only_on_the_face():
    truth = Box(0, 0, 10, 10)
    assert recall._counts([Box(1, 1, 11, 11), Box(50, 50, 60, 60)], truth) == (True, 1)
    assert recall._counts([Box(7, 7, 17, 17)], truth) == (False, 1)
    assert recall._counts([Box(1, 1, 11, 11)], None) == (False, 1)
