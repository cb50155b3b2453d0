import shutil

import numpy as np
import pytest
from recorded_files import E_DAIC, openface_rows, write_live_link, write_table
from video_files import real_frames, write_video

from dfe_lib.io.assets import asset
from dfe_lib.io.tables import read_arrays
from dfe_lib.tracking import take_clips
from dfe_lib.tracking.formats.registry import find_recordings, recognise
from dfe_lib.tracking.formats.takes import compare_with_video, is_take
from dfe_lib.tracking.inspection import inspect_file
from dfe_lib.tracking.sources import find_sources

FRAMES = 72
"""Of single_face.mp4, at about 30 a second."""


@pytest.fixture
def take(tmp_path):
    """A take folder as the app packs it: table, video, thumbnail, and what belongs to its calibration."""
    folder = tmp_path / "clips" / "MySlate_7"
    folder.mkdir(parents=True)
    codes = [f"10:00:0{i // 30}:{i % 30:02d}.000" for i in range(FRAMES)]
    psi = np.random.default_rng(0).random((FRAMES, 52))
    for name in ("MySlate_7_iPhone.csv", "MySlate_7_iPhone_cal.csv"):
        write_live_link(folder / name, psi, codes)
    shutil.copy(asset("single_face.mp4"), folder / "MySlate_7_iPhone.mov")
    shutil.copy(asset("single_face.jpg"), folder / "MySlate_7_iPhone_thumbnail.jpg")
    (folder / "take.json").write_text('{"version": 1}')
    return folder


def test_a_take_folder_is_one_clip(take) -> None:
    clips = find_sources([str(take.parent)])
    assert [(clip.clip_id, clip.path) for clip in clips] == [("MySlate_7", take)]
    assert is_take(take) and recognise(take).name == "Live Link Face take"
    summary = take_clips(clips, take.parent.parent / "frames")
    assert summary.status.tolist() == ["ok"] and summary.frames.tolist() == [FRAMES] and summary.notes.tolist() == [""]


def test_a_table_that_is_shorter_than_its_video_is_noted(take) -> None:
    table = take / "MySlate_7_iPhone.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:51]))
    summary = take_clips(find_sources([str(take)]), take.parent.parent / "frames")
    assert "MySlate_7_iPhone.mov has 72 frames" in summary.notes[0] and "the table 50" in summary.notes[0]
    assert any("has 72 frames" in note for note in inspect_file(take).notes)


def test_a_short_take_has_the_rate_of_its_video(take) -> None:
    table = take / "MySlate_7_iPhone.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:21]))
    pictures = [frame.rgb for frame in real_frames("single_face.mp4", 20)]
    write_video(take / "MySlate_7_iPhone.mov", pictures)  # 25 frames a second
    take_clips(find_sources([str(take)]), take.parent.parent / "frames")
    times = read_arrays(take.parent.parent / "frames" / "MySlate_7.parquet")["time_s"]
    np.testing.assert_allclose(times, np.arange(20) / 25, atol=1e-9)


def test_a_folder_with_another_clip_in_it_is_no_take(take) -> None:
    shutil.copy(asset("single_face.mp4"), take / "holiday.mp4")
    assert not is_take(take) and len(list(find_recordings(take))) == 2
    assert {clip.path.name for clip in find_sources([str(take)])} >= {"holiday.mp4", "MySlate_7_iPhone.csv"}


def test_a_table_and_the_video_of_its_name_are_one_clip(tmp_path) -> None:
    write_table(tmp_path / "anna.csv", E_DAIC, openface_rows(E_DAIC, FRAMES))
    shutil.copy(asset("single_face.mp4"), tmp_path / "anna.mp4")
    shutil.copy(asset("single_face.mp4"), tmp_path / "ben.mp4")
    for wanted in (str(tmp_path), str(tmp_path / "*")):
        assert [clip.path.name for clip in find_sources([wanted])] == ["anna.csv", "ben.mp4"]
    assert compare_with_video(tmp_path / "anna.csv", FRAMES) == ""
    assert compare_with_video(tmp_path / "anna.csv", 60).startswith("its video anna.mp4 has 72 frames")
    (tmp_path / "anna.mp4").write_bytes(b"no video")
    assert "cannot be compared" in compare_with_video(tmp_path / "anna.csv", FRAMES)
