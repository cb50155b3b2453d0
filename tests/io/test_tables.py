import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dfe_lib
from dfe_lib.errors import UserError
from dfe_lib.fitting.measurement import measurement_kind
from dfe_lib.io import tables
from dfe_lib.io.tables import (
    FRAMES,
    REAL,
    SIMULATED,
    coefficient_names,
    expressions_schema,
    main_face,
    read_arrays,
    read_at,
    read_batches,
    read_dataframe,
    read_metadata,
    read_parquet,
    table_schema,
    table_writer,
    tokens_schema,
    write_csv,
    write_text,
)
from dfe_lib.morphable.space import space_of_frames

NAMES = ("jawOpen", "jawLeft", "mouthPucker")


def expressions(rows, seed=0):
    rng = np.random.default_rng(seed)
    valid = rng.random(rows) < 0.7
    return {
        "clip_id": "clip",
        "subject_id": "someone",
        "face_id": np.where(valid, 0, -1),
        "frame": np.arange(rows),
        "time_s": np.arange(rows) / 29.97,
        "data": np.where(np.arange(rows) % 2, REAL, SIMULATED),
        "psi": rng.random((rows, len(NAMES)), dtype=np.float32),
        "residual_mm": np.where(valid, rng.random(rows), np.nan),
        "valid": valid,
    }


def slices(columns, size):
    rows = len(columns["frame"])
    for start in range(0, rows, size):
        yield {key: v if isinstance(v, str) else v[start : start + size] for key, v in columns.items()}


def save(path, columns, size=10_000):
    with table_writer(path, expressions_schema(NAMES, "test")) as table:
        for part in slices(columns, size):
            table.write(part)
    return path


def test_what_is_written_is_read_and_missing_is_nan(tmp_path):
    columns = expressions(1300)
    path = save(tmp_path / "a.parquet", columns, size=97)
    read = read_arrays(path)
    valid = columns["valid"]
    assert list(read) == expressions_schema(NAMES).names
    np.testing.assert_array_equal(read["psi"][valid], columns["psi"][valid])
    assert np.isnan(read["psi"][~valid]).all() and not valid.all()
    np.testing.assert_array_equal(read["residual_mm"], columns["residual_mm"].astype(np.float32))
    np.testing.assert_array_equal(read["time_s"], columns["time_s"])
    assert set(read["clip_id"]) == {"clip"}
    assert pq.ParquetFile(path).schema_arrow.equals(expressions_schema(NAMES), check_metadata=False)
    assert pq.ParquetFile(path).read(["psi"])["psi"].null_count == (~valid).sum()


def test_the_main_face_is_the_one_of_most_usable_rows(tmp_path):
    columns = expressions(9) | {"face_id": np.repeat([2, 1, 0], 3), "valid": np.arange(9) > 0}
    assert main_face(save(tmp_path / "a.parquet", columns)) == 0  # as often as 1, and before it
    assert main_face(save(tmp_path / "a.parquet", columns | {"valid": np.arange(9) < 7})) == 1
    assert main_face(save(tmp_path / "a.parquet", columns | {"valid": np.zeros(9, bool)})) == -1


def test_bytes_depend_on_the_rows_alone(tmp_path):
    columns = expressions(1300)
    first = save(tmp_path / "a.parquet", columns, size=7).read_bytes()
    assert first == save(tmp_path / "b.parquet", columns, size=1300).read_bytes()
    assert first != save(tmp_path / "c.parquet", expressions(1300, seed=1)).read_bytes()


def test_batches_are_the_whole_table_in_pieces(tmp_path):
    path = save(tmp_path / "a.parquet", expressions(1300))
    parts = list(read_batches(path, ["frame", "psi"], rows=200))
    assert max(len(part["frame"]) for part in parts) <= 200
    whole = read_arrays(path)
    for name in ("frame", "psi"):
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole[name])


def test_rows_go_to_disk_while_they_come(tmp_path):
    with table_writer(tmp_path / "a.parquet", expressions_schema(NAMES)) as table:
        table.write(expressions(5 * tables.ROW_GROUP + 3))
        assert sum(map(len, table._pending)) == 3


def test_an_error_leaves_nothing_behind_and_the_old_file_alone(tmp_path):
    path = save(tmp_path / "a.parquet", expressions(5))
    before = path.read_bytes()
    with pytest.raises(RuntimeError), table_writer(path, expressions_schema(NAMES)) as table:
        table.write(expressions(600))
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
    assert path.read_bytes() == before


def test_a_table_without_rows_is_a_table(tmp_path):
    with table_writer(tmp_path / "a.parquet", FRAMES):
        pass
    assert read_arrays(tmp_path / "a.parquet")["landmarks"].shape == (0, 1434)


