import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from recorded_files import E_DAIC, openface_rows, write_table

from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.media import open_media
from dfe_lib.io.tables import read_arrays
from dfe_lib.tracking import take_clips
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


def test_a_stray_file_in_a_folder_of_clips_stops_nothing(tmp_path) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "README.txt").write_bytes(b"About these, clips\rwhich are, ours\r")
    (tmp_path / "notes.txt").write_bytes("J\xfcrgen, sagt\n".encode("latin-1"))
    (tmp_path / "quotes.csv").write_bytes(b'"a,b\n1,2\n' * 3)
    (tmp_path / "half.npy").write_bytes(b"\x93NUMPY\x01\x00\x28\x00{'descr': '<f8', 'fortran_order': False, (")
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04")
    np.save(tmp_path / "number.npy", np.float64(3))
    assert [clip.clip_id for clip in find_sources([str(tmp_path)])] == ["clip"]


def test_links_in_a_circle_end(tmp_path) -> None:
    (tmp_path / "clip.mp4").touch()
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "up").symlink_to(tmp_path)
        (tmp_path / name / "here").symlink_to(tmp_path / name)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "one" / "other").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "other").symlink_to(tmp_path / "one")
    began = time.process_time()
    assert [clip.clip_id for clip in find_sources([str(tmp_path)])] == ["clip"]
    assert time.process_time() - began < 5


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', '{"a"', "[" * 5000, "\xff"])
def test_a_damaged_note_of_sources_is_one_sentence(tmp_path, content: str) -> None:
    (tmp_path / "sources.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"sources\.json is damaged"):
        read_sources(tmp_path)


def test_a_recording_with_a_wrong_byte_in_a_row_is_found_and_fails_aloud(tmp_path) -> None:
    path = write_table(tmp_path / "take.csv", E_DAIC, openface_rows(E_DAIC, 9))
    path.write_bytes(path.read_bytes()[:-20] + b"\xff" + path.read_bytes()[-19:])
    clips = find_sources([str(tmp_path)])
    assert [clip.clip_id for clip in clips] == ["take"]
    summary = take_clips(clips, tmp_path / "frames")
    assert summary["status"].tolist() == ["failed"] and "take.csv" in summary["reason"][0]


def test_what_is_passed_over_is_named_with_its_reason_and_goes_into_the_table_of_clips(tmp_path) -> None:
    path = write_table(tmp_path / "take.csv", E_DAIC, openface_rows(E_DAIC, 9))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "torn.csv").write_text(path.read_text().partition("\n")[2])  # its first line is lost
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04")
    (tmp_path / "subjects.csv").write_text("clip_id,subject_id\ntake,anna\n")
    for i in range(9):
        (tmp_path / "below" / f"{i}.npy").write_bytes(b"\x93NUMPY")
    passed: dict[Path, str] = {}
    clips = find_sources([str(tmp_path)], skipped=passed)
    assert [clip.clip_id for clip in clips] == ["take"]
    assert {each.name for each in passed} == {"torn.csv", "half.npz", *(f"{i}.npy" for i in range(9))}
    summary = take_clips(clips, tmp_path / "frames", skipped=passed)
    assert summary["clip_id"].tolist() == ["take", "below/*.npy", "torn.csv", "half.npz"]
    assert (
        summary["status"].tolist() == ["ok", *["skipped"] * 3]
        and summary["notes"].str.contains("passed over").sum() == 3
    )
    assert all(
        name in reason for name, reason in zip(["0.npy", "torn.csv", "half.npz"], summary["reason"][1:], strict=True)
    )
    assert [each.name for each in (tmp_path / "frames").iterdir()] == ["take.parquet"]


def test_a_folder_of_damaged_files_alone_says_what_is_wrong_with_them(tmp_path) -> None:
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match=r"No video or picture.*half\.npz"):
        find_sources([str(tmp_path)])


def test_a_file_that_may_not_be_opened_stops_nothing(tmp_path, monkeypatch) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "closed.json").write_text("{}")
    (tmp_path / "shut").mkdir()
    opened, listed = Path.open, Path.iterdir
    refused = PermissionError(13, "Permission denied")

    def fails(path: Path, *rest, **more):
        if path.name in ("closed.json", "shut"):
            raise refused
        return (listed if path.is_dir() else opened)(path, *rest, **more)

    monkeypatch.setattr(Path, "open", fails)
    monkeypatch.setattr(Path, "iterdir", fails)
    passed: dict[Path, str] = {}
    assert [clip.clip_id for clip in find_sources([str(tmp_path)], skipped=passed)] == ["clip"]
    assert sorted(passed) == [tmp_path / "closed.json", tmp_path / "shut"]
    assert all("Permission denied" in reason for reason in passed.values())


def test_the_source_of_a_table_is_its_video_as_long_as_they_match(tmp_path) -> None:
    for name, count in (("anna", 72), ("ben", 30), ("carl", 90), ("dora", 9)):
        write_table(tmp_path / f"{name}.csv", E_DAIC, openface_rows(E_DAIC, count))
    for name in ("anna", "carl"):
        shutil.copy(asset("single_face.mp4"), tmp_path / f"{name}.mp4")
    clips = find_sources([str(tmp_path)])
    take_clips(clips, tmp_path / "frames")
    write_sources(clips, tmp_path / "frames")
    assert read_sources(tmp_path / "frames") == {"anna": tmp_path / "anna.mp4"}


def test_a_part_of_a_video_is_read_with_its_true_numbers(tmp_path) -> None:
    clips = find_sources("single_face.mp4", {}, parts={"single_face": [0.5, 1]})
    take_clips(clips, tmp_path)
    rows = read_arrays(tmp_path / "single_face.parquet", ["frame", "time_s"])
    assert rows["frame"].tolist() == list(range(15, 30)) and rows["time_s"].max() < 1


@pytest.mark.parametrize(
    ("parts", "said"),
    [({"nobody": [0, 1]}, "parts names nobody, which is no clip"), ({"single_face": [1]}, "must be two times"),
     ({"single_face": [0, "1 s"]}, "must be two times")],
)  # fmt: skip
def test_a_part_that_is_none_is_named(parts, said) -> None:
    with pytest.raises(UserError, match=said):
        find_sources("single_face.mp4", {}, parts=parts)
