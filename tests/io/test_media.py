import math
import threading
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_files import cut_by_edit_list, real_frames, set_display_matrix, turn_at_display, write_video

from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.media import open_media
from dfe_lib.io.media_files import _unique_names, find_media, subject_table
from dfe_lib.io.progress import read_ahead


def read(path, *part, **settings):
    with open_media(path, *part, **settings) as reader:
        return list(reader.frames), reader


def difference(one, other):
    return np.abs(one.astype(float) - other).mean()


@pytest.fixture(scope="module")
def pictures():
    """A real face beside nothing: wide, and unlike itself when turned."""
    return [frame.rgb[::2, ::2] for frame in real_frames("WolfgangLanger_Pexels.mp4", 12)]


def test_every_frame_with_its_own_time():
    frames, reader = read(asset("single_face.mp4"))
    assert len(frames) == reader.expected == 72
    assert [frame.index for frame in frames] == list(range(72))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(72) / 30, atol=1e-4)
    assert frames[0].rgb.shape == (360, 640, 3)
    assert reader.damage == ""


def test_a_file_that_holds_more_frames_than_its_edit_list_shows():
    frames, reader = read(asset("no_face.mp4"))
    assert len(frames) == reader.expected == 95 and reader.damage == ""


def test_variable_frame_rate_keeps_its_times(tmp_path, pictures):
    times_ms = [0, 40, 41, 95, 300, 301, 302, 900, 1000, 1500, 1501, 4000]
    frames, _ = read(write_video(tmp_path / "a.mp4", pictures, times_ms))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array(times_ms) / 1000, atol=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v", ".avi", ".webm", ".mkv", ".ts", ".mts", ".gif"])
def test_containers(tmp_path, pictures, suffix):
    frames, reader = read(write_video(tmp_path / f"a{suffix}", pictures))
    assert len(frames) == len(pictures) and reader.damage == ""
    nearest = 40 if suffix == ".gif" else 6  # of 256 colours
    assert max(difference(frame.rgb, rgb) for frame, rgb in zip(frames, pictures, strict=True)) < nearest
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(12) / 25, atol=2e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_late_start_is_kept(tmp_path, pictures, suffix):
    times_ms = np.arange(500, 500 + 12 * 40, 40).tolist()
    frames, _ = read(write_video(tmp_path / f"a{suffix}", pictures, times_ms))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array(times_ms) / 1000, atol=2e-3)
    assert [frame.index for frame in frames] == list(range(12))


def test_what_an_edit_list_cuts_off_is_not_shown(tmp_path, pictures):
    frames, reader = read(cut_by_edit_list(write_video(tmp_path / "a.mp4", pictures), 5))
    assert len(frames) == reader.expected == 7 and reader.damage == ""
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(7) / 25, atol=2e-3)
    apart = [difference(frames[0].rgb, rgb) for rgb in pictures]
    assert np.argmin(apart) == 5


def test_a_part_of_a_clip(tmp_path, pictures):
    path = write_video(tmp_path / "a.mp4", pictures)
    whole, _ = read(path)
    frames, reader = read(path, 0.1, 0.32)
    assert [frame.index for frame in frames] == [3, 4, 5, 6, 7] and reader.damage == ""
    assert abs(reader.expected - 5) <= 1
    for frame in frames:
        assert frame.time_s == whole[frame.index].time_s
        np.testing.assert_array_equal(frame.rgb, whole[frame.index].rgb)
    assert [frame.index for frame in read(path, 0.4)[0]] == [10, 11]
    for part in ((0.5,), (3.0, 4.0)):
        with pytest.raises(UserError, match=r"a\.mp4 has no frame in that part: one at 0\.44 s is the last"):
            read(path, *part)


def test_a_rate_replaces_the_times(tmp_path, pictures):
    path = write_video(tmp_path / "a.mp4", pictures, [0, 1, 2, 3, 500, 501, 502, 503, 504, 505, 506, 4000])
    frames, reader = read(path, fps=10.0)
    assert [frame.time_s for frame in frames] == [i / 10 for i in range(12)] and reader.damage == ""
    assert [frame.index for frame in read(path, 0.25, 0.6, 10.0)[0]] == [3, 4, 5]