def test_tokens_without_a_face_are_minus_one(tmp_path):
    key = {"clip_id": "a", "subject_id": "a", "face_id": [0, -1], "frame": [0, 1], "time_s": [0.0, 0.04], "data": REAL}
    with table_writer(tmp_path / "t.parquet", tokens_schema(2)) as table:
        table.write(key | {"valid": [True, False], "tokens": [[4, 2], [9, 9]], "error_mm": [0.1, np.nan]})
    read = read_arrays(tmp_path / "t.parquet")
    assert read["tokens"].tolist() == [[4, 2], [-1, -1]] and read["tokens"].dtype == np.int16
    assert read_dataframe(tmp_path / "t.parquet", ["frame", "tokens"]).columns.tolist() == [
        "frame",
        "token_1",
        "token_2",
    ]


def test_the_table_names_its_coefficients(tmp_path):
    path = save(tmp_path / "a.parquet", expressions(4))
    assert coefficient_names(path) == NAMES
    assert read_metadata(path)["front_end"] == "test"
    frame = read_dataframe(path, ["psi"])
    assert frame.columns.tolist() == [f"psi.{name}" for name in NAMES]
    assert "psi" not in read_dataframe(path).columns and len(read_dataframe(path)) == 4


def test_wrong_files_are_named(tmp_path):
    path = save(tmp_path / "a.parquet", expressions(4))
    with pytest.raises(UserError, match=r"a\.parquet lacks the columns tokens, error_mm"):
        read_arrays(path, ["frame", "tokens", "error_mm"])
    with pytest.raises(UserError, match=r"b\.parquet does not exist"):
        read_arrays(tmp_path / "b.parquet")
    write_text(tmp_path / "c.parquet", "no table")
    with pytest.raises(UserError, match=r"c\.parquet is not a readable Parquet"):
        read_arrays(tmp_path / "c.parquet")


def test_columns_must_match_the_schema(tmp_path):
    for name in ("psi", "data"):
        columns = expressions(4)
        del columns[name]
        with pytest.raises(ValueError, match=name):
            save(tmp_path / "a.parquet", columns)


def test_every_row_says_whether_it_is_real_or_simulated(tmp_path):
    path = save(tmp_path / "a.parquet", expressions(700))
    assert read_arrays(path, ["data"])["data"].tolist() == [SIMULATED, REAL] * 350
    for schema in (expressions_schema(NAMES), tokens_schema(4)):
        assert not schema.field("data").nullable


def test_a_table_from_before_the_column_data_is_of_real_people(tmp_path):
    path = save(tmp_path / "a.parquet", expressions(700))
    pq.write_table(pq.read_table(path).drop_columns(["data"]), tmp_path / "old.parquet")
    assert set(read_arrays(tmp_path / "old.parquet", ["frame", "data"])["data"]) == {REAL}
    parts = list(read_batches(tmp_path / "old.parquet", ["frame", "data"]))
    assert [len(part["data"]) for part in parts] == [512, 188] and set(parts[0]["data"]) == {REAL}
    assert "data" not in read_arrays(tmp_path / "old.parquet")


def test_csv_is_the_same_on_every_system(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [1 / 3], "name": ["é"]}), float_format="%.4g")
    assert (tmp_path / "a.csv").read_bytes() == "x,name\n0.3333,é\n".encode()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_flipped_bit_in_a_page_is_noticed(tmp_path) -> None:
    """Every byte of the pages is covered by a checksum; what is behind them says what the file is."""
    path = tmp_path / "a.parquet"
    rng = np.random.default_rng(0)
    with table_writer(path, tokens_schema(4)) as table:
        table.write({
            "clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(300), "time_s": np.arange(300) / 25,
            "data": REAL, "valid": True, "tokens": rng.integers(0, 256, (300, 4)), "error_mm": rng.random(300),
        })  # fmt: skip
    sound, whole = read_arrays(path), path.read_bytes()
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for at in rng.integers(4, pages, 150):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with suppress(UserError):
            found = read_arrays(path)
            assert all(np.array_equal(found[name], sound[name]) for name in sound)


