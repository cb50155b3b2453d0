from pathlib import Path

import deadly_tasks
import pytest
from clip_files import short_clip

from dfe_lib.io.clip_table import MediaFile
from dfe_lib.tracking import many_clips, take_clips


def test_a_clip_that_crashes_what_reads_it_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [short_clip(tmp_path / f"{name}.mp4", count=3) for name in ("deadly", "whole")]
    clips = [MediaFile(path, path.stem, path.stem) for path in paths]
    monkeypatch.setattr(many_clips, "_whole", deadly_tasks.take_or_die)
    for workers in (1, 2):
        found = take_clips(clips, tmp_path / str(workers), workers=workers).set_index("clip_id")
        assert found.status.to_dict() == {"deadly": "failed", "whole": "ok"}
        assert "died twice (SIGABRT)" in found.reason["deadly"] and found.frames["whole"] == 3
    alone = take_clips(clips[1:], tmp_path / "alone")
    assert alone.frames.tolist() == [3]
    written = {folder: (tmp_path / folder / "whole.parquet").read_bytes() for folder in ("1", "2", "alone")}
    assert len(set(written.values())) == 1
    assert not [path for path in tmp_path.rglob(".*") if path.name.endswith((".part", ".work"))]