@pytest.mark.parametrize(
    "settings", [{"start_s": -1.0}, {"start_s": math.nan}, {"start_s": 2.0, "end_s": 1.0}, {"fps": 0.0}]
)
def test_a_part_or_rate_that_cannot_be_is_said(settings):
    with pytest.raises(UserError, match=r"has no frames: start at 0 or later|is no rate"):
        read(asset("single_face.mp4"), **settings)


def test_a_clock_that_begins_anew_is_told_and_goes_on(tmp_path, pictures):
    """Two recordings in one file, as cameras and `cat` leave them."""
    one = write_video(tmp_path / "one.ts", pictures * 3).read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    frames, reader = read(tmp_path / "two.ts")
    times = np.array([frame.time_s for frame in frames])
    assert len(frames) > 60 and (np.diff(times) >= 0).all() and times[-1] > 2.5
    assert "times fall back once" in reader.damage and "--fps" in reader.damage
    assert "fps" not in read(tmp_path / "two.ts", fps=25.0)[1].damage


def test_uneven_times_are_told(tmp_path, pictures):
    uneven = [0, 40, 41, 95, 300, 301, 302, 900, 1000, 1500, 1501, 4000]
    assert "uneven times" in read(write_video(tmp_path / "a.mp4", pictures, uneven))[1].damage
    shaky = np.arange(12) * 40 + np.tile([0, 7, -6], 4)
    assert read(write_video(tmp_path / "b.mp4", pictures, shaky.tolist()))[1].damage == ""


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_videos_come_upright(tmp_path, pictures, quarters):
    lying = [np.rot90(rgb, quarters) for rgb in pictures]  # anticlockwise, so that the display turns them back
    frames, _ = read(turn_at_display(write_video(tmp_path / "a.mp4", lying), quarters))
    assert frames[3].rgb.shape == pictures[3].shape and frames[3].rgb.flags.c_contiguous
    assert difference(frames[3].rgb, pictures[3]) < 6 < difference(frames[3].rgb, pictures[3][::-1])


MIRRORS = {
    (-1, 0, 0, 1): lambda rgb: rgb[:, ::-1],
    (1, 0, 0, -1): lambda rgb: rgb[::-1],
    (0, 1, 1, 0): lambda rgb: rgb.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda rgb: rgb[::-1, ::-1].transpose(1, 0, 2),
}
"""What a matrix does at display; each is its own inverse."""


@pytest.mark.parametrize("matrix", MIRRORS)
def test_mirrored_videos_come_as_they_are_shown(tmp_path, pictures, matrix):
    stored = [MIRRORS[matrix](rgb) for rgb in pictures]
    frames, _ = read(set_display_matrix(write_video(tmp_path / "a.mp4", stored), matrix))
    assert frames[3].rgb.shape == pictures[3].shape and frames[3].rgb.flags.c_contiguous
    assert difference(frames[3].rgb, pictures[3]) < 6 < difference(frames[3].rgb, pictures[3][:, ::-1])


def test_pixels_of_an_impossible_shape_count_as_square(tmp_path, pictures):
    for aspect, width in ((100, 320), (2, 640)):
        path = write_video(tmp_path / f"{aspect}.mp4", pictures, aspect=Fraction(aspect))
        assert read(path)[0][0].rgb.shape == (180, width, 3)


def test_oblong_pixels_are_made_square():
    frames = real_frames("carphone_pristine.mp4", 1)
    assert frames[0].rgb.shape == (144, 193, 3)  # stored as 176 x 144, pixels 128:117