def test_a_name_that_fills_the_file_system_can_be_written(tmp_path) -> None:
    write_text(tmp_path / ("x" * 250), "a")
    assert (tmp_path / ("x" * 250)).read_text() == "a" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1, 2], [3]]),
        pa.array([True, None]),
        pa.array([b"\xff", b"a"]),
        pa.array([1, 2], pa.timestamp("s")),
    ],
)
def test_a_column_of_another_kind_is_one_sentence(tmp_path, column: pa.Array) -> None:
    pq.write_table(pa.table({"face_id": column}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="not a readable Parquet table"):
        read_arrays(tmp_path / "a.parquet")


def test_words_that_are_no_text_are_one_sentence(tmp_path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], "i4")), pa.py_buffer(b"\xb3")])
    pq.write_table(pa.table({"clip_id": broken}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="not a readable Parquet table"):
        read_arrays(tmp_path / "a.parquet")


def test_damage_in_what_a_file_says_of_itself_is_noticed(tmp_path) -> None:
    """Behind the pages: whatever byte is changed there, the same table comes back or none."""
    path = tmp_path / "a.parquet"
    with table_writer(path, expressions_schema(["jawOpen", "jawLeft"], "anny")) as table:
        table.write({
            "clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(9), "time_s": np.arange(9) / 25,
            "data": REAL, "valid": True, "psi": np.ones((9, 2)), "residual_mm": 0.5,
        })  # fmt: skip
    sound, names, whole = read_arrays(path), coefficient_names(path), path.read_bytes()
    assert "check" not in read_metadata(path)
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    noticed = 0
    for at in range(pages, len(whole) - 8, 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            found, called = read_arrays(path), coefficient_names(path)
        except UserError:
            noticed += 1
            continue
        assert called == names and found.keys() == sound.keys()
        assert all(np.array_equal(found[name], sound[name]) for name in sound)
    assert noticed > 20


def test_a_columns_name_that_is_no_text_is_one_sentence(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"clip_id": ["a"]}), path)
    path.write_bytes(path.read_bytes().replace(b"clip_id", b"cli\xdf_id"))
    with pytest.raises(UserError, match="not a readable Parquet table"):
        read_arrays(path)


def test_a_damaged_table_is_one_sentence_whatever_is_asked_of_it(tmp_path) -> None:
    path = tmp_path / "torn.parquet"
    save(path, expressions(20))
    assert table_schema(path).names[-1] == "valid" and read_parquet(path).num_rows == 20
    assert b"check" not in (table_schema(path).metadata or {})
    path.write_bytes(path.read_bytes()[:-9])
    for read in (table_schema, read_parquet, measurement_kind, lambda path: space_of_frames(path.parent)):
        with pytest.raises(UserError, match=r"torn\.parquet is not a readable Parquet table"):
            read(path)


def test_no_other_room_reads_parquet_past_the_checks() -> None:
    reading = re.compile(r"\bpq\.read_|\bParquetFile\(|\bpd\.read_parquet|\bfeather\b|pa\.csv")
    files = (path for path in Path(dfe_lib.__file__).parent.rglob("*.py") if path.parent.name != "io")
    assert not [path for path in files if reading.search(path.read_text(encoding="utf-8"))]


def test_a_long_table_is_not_held_while_it_is_read(tmp_path) -> None:
    rng = np.random.default_rng(0)
    rows = {"clip_id": "a", "subject_id": "a", "face_id": 0, "data": REAL, "residual_mm": 1.0, "valid": True}
    with table_writer(tmp_path / "a.parquet", expressions_schema([f"c{i}" for i in range(200)])) as table:
        for start in range(0, 8192, 512):
            frame = np.arange(start, start + 512)
            table.write(rows | {"frame": frame, "time_s": frame / 25, "psi": rng.random((512, 200), np.float32)})
    size, before = (tmp_path / "a.parquet").stat().st_size, pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in read_batches(tmp_path / "a.parquet")]
    assert size > 5_000_000 and max(held) < 2_500_000


def test_some_rows_of_a_table_by_their_numbers_and_by_where_they_lie(tmp_path) -> None:
    frame = np.arange(2000)
    key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "data": REAL, "residual_mm": 1.0, "valid": True}
    with table_writer(tmp_path / "a.parquet", expressions_schema(["c"])) as table:
        table.write(key | {"frame": frame, "time_s": frame / 25, "psi": frame[:, None]})
    rows = np.array([0, 511, 512, 1999])
    assert read_at(tmp_path / "a.parquet", rows, ["frame", "psi"])["psi"].ravel().tolist() == rows.tolist()
    assert len(read_at(tmp_path / "a.parquet", rows[:0], ["frame"])["frame"]) == 0
    for start, stop in ((0, None), (0, 5), (500, 1600), (1999, 2000), (512, 1024), (700, 700)):
        parts = [batch["frame"] for batch in read_batches(tmp_path / "a.parquet", ["frame"], start=start, stop=stop)]
        assert np.concatenate([frame[:0], *parts]).tolist() == frame[start:stop].tolist()


def test_row_groups_of_a_long_table_are_larger_whatever_its_batches(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tables, "LONG_TABLE", 1024)
    key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "data": REAL, "residual_mm": 1.0, "valid": True}
    for step in (100, 9000):
        with table_writer(tmp_path / f"{step}.parquet", expressions_schema(["c"])) as table:
            for start in range(0, 18000, step):
                frame = np.arange(start, min(18000, start + step))
                table.write(key | {"frame": frame, "time_s": frame / 25, "psi": frame[:, None]})
    assert (tmp_path / "100.parquet").read_bytes() == (tmp_path / "9000.parquet").read_bytes()
    metadata = pq.ParquetFile(tmp_path / "100.parquet").metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [512, 512, 8192, 8192, 592]
