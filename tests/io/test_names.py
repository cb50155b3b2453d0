from pathlib import Path

import pandas as pd
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import MediaFile, check_clip_table
from dfe_lib.io.media_files import find_media
from dfe_lib.io.names import LONGEST, plain_name, table_path
from dfe_lib.io.tables import remove_others
from dfe_lib.tracking import take_clips
from dfe_lib.tracking.sources import find_sources

OUTSIDE = ["../other", "/abs/x", "..", ".", "a/b", "a\\b", "", ".hidden", "a\0b", "a\nb", "C:x", "x" * 240, "ü" * 120]


@pytest.mark.parametrize("clip_id", OUTSIDE)
def test_a_name_that_is_more_than_a_files_is_refused_everywhere(tmp_path: Path, clip_id: str) -> None:
    with pytest.raises(UserError, match="clip_id"):
        MediaFile(tmp_path / "a.mp4", clip_id, "anna")
    with pytest.raises(UserError, match="clip_id"):
        table_path(tmp_path, clip_id)
    with pytest.raises(UserError, match="clip_id"):
        remove_others(tmp_path, [clip_id])
    if clip_id.strip():
        with pytest.raises(UserError, match=r"mine\.csv: the clip_id"):
            check_clip_table(pd.DataFrame({"clip_id": [clip_id], "subject_id": ["a"]}), "mine.csv")


@pytest.mark.parametrize("clip_id", ["../victim", "ABSOLUTE"])
def test_a_table_of_clips_reaches_no_table_outside_its_run(tmp_path: Path, clip_id: str) -> None:
    victim = tmp_path / "victim.parquet"
    victim.write_text("precious")
    clip_id = clip_id.replace("ABSOLUTE", str(victim.with_suffix("")))
    (tmp_path / "unreadable.mp4").write_text("no video")
    (tmp_path / "clips.csv").write_text(f"clip_id,subject_id,path\n{clip_id},anna,unreadable.mp4\n")
    with pytest.raises(UserError, match="names no file"):
        take_clips(find_sources([str(tmp_path / "clips.csv")]), tmp_path / "frames")
    assert victim.read_text() == "precious"


def test_names_of_240_characters_are_cut_and_stay_apart(tmp_path: Path) -> None:
    for end in "ab":
        (tmp_path / f"{'x' * 240}{end}.mp4").touch()
    clips = find_media(tmp_path)
    assert len({clip.clip_id for clip in clips}) == 2
    assert all(len(table_path(tmp_path, clip.clip_id).name) < 255 - 20 for clip in clips)
    assert len(plain_name("ü" * 240).encode()) <= LONGEST
