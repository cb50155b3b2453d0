import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.media import open_media
from dfe_lib.tracking.sources import find_sources, read_sources, stills, write_sources


def test_samples_are_found_by_name_and_subjects_may_be_partial() -> None:
    clips = find_sources(["single_face.mp4", "no_face.mp4"], {"single_face": "man"})
    assert [(clip.clip_id, clip.subject_id) for clip in clips] == [("no_face", "no_face"), ("single_face", "man")]


def test_noted_sources_are_read_back(tmp_path) -> None:
    write_sources(find_sources("single_face.mp4"), tmp_path)
    assert read_sources(tmp_path) == {"single_face": asset("single_face.mp4")}
    assert read_sources(tmp_path / "elsewhere") == {}


def test_stills_are_the_frames_asked_for() -> None:
    path = asset("single_face.mp4")
    with open_media(path) as reader:
        frames = [frame.rgb for frame in reader.frames]
    assert np.array_equal(stills(path, [40, 3])[40], frames[40])


def test_a_frame_beyond_the_end_is_named() -> None:
    with pytest.raises(UserError, match="no frame 72"):
        stills(asset("single_face.mp4"), [0, 72])