def test_pictures_of_every_kind(tmp_path):
    rgb = real_frames("single_face.jpg")[0].rgb[::4, ::4]
    picture = Image.fromarray(rgb)
    grey = np.asarray(picture.convert("L"))
    picture.convert("L").save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    picture.quantize(256).save(tmp_path / "palette.png")
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(np.rot90(rgb)).save(tmp_path / "turned.png", exif=turned)
    for name, expected, tolerance in (
        ("grey", np.stack([grey] * 3, axis=-1), 0),
        ("deep", np.stack([grey] * 3, axis=-1), 0),
        ("turned", rgb, 0),
        ("palette", rgb, 6),
    ):
        frames, reader = read(tmp_path / f"{name}.png")
        assert len(frames) == 1 and reader.still and frames[0].time_s == 0
        assert frames[0].rgb.shape == rgb.shape and difference(frames[0].rgb, expected) <= tolerance, name
    assert difference(read(tmp_path / "cmyk.jpg")[0][0].rgb, rgb) < 6


def test_transparency_lies_over_white(tmp_path):
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[:, :3, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    rgb = read(tmp_path / "a.png")[0][0].rgb
    assert (rgb[:, :3] == 0).all() and (rgb[:, 3:] == 255).all()


def test_a_side_that_mediapipe_cannot_take_is_shrunk(tmp_path):
    Image.new("RGB", (33_000, 100)).save(tmp_path / "wide.png")
    assert read(tmp_path / "wide.png")[0][0].rgb.shape == (50, 16_384, 3)


def test_damage_is_told_and_the_rest_is_read(tmp_path):
    data = bytearray(asset("WolfgangLanger_Pexels.mp4").read_bytes())
    (tmp_path / "half.mp4").write_bytes(data[: len(data) // 2])
    data[300_000:300_200] = b"\xff" * 200
    (tmp_path / "scratched.mp4").write_bytes(data)
    frames, reader = read(tmp_path / "half.mp4")
    assert 200 < len(frames) < 300 and "of the 472 it claims" in reader.damage
    frames, reader = read(tmp_path / "scratched.mp4")
    assert 465 < len(frames) < 472 and reader.skipped == 472 - len(frames) and "corrupt" in reader.damage


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_damage_in_other_containers(tmp_path, suffix):
    pictures = [frame.rgb for frame in real_frames("WolfgangLanger_Pexels.mp4", 40)]
    path = write_video(tmp_path / f"a{suffix}", pictures)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(data)
    frames, reader = read(path)
    assert 30 < len(frames) < 40 and reader.skipped > 0


def test_what_cannot_be_read_is_said(tmp_path):
    mov = asset("face_noface.mov").read_bytes()
    (tmp_path / "half.mov").write_bytes(mov[: len(mov) // 2])
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "half.jpg").write_bytes(asset("single_face.jpg").read_bytes()[:20_000])
    for name, what in (("half.mov", "as a video"), ("text.mp4", "as a video"), ("half.jpg", "as a picture")):
        with pytest.raises(UserError, match=f"{name} cannot be read {what}"):
            read(tmp_path / name)
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "none.mp4")


@pytest.fixture
def folder(tmp_path):
    for name in ("b.mp4", "a.JPG", "one/clip 1.mov", "two/clip 1.mov", "b.png", ".b.mp4", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_media_are_found_in_folders_globs_and_lists(folder):
    clips = find_media(folder)
    assert [clip.path.name for clip in clips] == ["a.JPG", "b.mp4", "b.png", "clip 1.mov", "clip 1.mov"]
    assert [clip.clip_id for clip in clips] == ["a", "b_mp4", "b_png", "one_clip_1", "two_clip_1"]
    assert [clip.subject_id for clip in clips] == [clip.clip_id for clip in clips]
    assert [clip.clip_id for clip in find_media(str(folder / "b.*"))] == ["b_mp4", "b_png"]
    assert len(find_media(f"{folder}/**/*.mov")) == 2
    assert [clip.clip_id for clip in find_media([folder / "two", folder / "b.mp4", folder / "b.mp4"])] == [
        "b",
        "clip_1",
    ]


def test_code_in_typescript_is_no_video(tmp_path):
    (tmp_path / "app.ts").write_text("export const face = 1;")
    write_video(tmp_path / "clip.ts", [np.zeros((64, 64, 3), np.uint8)] * 3, [0, 40, 80])
    assert [clip.path.name for clip in find_media(tmp_path)] == ["clip.ts"]


def test_names_are_unique_without_regard_to_case(tmp_path):
    for name in ("x/A.mp4", "y/a.mp4", "y/x_A.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [clip.clip_id.lower() for clip in find_media(tmp_path)]
    assert len(set(names)) == 3


def test_many_files_are_named_in_a_moment():
    paths = [Path(f"/videos/{i}.mp4") for i in range(20_000)]
    start = time.process_time()
    names = _unique_names([*paths, Path("/more/7.mp4")])
    assert time.process_time() - start < 1  # it grew with the square of the files, to several seconds
    assert names[6:9] == ["6", "videos_7", "8"] and names[-1] == "more_7"


def test_what_is_not_found_is_said(folder):
    with pytest.raises(UserError, match=r"notes\.txt is no video"):
        find_media(folder / "notes.txt")
    with pytest.raises(UserError, match=r"none\.mp4 does not exist"):
        find_media([folder / "b.mp4", folder / "none.mp4"])
    for spec in (str(folder / "*.txt"), []):
        with pytest.raises(UserError, match="No video or picture"):
            find_media(spec)


def test_subjects(folder, tmp_path):
    subjects = {"a": "anna", "b_mp4": "ben", "b_png": "ben", "one_clip_1": "anna", "two_clip_1": "ben"}
    assert [clip.subject_id for clip in find_media(folder, subjects)] == ["anna", "ben", "ben", "anna", "ben"]
    (tmp_path / "who.csv").write_text("clip_id,subject_id\na,007\n")
    assert subject_table(tmp_path / "who.csv", ["a"]) == {"a": "007"}
    with pytest.raises(UserError, match="No subject is given for b_mp4"):
        find_media(folder, tmp_path / "who.csv")
    (tmp_path / "wrong.csv").write_text("clip,who\na,anna\n")
    with pytest.raises(UserError, match=r"wrong\.csv has no column clip_id; it has clip, who: rename clip\?"):
        subject_table(tmp_path / "wrong.csv", ["a"])
    with pytest.raises(UserError, match=r"none\.csv cannot be opened"):
        subject_table(tmp_path / "none.csv", ["a"])


def test_a_table_may_call_a_clip_as_its_file_is(tmp_path):
    (tmp_path / "who.csv").write_text("clip_id,subject_id\nAnna \N{EN DASH} rest (1),anna\nb_1,ben\nb 1,bea\n")
    assert subject_table(tmp_path / "who.csv", ["Anna_rest_1_", "b_1"]) == {"Anna_rest_1_": "anna", "b_1": "ben"}


def test_a_table_of_subjects_is_read_as_a_table_of_clips_is(tmp_path):
    table = tmp_path / "who.csv"
    table.write_text("subject_id;clip_id;camera\nNA;b;left\n 007;c ;right\n", encoding="utf-8-sig")
    assert subject_table(table, ["b", "c"]) == {"b": "NA", "c": "007"}
    for rows, complaint in (("b,\nc,\n", "an empty subject_id in line 2"), ("b,x\nb,y\n", "the clip b more than once")):
        table.write_text("clip_id,subject_id\n" + rows)
        with pytest.raises(UserError, match=complaint):
            subject_table(table, ["b"])
    with pytest.raises(UserError, match="No subject is given for c"):
        subject_table({"b": "ben", "c": ""}, ["b", "c"])


def test_reading_ahead_is_bounded_and_stops():
    walked = []

    def numbers():
        try:
            for i in range(1000):
                walked.append(i)
                yield i
        finally:
            walked.append("closed")

    with read_ahead(numbers(), depth=4) as items:
        assert list(islice(items, 3)) == [0, 1, 2]
        time.sleep(0.1)
        assert len(walked) <= 3 + 4 + 1
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]
    assert len(walked) < 20


def test_reading_ahead_hands_errors_over():
    def broken():
        yield 1
        raise UserError("no more")

    with read_ahead(broken()) as items:
        assert next(items) == 1
        with pytest.raises(UserError, match="no more"):
            next(items)
