import threading
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tqdm import tqdm
from video_files import real_frames, set_display_matrix, turn_at_display, write_video

from dfe_lib.blendshapes import BLENDSHAPES
from dfe_lib.errors import UserError
from dfe_lib.io import progress
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import FRAMES, read_arrays, read_dataframe, read_metadata, table_writer
from dfe_lib.tracking import extraction, segments
from dfe_lib.tracking.extraction import extract_clip, extract_clips
from dfe_lib.tracking.identity import Track
from dfe_lib.tracking.landmarker import Box
from dfe_lib.tracking.pool import let_go
from dfe_lib.tracking.segments import FoundPart, FoundSegment, settle

CLIPS = ("WolfgangLanger_Pexels.mp4", "face_noface.mov", "noface_face.mov", "no_face.mp4", "multi_face.jpg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("frames")


@pytest.fixture(scope="module")
def summary(folder, tmp_path_factory):
    """The sample clips and one that is cut short, with the default settings."""
    data = asset("face_noface.mov").read_bytes()
    cut = tmp_path_factory.mktemp("media") / "cut.mov"
    cut.write_bytes(data[: len(data) // 2])
    (folder / "cut.parquet").write_text("of an earlier run")
    return extract_clips([cut, *map(asset, CLIPS)], folder).set_index("clip_id")


def beside(*clips):
    return [np.concatenate(pictures, axis=1) for pictures in zip(*clips, strict=True)]


@pytest.mark.parametrize(("name", "shown"), [("face_noface", 73), ("noface_face", 72)])
def test_a_frame_without_a_face_is_a_row(summary, folder, name, shown):
    """The man is in 72 frames of each; FaceLandmarker takes title lettering for a 73rd in both, the graph in one."""
    assert summary.loc[name, ["frames", "frames_with_face", "people"]].tolist() == [169, shown, 1]
    table = read_arrays(folder / f"{name}.parquet")
    assert table["detected"].sum() == shown and len(table["frame"]) == 169
    assert table["frame"].tolist() == list(range(169))
    assert (np.diff(table["time_s"]) > 0.013).all() and np.diff(table["time_s"]).min() < 0.014
    assert set(table["face_id"][table["detected"]]) == {0} and set(table["face_id"][~table["detected"]]) == {-1}
    for column in ("landmarks", "blendshapes", "rotation", "translation_mm"):
        missing = np.isnan(table[column])
        assert missing[~table["detected"]].all() and not missing[table["detected"]].any()


def test_a_new_face_has_its_confidence(summary, folder):
    """The 73rd face of the clip is a word in letters of skin colour: low confidence gives it away."""
    table = read_dataframe(folder / "face_noface.parquet").set_index("frame")
    assert table["detected"][:72].all() and table.index[table["detected"]].max() == 163
    assert table.loc[0, "confidence"] > 0.9 > 0.6 > table.loc[163, "confidence"]
    assert table["confidence"].notna().sum() < 10


def test_nobody_is_no_error(summary, folder):
    assert summary.loc["no_face", ["status", "frames", "frames_with_face", "people"]].tolist() == ["ok", 95, 0, 0]
    table = read_dataframe(folder / "no_face.parquet")
    assert len(table) == 95 and not table["detected"].any() and table["confidence"].isna().all()


def test_a_clip_with_hardly_a_face_comes_with_advice(summary):
    assert summary.loc["no_face", "advice"].startswith("0 of 95 frames have a face: if somebody is to be seen in more")
    assert "--faces all" in summary.loc["no_face", "advice"]
    assert (summary.drop("no_face")["advice"] == "").all()  # face_noface has one in 73 of 169, cut is no table


def test_a_selfie_that_starts_late_comes_as_it_is_meant(tmp_path):
    """Its track is mirrored and begins half a second into the file."""
    frames = real_frames("single_face.mp4", 10)
    mirrored = write_video(tmp_path / "selfie.mp4", [frame.rgb[:, ::-1] for frame in frames],
                           [500 + 40 * i for i in range(10)])  # fmt: skip
    clip = extract_clip(set_display_matrix(mirrored, (-1, 0, 0, 1)), tmp_path / "a.parquet")
    table = read_arrays(tmp_path / "a.parquet")
    assert clip.frames_with_face == 10 and (clip.fps, clip.duration_s) == (25.0, 0.36) and clip.reason == ""
    np.testing.assert_allclose(table["time_s"], 0.5 + 0.04 * np.arange(10), atol=1e-3)
    plain = write_video(tmp_path / "plain.mp4", [frame.rgb for frame in frames])
    extract_clip(plain, tmp_path / "b.parquet")
    apart = table["landmarks"] - read_arrays(tmp_path / "b.parquet", ["landmarks"])["landmarks"]
    assert np.abs(apart.reshape(10, 478, 3)[:, :, :2]).max() < 4  # as coded from the other side


def test_a_part_of_a_clip_at_a_rate_of_its_own(tmp_path):
    clip = extract_clip(asset("single_face.mp4"), tmp_path / "a.parquet", start_s=1.0, end_s=2.0, fps=10.0)
    table = read_arrays(tmp_path / "a.parquet", ["frame", "time_s"])
    assert table["frame"].tolist() == list(range(10, 20)) and table["time_s"].tolist() == [
        i / 10 for i in range(10, 20)
    ]
    assert (clip.frames, clip.fps, clip.duration_s) == (10, 10.0, 0.9)


def test_sides_and_pixels_that_would_end_the_process(tmp_path):
    """MediaPipe aborts at 32,768 pixels, and takes the good clips beside with it."""
    Image.new("RGB", (33_000, 20)).save(tmp_path / "wide.png")
    rgb = real_frames("single_face.mp4", 1)[0].rgb
    write_video(tmp_path / "oblong.mp4", [rgb] * 3, aspect=Fraction(100))
    found = extract_clips(tmp_path, tmp_path / "out").set_index("clip_id")
    assert found.status.tolist() == ["ok", "ok"] and found.frames_with_face.to_dict() == {"oblong": 3, "wide": 0}


def test_a_clip_that_cannot_be_read_is_told_and_the_others_go_on(summary, folder):
    assert summary.loc["cut", "status"] == "failed" and "cannot be read" in summary.loc["cut", "reason"]
    assert (summary.drop("cut")["status"] == "ok").all() and len(summary) == 1 + len(CLIPS)
    assert sorted(path.stem for path in folder.iterdir()) == sorted(summary.index.drop("cut"))


def test_an_expressive_clip(summary, folder):
    assert summary.loc["WolfgangLanger_Pexels", ["frames", "frames_with_face"]].tolist() == [472, 472]
    assert summary.loc["WolfgangLanger_Pexels", "fps"] == pytest.approx(24000 / 1001, abs=1e-3)
    table = read_dataframe(folder / "WolfgangLanger_Pexels.parquet", ["time_s", "interocular_px", "blendshapes"])
    assert table["blendshapes.mouthSmileLeft"].max() > 0.6 > 0.1 > table["blendshapes.mouthSmileLeft"].min()
    assert table["interocular_px"].between(30, 200).all()
    assert table["time_s"].iloc[-1] == pytest.approx(471 * 1001 / 24000)


def test_the_table_keeps_its_schema(summary, folder):
    table = read_arrays(folder / "WolfgangLanger_Pexels.parquet")
    assert list(table) == FRAMES.names
    assert read_metadata(folder / "WolfgangLanger_Pexels.parquet")["blendshapes"].count('"') == 2 * len(BLENDSHAPES)
    right, left = (table["landmarks"].reshape(-1, 478, 3)[:, i, :2] for i in (33, 263))
    np.testing.assert_allclose(table["interocular_px"], np.linalg.norm(left - right, axis=1), rtol=1e-5)


def test_five_people(summary, folder, tmp_path):
    assert summary.loc["multi_face", ["frames", "frames_with_face", "people"]].tolist() == [1, 1, 5]
    assert len(read_dataframe(folder / "multi_face.parquet")) == 1
    clip = extract_clip(asset("multi_face.jpg"), tmp_path / "all.parquet", faces="all")
    table = read_arrays(tmp_path / "all.parquet")
    assert clip.people == 5 and table["face_id"].tolist() == [0, 1, 2, 3, 4] and set(table["frame"]) == {0}
    kept = read_arrays(folder / "multi_face.parquet")["landmarks"][0]
    extent = [np.ptp(row.reshape(478, 3)[:, :2], axis=0).prod() for row in table["landmarks"]]
    np.testing.assert_array_equal(kept, table["landmarks"][np.argmax(extent)])


HERE, THERE = range(35), range(5, 50)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A man on the left, who leaves; on the right, larger, somebody who comes later."""
    left = [frame.rgb for frame in real_frames("WolfgangLanger_Pexels.mp4", 50)]
    right = [frame.rgb for frame in real_frames("single_face.mp4", 50)]
    small = [np.pad(rgb[::2, ::2], ((0, 180), (0, 0), (0, 0))) for rgb in left]
    small = [rgb if i in HERE else np.zeros_like(rgb) for i, rgb in enumerate(small)]
    right = [rgb if i in THERE else np.zeros_like(rgb) for i, rgb in enumerate(right)]
    return write_video(tmp_path_factory.mktemp("pair") / "pair.mp4", beside(small, right))


def test_ids_stay_with_the_people(pair, tmp_path):
    clip = extract_clip(pair, tmp_path / "a.parquet", faces="all")
    table = read_arrays(tmp_path / "a.parquet")
    x = table["landmarks"].reshape(-1, 478, 3)[:, :, 0].mean(axis=1)
    assert clip.people == 2 and clip.frames_with_face == 50
    np.testing.assert_array_equal(table["face_id"], np.where(x < 320, 0, 1))
    assert table["frame"][table["face_id"] == 0].tolist() == list(HERE)
    assert table["frame"][table["face_id"] == 1].tolist() == list(THERE)


def test_the_largest_is_one_person(pair, tmp_path):
    """Frames without that person say so, though somebody else is in them."""
    clip = extract_clip(pair, tmp_path / "a.parquet")
    table = read_arrays(tmp_path / "a.parquet")
    assert table["frame"].tolist() == list(range(50))
    shown = table["detected"]
    assert clip.frames_with_face == shown.sum() and clip.people == 2
    assert set(table["face_id"][shown]) == {0} and set(table["face_id"][~shown]) == {-1}
    # people are looked for every half second, so that a newcomer may be missed for that long
    assert shown[THERE.start + 13 :].all() and not shown[: THERE.start].any()
    assert (np.nanmean(table["landmarks"].reshape(-1, 478, 3)[shown, :, 0], axis=1) > 320).all()
    assert np.isnan(table["landmarks"][~shown]).all() and np.isnan(table["interocular_px"][~shown]).all()


def test_turned_at_odd_times(tmp_path):
    """A phone's clip: lying on its side, at times of its own."""
    frames = real_frames("single_face.mp4", 10)
    times_ms = [0, 33, 34, 35, 100, 101, 250, 251, 252, 400]
    path = write_video(tmp_path / "phone.mp4", [np.rot90(frame.rgb) for frame in frames], times_ms)
    extract_clip(turn_at_display(path, 1), tmp_path / "a.parquet")
    table = read_arrays(tmp_path / "a.parquet")
    assert table["detected"].all() and set(table["width"]) == {640} and set(table["height"]) == {360}
    np.testing.assert_allclose(table["time_s"], np.array(times_ms) / 1000, atol=1e-3)
    forehead, chin = (table["landmarks"].reshape(-1, 478, 3)[:, i, 1] for i in (10, 152))
    assert (forehead < chin).all()


def test_a_face_that_leaves_the_picture_is_flagged(summary, folder, tmp_path):
    whole = read_arrays(folder / "WolfgangLanger_Pexels.parquet", ["landmarks", "out_of_frame"])
    x = whole["landmarks"][0, ::3]
    rgb = real_frames("WolfgangLanger_Pexels.mp4", 1)[0].rgb
    Image.fromarray(rgb[:, : int(x.min() + 0.7 * np.ptp(x))]).save(tmp_path / "cut.png")
    extract_clip(tmp_path / "cut.png", tmp_path / "cut.parquet")
    flags = read_arrays(tmp_path / "cut.parquet", ["out_of_frame", "detected"])
    assert whole["out_of_frame"][0] == 0
    assert flags["detected"].all() and 0.05 < flags["out_of_frame"][0] < 0.4


def test_two_runs_give_the_same_bytes(tmp_path, pair):
    for name in ("a", "b"):
        extract_clip(asset("single_face.mp4"), tmp_path / f"{name}.parquet", clip_id="clip", subject_id="someone")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert read_dataframe(tmp_path / "a.parquet")["subject_id"].unique().tolist() == ["someone"]


def test_memory_does_not_grow_with_the_clip(tmp_path):
    nobody = real_frames("no_face.mp4", 1)[0].rgb[::4, ::4][:, :160]
    peaks = []
    for count in (500, 1500):
        path = write_video(tmp_path / f"{count}.avi", (nobody for _ in range(count)))
        tracemalloc.start()
        assert extract_clip(path, tmp_path / "a.parquet").frames == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 2_000_000  # 1,000 rows would be 6 MB, their pictures 65


def test_subjects_and_unknown_choices(tmp_path):
    table = extract_clips(asset("single_face.jpg"), tmp_path, subjects={"single_face": "anna"})
    assert table[["clip_id", "subject_id", "status"]].to_numpy().tolist() == [["single_face", "anna", "ok"]]
    with pytest.raises(UserError, match="largest"):
        extract_clip(asset("single_face.jpg"), tmp_path / "a.parquet", faces="smallest")
    with pytest.raises(UserError, match="does not exist"):
        extract_clips(tmp_path / "none", tmp_path)


def test_keeping_one_works_across_batches(tmp_path):
    """Four people, of whom one comes and goes, in rows whose batches end within a frame."""
    frames, ids = np.repeat(np.arange(1000), 4), np.tile(np.arange(4), 1000)
    keep = (ids != 1) | (frames % 3 != 0)
    lists = {field.name: field.type.list_size for field in FRAMES if hasattr(field.type, "list_size")}
    columns = {name: np.ones((keep.sum(), size)) for name, size in lists.items()}
    columns |= dict.fromkeys(("confidence", "interocular_px", "out_of_frame", "width", "height"), 1)
    columns |= {"clip_id": "a", "subject_id": "a", "detected": True}
    with table_writer(tmp_path / "found-00000.parquet", FRAMES) as table:
        table.write(columns | {"frame": frames[keep], "face_id": ids[keep], "time_s": frames[keep] / 25})
    tracks = [Track(Box(0, 0, 1, 1), 0.0, Box(0, 0, 1, 1), 0.0, count, size)
              for count, size in ((1000, 1.0), (1000 - 334, 9.0), (1000, 1.0), (1000, 1.0))]  # fmt: skip
    found = FoundPart([FoundSegment(0, 1000, 1000, 0.0, 40.0, 1, 1, tracks)], 1000, 1000, 0, "", (0, 0, 1000))
    clip = settle(tmp_path, [found], "largest")
    assert (clip.frames_with_face, clip.people) == (1000 - 334, 4)
    table = read_dataframe(clip.tables[0])
    assert table["frame"].tolist() == list(range(1000))
    pd.testing.assert_series_equal(table["detected"], table["frame"] % 3 != 0, check_names=False)


@pytest.mark.parametrize("error", [ValueError("no such format"), av.FFmpegError(1, "broken"), RuntimeError("no graph")])
def test_a_clip_that_breaks_the_decoder_is_told_and_the_others_go_on(monkeypatch, tmp_path, error):
    paths = [asset("no_face.mp4"), asset("multi_face.jpg")]

    def extract(path, out, **settings):
        if path == paths[0]:
            raise error
        return extract_clip(path, out, **settings)

    monkeypatch.setattr(extraction, "extract_clip", extract)
    found = extract_clips(paths, tmp_path).set_index("clip_id")
    assert found.status.to_dict() == {"multi_face": "ok", "no_face": "failed"}
    assert str(error) in found.reason["no_face"] and [path.stem for path in tmp_path.iterdir()] == ["multi_face"]


def test_a_bar_only_for_a_terminal(monkeypatch, tmp_path, capsys):
    bars = []
    monkeypatch.setattr(progress, "tqdm", lambda items, **options: bars.append(options) or tqdm(items, **options))
    clip = write_video(tmp_path / "a.mp4", [frame.rgb for frame in real_frames("single_face.mp4", 3)])
    extract_clip(clip, tmp_path / "a.parquet")
    assert capsys.readouterr().err == "" and bars[0]["disable"]
    extract_clip(clip, tmp_path / "a.parquet", progress=True)
    assert "3/3" in capsys.readouterr().err and not bars[1]["disable"]


def test_an_error_while_rows_are_written_lets_go_of_the_clip(monkeypatch, tmp_path):
    """Detection runs in a thread of its own, decoding in another: both must end when the writer fails."""
    monkeypatch.setattr(segments, "BATCH", 8)
    monkeypatch.setattr(segments.FaceRows, "take", lambda self: 1 / 0)
    left = []
    for _ in range(2):  # what MediaPipe starts once for the whole process stays from the first time
        with pytest.raises(ZeroDivisionError):
            extract_clip(asset("WolfgangLanger_Pexels.mp4"), tmp_path / "a.parquet")
        let_go()  # networks that wait for the next clip have threads
        left.append(threading.active_count())
    assert left[0] == left[1] and "read-ahead" not in {thread.name for thread in threading.enumerate()}
    assert not list(tmp_path.iterdir())
