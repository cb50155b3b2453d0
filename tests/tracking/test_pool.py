from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from threading import Barrier

import numpy as np
import pytest
from video_files import real_frames

from dfe_lib.io.media import Frame
from dfe_lib.tracking import pool
from dfe_lib.tracking.blendshape_network import BlendshapeNetwork
from dfe_lib.tracking.detection import FaceFinder, FoundFace
from dfe_lib.tracking.face_graph import FaceGraph
from dfe_lib.tracking.landmark_network import LandmarkNetwork
from dfe_lib.tracking.landmarker import FaceBoxes
from dfe_lib.tracking.pool import kept, let_go
from dfe_lib.tracking.small_faces import SmallFaceBoxes


def faces(frames: list[Frame], everyone: bool = False) -> list[list[FoundFace]]:
    with FaceFinder(still=len(frames) == 1, everyone=everyone) as find:
        return [find(frame) for frame in frames]


def bits(found: list[list[FoundFace]]) -> list[list[tuple]]:
    return [
        [(each.box, each.confidence, *(values.tobytes() for values in astuple(each.face))) for each in faces]
        for faces in found
    ]


def test_a_clip_is_the_same_alone_and_after_others():
    """With everybody, small faces in a large picture, nobody, and a picture in between: all networks are used."""
    small = [Frame(0, 0.0, np.zeros((1080, 1920, 3), np.uint8))]
    person = real_frames("WolfgangLanger_Pexels.mp4", 1)[0].rgb[::8, ::8]
    small[0].rgb[300 : 300 + len(person), 200 : 200 + person.shape[1]] = person
    clips = [
        real_frames("carphone_pristine.mp4", 8), real_frames("multi_face.jpg"), small,
        real_frames("no_face.mp4", 3), real_frames("single_face.mp4", 5),
    ]  # fmt: skip
    used = []
    for everyone in (False, True):
        for clip in clips:
            let_go()
            alone = faces(clip, everyone)
            used.append((clip, everyone, alone))
    let_go()
    for clip, everyone, alone in used + used[::-1]:
        assert bits(faces(clip, everyone)) == bits(alone)
    assert {FaceBoxes, LandmarkNetwork, BlendshapeNetwork, SmallFaceBoxes} <= {make for make, _ in pool._WAITING}


def test_networks_are_loaded_once_for_clips_one_after_the_other_and_apart_for_those_at_once():
    let_go()
    frames = real_frames("single_face.mp4", 2)
    for _ in range(3):
        faces(frames)
    assert sum(len(waiting) for waiting in pool._WAITING.values()) == 4, "two detectors and two networks"
    with FaceGraph(video=True) as one, FaceGraph(video=True) as other:
        assert one._network is not other._network


def test_what_failed_is_not_used_again():
    closed = []

    class Network:
        def close(self) -> None:
            closed.append(self)

    with pytest.raises(RuntimeError), kept(Network) as broken:
        raise RuntimeError
    with kept(Network) as fresh:
        assert closed == [broken] and fresh is not broken
    with kept(Network) as again:
        assert again is fresh
    assert closed == [broken]


def test_threads_never_share_a_network():
    together = Barrier(4, timeout=10)

    def used(_: int) -> int:
        with kept(list) as network:
            together.wait()
            return id(network)

    with ThreadPoolExecutor(4) as threads:
        for _ in range(20):
            assert len(set(threads.map(used, range(4)))) == 4
