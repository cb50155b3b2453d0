"""A long table is fitted in memory that its length does not change."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from recorded_files import face_68

from dfe_lib.fitting.fit import fit_tables
from dfe_lib.io import segments
from dfe_lib.io.row_sums import sum_rows
from dfe_lib.io.tables import frames_schema, read_arrays, table_writer
from dfe_lib.morphable.anny import anny_head

SHORT, LONG = 1800, 9000  # a neutral is read from as many frames of both


def long_table(path: Path, count: int, fps: float = 30.0) -> Path:
    """68 landmarks of somebody, the same 500 frames again and again; every 50th has no face."""
    schema = frames_schema("a detector", {"landmarks": 136})
    key = {"clip_id": "clip", "subject_id": "someone", "width": 640, "height": 480}
    unknown = dict.fromkeys(["confidence", "interocular_px", "out_of_frame"], np.nan)
    frame = np.arange(count)
    shown = frame % 50 != 7
    points = face_68(500).reshape(500, 136)[frame % 500]
    rows = {"frame": frame, "time_s": frame / fps, "detected": shown, "face_id": np.where(shown, 0, -1)}
    with table_writer(path, schema) as table:
        table.write(key | unknown | rows | {"landmarks": points})
    return path


def peak(path: Path, folder: Path) -> int:
    """Bytes that a fit and a count of its rows take at most."""
    tracemalloc.start()
    try:
        fit_tables([path], folder, anny_head(), "bilateral")
        sum_rows(folder / path.name)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("segment_s", [10.0, np.inf])
def test_memory_grows_by_twenty_bytes_a_frame_at_most(segment_s, tmp_path, monkeypatch) -> None:
    """And by far more where a clip is not worked in segments: the bound is no idle one."""
    monkeypatch.setattr(segments, "SEGMENT_S", segment_s)
    tables = [long_table(tmp_path / f"{count}.parquet", count) for count in (SHORT, SHORT, LONG)]
    _, short, long = (peak(table, tmp_path / "psi") for table in tables)  # the first finds models still unread
    assert (long - short <= 20 * (LONG - SHORT)) == (segment_s < np.inf), (long - short) / (LONG - SHORT)


def test_a_person_with_many_clips_is_sampled(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("dfe_lib.fitting.person.MOST_FRAMES", 300)
    tables = [long_table(tmp_path / f"{i}.parquet", 400) for i in range(4)]
    summary = fit_tables(tables, tmp_path / "psi", anny_head())
    assert set(summary.neutral_frames) == {4 * 196 // 3 + 1}  # every second frame of each clip, and a third of these


def test_psi_of_the_fit_is_cut_nowhere(tmp_path, monkeypatch) -> None:
    table = long_table(tmp_path / "clip.parquet", 300)
    for length in (300.0, 2.0):
        monkeypatch.setattr(segments, "SEGMENT_S", length)
        fit_tables([table], tmp_path / str(length), anny_head(), "bilateral")
    whole, cut = ((tmp_path / length / "clip.parquet").read_bytes() for length in ("300.0", "2.0"))
    assert whole == cut
    psi = read_arrays(tmp_path / "2.0" / "clip.parquet", ["psi"])["psi"]
    assert np.isfinite(psi).all(1).sum() == 294
