"""A clip in segments: whoever takes which step, in whatever order, the tables are the same."""

import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from clip_files import small_model
from recorded_files import face_68
from video_files import real_frames, write_video

from dfe_lib.encoding.clip import write_clip
from dfe_lib.encoding.reading import extract_part, plan_clip
from dfe_lib.encoding.segments import decide, finish_segment, join_clip
from dfe_lib.encoding.settings import GROUPS, Settings
from dfe_lib.encoding.tokenizer import Tokenizer
from dfe_lib.errors import UserError
from dfe_lib.io import segments
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.tables import frames_schema, read_arrays, table_writer
from dfe_lib.tracking.extraction import extract_clip

SETTINGS = Settings(groups=GROUPS, faces="all")
SEGMENT_S = 1.0


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Tokenizer:
    return Tokenizer.from_pretrained(small_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(autouse=True)
def short_segments(monkeypatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_S", SEGMENT_S)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """A man, and from the first second on a woman beside him; a key frame every 10 frames."""
    man, woman = real_frames("single_face.mp4", 64), real_frames("WolfgangLanger_Pexels.mp4", 64)
    height, width = (2 * (min(a, b) // 2) for a, b in zip(man[0].rgb.shape, woman[0].rgb.shape[:2], strict=False))
    pictures = [
        np.concatenate([one.rgb[:height, :width], other.rgb[:height, :width] * (i >= 30)], axis=1)
        for i, (one, other) in enumerate(zip(man, woman, strict=True))
    ]
    return write_video(tmp_path_factory.mktemp("video") / "pair.mp4", pictures, key_every=10)


def detector_table(path: Path, count: int = 130) -> Path:
    """68 landmarks of somebody at 30 frames a second, with a gap."""
    schema = frames_schema("a detector", {"landmarks": 136})
    key = {"clip_id": "clip", "subject_id": "someone", "width": 640, "height": 480}
    unknown = dict.fromkeys(["confidence", "interocular_px", "out_of_frame"], np.nan)
    detected = np.arange(count) % 50 != 7
    rows = {"frame": np.arange(count), "time_s": np.arange(count) / 30, "landmarks": face_68(count).reshape(count, 136)}
    with table_writer(path, schema) as table:
        table.write(key | unknown | rows | {"detected": detected, "face_id": np.where(detected, 0, -1)})
    return path


def by_steps(tokenizer: Tokenizer, clip: MediaFile, work: Path, out: Path, seed: int) -> int:
    """The steps in an order of chance, each clip's folder all that they share; returns the number of segments."""
    plan, chance = plan_clip(clip, SETTINGS), random.Random(seed)
    for number in chance.sample(range(plan.parts), plan.parts):
        extract_part(plan, number, work, SETTINGS, progress=False)
    count = len(decide(tokenizer.rows, plan, work, SETTINGS).segments)
    for number in chance.sample(range(count), count):
        finish_segment(tokenizer.rows, plan, work, number, SETTINGS)
    join_clip(tokenizer.rows, plan, work, out, SETTINGS, {})
    assert not work.exists()
    return count


@pytest.mark.parametrize("kind", ["video", "table"])
def test_steps_in_any_order_write_the_bytes_of_one_process(tokenizer, video, tmp_path, kind) -> None:
    path = video if kind == "video" else detector_table(tmp_path / "clip.parquet")
    clip = MediaFile(path, "clip", "someone")
    write_clip(tokenizer.rows, clip, tmp_path / "whole.parquet", SETTINGS, {})
    count = by_steps(tokenizer, clip, tmp_path / "work", tmp_path / "steps.parquet", seed=1)
    assert count == (3 if kind == "video" else 5)
    assert (tmp_path / "steps.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_landmarks_are_kept_where_they_are_asked_for_and_nowhere_else(tokenizer, video, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    clip, kept = MediaFile(video, "pair", "someone"), replace(SETTINGS, frames=str(tmp_path / "frames"))
    write_clip(tokenizer.rows, clip, tmp_path / "tokens.parquet", kept, {})
    extract_clip(video, tmp_path / "alone.parquet", faces="all", subject_id="someone")
    one, other = (pq.read_table(tmp_path / name) for name in ("frames/pair.parquet", "alone.parquet"))
    assert one.equals(other, check_metadata=True)
    assert {path.name for path in tmp_path.iterdir()} == {"tmp", "frames", "tokens.parquet", "alone.parquet"}
    assert not list((tmp_path / "tmp").iterdir())
    with pytest.raises(UserError, match="folder"):
        Settings(frames="frames.parquet")


def test_a_video_is_entered_in_the_middle(video) -> None:
    plan = plan_clip(MediaFile(video, "clip", "someone"), SETTINGS)
    assert [part.index for part in plan.media] == [0, 25, 50] and plan.parts == 3
    assert [part.seek_pts is None for part in plan.media] == [True, False, False]


def test_psi_of_a_table_does_not_depend_on_where_it_is_cut(tokenizer, tmp_path, monkeypatch) -> None:
    clip = MediaFile(detector_table(tmp_path / "clip.parquet"), "clip", "someone")
    for length in (300.0, 1.0, 0.6):
        monkeypatch.setattr(segments, "SEGMENT_S", length)
        write_clip(tokenizer.rows, clip, tmp_path / f"{length}.parquet", SETTINGS, {})
    whole, some, many = ((tmp_path / f"{length}.parquet").read_bytes() for length in (300.0, 1.0, 0.6))
    assert whole == some == many


def test_people_keep_their_names_over_the_boundaries(video, tmp_path) -> None:
    for faces, people in (("all", [0, 1]), ("largest", [0])):
        done = extract_clip(video, tmp_path / f"{faces}.parquet", faces=faces)
        rows = read_arrays(tmp_path / f"{faces}.parquet", ["face_id", "frame", "landmarks", "detected"])
        shown = rows["detected"]
        assert np.unique(rows["face_id"][shown]).tolist() == people and done.people == 2 and done.frames == 64
        assert np.unique(rows["frame"]).tolist() == list(range(64))
        side = rows["landmarks"][:, ::3].mean(1) > rows["landmarks"][shown][:, ::3].mean()
        if faces == "all":
            assert len({(bool(x), int(face)) for x, face in zip(side[shown], rows["face_id"][shown], strict=True)}) == 2


STEP = """
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from dfe_lib.errors import UserError
from dfe_lib.io import segments
segments.SEGMENT_S = 1.0
from dfe_lib.encoding.reading import plan_clip
from dfe_lib.encoding.segments import finish_segment
from dfe_lib.encoding.settings import GROUPS, Settings
from dfe_lib.encoding.tokenizer import Tokenizer
from dfe_lib.io.clip_table import MediaFile
model, path, work, number = sys.argv[1:]
settings = Settings(groups=GROUPS, faces="all")
plan = plan_clip(MediaFile(Path(path), "clip", "someone"), settings)
finish_segment(Tokenizer.from_pretrained(model).rows, plan, Path(work), int(number), settings)
"""


def test_another_process_finishes_a_segment_with_the_same_bytes_whatever_its_threads(tokenizer, tmp_path) -> None:
    model = small_model(tmp_path / "model")
    tokenizer = Tokenizer.from_pretrained(model)
    clip = MediaFile(detector_table(tmp_path / "clip.parquet"), "clip", "someone")
    plan, found = plan_clip(clip, SETTINGS), []
    for threads in (0, 1, 2):
        work = tmp_path / f"work{threads}"
        extract_part(plan, 0, work, SETTINGS)
        decide(tokenizer.rows, plan, work, SETTINGS)
        if threads:
            command = [sys.executable, "-c", STEP, str(model), str(clip.path), str(work), "2"]
            subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
        found.append(finish_segment(tokenizer.rows, plan, work, 2, SETTINGS).read_bytes())
    assert found[0] == found[1] == found[2]
