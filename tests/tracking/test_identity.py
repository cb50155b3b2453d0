import numpy as np
import pytest

from dfe_lib.tracking.identity import Tracker
from dfe_lib.tracking.landmarker import Box


def face(x, y=0.0, size=10.0):
    return Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def test_ids_count_up_in_order_of_appearance():
    tracker = Tracker()
    assert tracker.update([], 0.0) == []
    assert tracker.update([face(50), face(0)], 0.1) == [0, 1]
    assert tracker.update([face(0), face(50), face(100)], 0.2) == [1, 0, 2]
    assert len(tracker) == 3


def test_people_apart_are_never_switched():
    rng = np.random.default_rng(0)
    tracker = Tracker()
    tracker.update([face(0), face(30)], 0.0)
    for i in range(1, 300):
        people = [(0, face(rng.normal(0, 3), rng.normal(0, 3))), (1, face(30 + rng.normal(0, 3), rng.normal(0, 3)))]
        people = [person for person in people if rng.random() < 0.7]
        rng.shuffle(people)
        assert tracker.update([box for _, box in people], i / 25) == [who for who, _ in people]


def test_the_whole_assignment_is_best_not_each_alone():
    tracker = Tracker()
    tracker.update([face(0), face(12)], 0.0)
    # the first face is nearer to track 1, but then nothing is left for the second
    assert tracker.update([face(7), face(19)], 0.04) == [0, 1]


def test_a_person_comes_back_after_a_gap():
    tracker = Tracker()
    tracker.update([face(0), face(60)], 0.0)
    for i in range(1, 50):
        assert tracker.update([face(60)], i / 25) == [1]
    assert tracker.update([face(20), face(60)], 2.0) == [0, 1]


def test_a_face_far_away_at_once_is_somebody_else():
    tracker = Tracker()
    tracker.update([face(0)], 0.0)
    assert tracker.update([face(40)], 0.04) == [1]
    assert tracker.update([face(0)], 0.08) == [0]


def test_size_tells_people_at_one_place_apart():
    tracker = Tracker(reach=9.0)
    tracker.update([face(0, size=10), face(0, size=14)], 0.0)
    # by the distance in face sizes alone, exchanging them would cost less
    assert tracker.update([face(20, size=14), face(20, size=10)], 0.04) == [1, 0]


def test_shape_tells_people_of_one_size_apart():
    wide, tall = Box(-10, -5, 10, 5), Box(-5, -10, 5, 10)
    tracker = Tracker()
    tracker.update([wide, tall], 0.0)
    assert tracker.update([tall, wide], 0.04) == [1, 0]


@pytest.mark.parametrize(("small_frames", "largest"), [(6, 1), (10, 0)])
def test_the_largest_shows_most_face_over_the_clip(small_frames, largest):
    tracker = Tracker()
    assert tracker.largest() == -1
    for i in range(small_frames):
        tracker.update([face(0, size=10)], i / 25)
    for i in range(4):
        tracker.update([face(100, size=20)], 1 + i / 25)
    assert tracker.largest() == largest
