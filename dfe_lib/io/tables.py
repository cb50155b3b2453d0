"""Frames, expressions and tokens as Parquet: one file a clip, written row group by row group, then renamed.

A missing value is a null in the file and NaN (-1 for integers) in the arrays. Expressions and tokens say in their
column `data` whether a row is of a recorded person or of a simulated one.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from ..blendshapes import BLENDSHAPES
from ..errors import UserError
from .names import file_name
from .outputs import writing

__all__ = [
    "FRAMES",
    "N_FEATURES",
    "N_LANDMARKS",
    "PARTS_OF_A_TOKEN",
    "REAL",
    "SIMULATED",
    "TableWriter",
    "atomic_path",
    "coefficient_names",
    "count_rows",
    "expressions_schema",
    "frames_schema",
    "main_face",
    "named_coefficients",
    "read_arrays",
    "read_at",
    "read_batches",
    "read_dataframe",
    "read_metadata",
    "read_parquet",
    "remove_others",
    "table_schema",
    "table_writer",
    "token_name",
    "tokens_schema",
    "write_csv",
    "write_text",
]

N_LANDMARKS = 478
N_FEATURES = 448
"""Of the landmark network's features, see `tracking.feature_axes`."""
REAL, SIMULATED = "real", "simulated"
"""What the column `data` says of a row."""
PARTS_OF_A_TOKEN = {"displays": "display", "levels": "level"}
"""Lists beside the tokens, and what one of each is called: the display that a token shows, at which level."""
CHECK = "check"
"""Under which a file keeps the sum of its names, types and number of rows."""
ROW_GROUP = 512
"""Rows of one row group: fixed, so that the file's bytes do not depend on how its rows were handed over."""
LONG_TABLE = 64 * ROW_GROUP
"""Rows from which a table's row groups are larger: each costs every reader, and the writer, 0.8 kB a column."""
LARGEST_GROUP, GROUP_BYTES = 16 * ROW_GROUP, 2**24
"""Rows, and bytes before compression, of these at most."""

_KEY = [
    pa.field("clip_id", pa.string(), nullable=False),
    pa.field("subject_id", pa.string(), nullable=False),
    pa.field("face_id", pa.int16(), nullable=False),
    pa.field("frame", pa.int32(), nullable=False),
    pa.field("time_s", pa.float64(), nullable=False),
]

_LABELLED = [*_KEY, pa.field("data", pa.string(), nullable=False)]

FRAMES = pa.schema(
    [
        *_KEY,
        pa.field("detected", pa.bool_(), nullable=False),
        pa.field("confidence", pa.float32()),
        pa.field("landmarks", pa.list_(pa.float32(), 3 * N_LANDMARKS)),
        pa.field("blendshapes", pa.list_(pa.float32(), len(BLENDSHAPES))),
        pa.field("features", pa.list_(pa.float16(), N_FEATURES)),
        pa.field("rotation", pa.list_(pa.float32(), 9)),
        pa.field("translation_mm", pa.list_(pa.float32(), 3)),
        pa.field("interocular_px", pa.float32()),
        pa.field("out_of_frame", pa.float32()),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
    ],
    metadata={"kind": "frames", "blendshapes": json.dumps(BLENDSHAPES)},
)
"""One row a frame and face; pixels of the upright picture, x right, y down; `face_id` is -1 without a face."""


def frames_schema(front_end: str, lists: Mapping[str, int | Sequence[str]]) -> pa.Schema:
    """Schema of a frames table that another front end's files were read into.

    It has the key and the single numbers of `FRAMES`, and of its list columns and others those that the files hold.

    Arguments:
        front_end: What measured the face, such as `"OpenFace 2"`; kept in the file's metadata.
        lists: List columns, each with its length or the names of its values (kept in the file's metadata). Used are
            `landmarks` (68 x 2 or 478 x 3, pixels); `landmarks_mm` (68 x 3) and `gaze`, in the axes of OpenFace's files
            (x right, y down, z away from the camera); `rotation` and `translation_mm`, in camera axes (x right, y up, z
            to the camera); `au_intensity` (0 to 5), `au_occurrence` (0 to 1), and `psi`.

    >>> frames_schema("a detector", {"au_intensity": ["AU01", "AU12"]}).field("au_intensity").type.list_size
    2
    """
    sizes = {name: value if isinstance(value, int) else len(value) for name, value in lists.items()}
    named = {name: json.dumps(list(value)) for name, value in lists.items() if not isinstance(value, int)}
    fields = [field for field in FRAMES if not pa.types.is_fixed_size_list(field.type)]
    columns = [pa.field(name, pa.list_(pa.float32(), size)) for name, size in sizes.items()]
    return pa.schema([*fields, *columns], metadata={"kind": "frames", "front_end": front_end} | named)


def expressions_schema(names: Sequence[str], front_end: str = "") -> pa.Schema:
    """Schema of an expressions table whose psi has the coefficients `names`.

    Arguments:
        names: The E coefficients of psi, in order; kept in the file's metadata.
        front_end: What psi was read from, such as `"anny"`; kept in the file's metadata.

    >>> expressions_schema(["jawOpen", "jawLeft"]).field("psi").type.list_size
    2
    """
    return pa.schema(
        [
            *_LABELLED,
            pa.field("psi", pa.list_(pa.float32(), len(names))),
            pa.field("residual_mm", pa.float32()),
            pa.field("valid", pa.bool_(), nullable=False),
        ],
        metadata={"kind": "expressions", "coefficients": json.dumps(list(names)), "front_end": front_end},
    )


def tokens_schema(n_stages: int, displays: bool = False) -> pa.Schema:
    """Schema of a tokens table with `n_stages` tokens a frame.

    Arguments:
        displays: Are there lists of the display that each token shows, and of its level of strength, too?

    >>> tokens_schema(4).field("tokens").type.list_size
    4
    """
    lists = ["tokens", *(PARTS_OF_A_TOKEN if displays else ())]
    return pa.schema(
        [
            *_LABELLED,
            pa.field("valid", pa.bool_(), nullable=False),
            *(pa.field(name, pa.list_(pa.int16(), n_stages)) for name in lists),
            pa.field("error_mm", pa.float32()),
        ],
        metadata={"kind": "tokens"},
    )


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary name beside `path`, which becomes `path` on success and is removed on an error.

    Raises OutputError where the disk is full, or the folder has gone or is read-only.
    """
    path = Path(path)
    name = path.name if len(os.fsencode(path.name)) < 200 else hashlib.sha256(os.fsencode(path.name)).hexdigest()
    partial = path.with_name(f".{name}.{os.getpid()}-{token_hex(4)}.part")  # machines that share a disk share numbers
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes UTF-8 text, all of it or nothing."""
    with atomic_path(path) as partial:
        partial.write_bytes(text.encode())


def write_csv(path: str | os.PathLike, table: pd.DataFrame, float_format: str | None = None) -> None:
    """Writes a CSV file without the index, lines ending in LF on every system, all of it or nothing."""
    write_text(path, table.to_csv(index=False, lineterminator="\n", float_format=float_format))


class TableWriter:
    """Rows to a Parquet file in fixed row groups; made by :func:`table_writer`."""

    def __init__(self, writer: pq.ParquetWriter):
        self._writer = writer
        self._pending: list[pa.RecordBatch] = []
        self._long_group = _long_group(writer.schema)
        self._flushed = self.rows = 0

    def write(self, columns: Mapping[str, object]) -> None:
        """Appends rows.

        Arguments:
            columns: One entry for each column of the schema: an array of n rows (n, k for a list column), or one
                scalar for all rows. Where the table's `detected` or `valid` is False, list columns become null;
                so does every NaN in a nullable column of single numbers.
        """
        batch = _record_batch(columns, self._writer.schema)
        self._pending.append(batch)
        self.rows += len(batch)
        while self.rows - self._flushed >= self._group:
            self._flush(self._group)

    def close(self) -> None:
        if self._pending:
            self._flush(self._group)

    @property
    def _group(self) -> int:
        """Rows of the next row group."""
        return ROW_GROUP if self._flushed < LONG_TABLE else self._long_group

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._pending).combine_chunks()
        self._writer.write_table(table.slice(0, rows), row_group_size=rows)
        self._pending = [batch for batch in table.slice(rows).to_batches() if len(batch)]
        self._flushed += rows


def _long_group(schema: pa.Schema) -> int:
    """Rows of the row groups of a long table: a power of two times ROW_GROUP."""
    lists = (field.type for field in schema if pa.types.is_fixed_size_list(field.type))
    row_bytes = 8 * len(schema) + sum(kind.list_size * kind.value_type.bit_width // 8 for kind in lists)
    rows = ROW_GROUP
    while 2 * rows <= min(LARGEST_GROUP, GROUP_BYTES // row_bytes):
        rows *= 2
    return rows


@contextmanager
def table_writer(path: str | os.PathLike, schema: pa.Schema) -> Iterator[TableWriter]:
    """A :class:`TableWriter` whose file appears at `path` when the block ends, and not at all when it raises.

    The same rows give the same bytes, in whatever batches they come.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tokens.parquet"
    >>> key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(2), "time_s": np.arange(2) / 25}
    >>> with table_writer(path, tokens_schema(2)) as table:
    ...     rows = {"data": REAL, "valid": [True, False], "tokens": [[3, 1], [0, 0]], "error_mm": [0.5, np.nan]}
    ...     table.write(key | rows)
    >>> read_arrays(path)["tokens"].tolist()
    [[3, 1], [-1, -1]]
    """
    strings = [field.name for field in schema if pa.types.is_string(field.type)]
    with (
        atomic_path(path) as partial,
        pq.ParquetWriter(
            partial, schema, compression="zstd", use_dictionary=strings, write_page_checksum=True
        ) as parquet,
    ):
        writer = TableWriter(parquet)
        yield writer
        writer.close()
        parquet.add_key_value_metadata({CHECK: _check(schema, writer.rows)})


def _check(schema: pa.Schema, rows: int) -> str:
    """Of what a file says of itself, which no page's checksum covers."""
    known = sorted((key, value) for key, value in (schema.metadata or {}).items() if key != CHECK.encode())
    # Parquet calls a list's values otherwise than Arrow does
    fields = [(field.name, str(field.type).replace("<element:", "<item:"), field.nullable) for field in schema]
    return hashlib.sha256(repr((known, fields, rows)).encode()).hexdigest()


def read_batches(
    path: str | os.PathLike,
    columns: Sequence[str] | None = None,
    rows: int = ROW_GROUP,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """The table's rows, at most `rows` at a time, as arrays by column name; list columns have shape (n, k).

    A table from before there was a column `data` is of recorded people: asked for, the column says so.

    Arguments:
        start, stop: The rows that are wanted, without `stop` (None: to the last); no others are read but those of
            their row groups.

    Raises:
        UserError: The file is missing, is no Parquet file or lacks one of `columns`.
    """
    with _open(path, columns) as parquet:
        groups, skip = _row_groups(parquet, start, stop)
        left = None if stop is None else max(0, stop - start)
        for batch in parquet.iter_batches(rows, groups, _stored(parquet, columns)) if groups else ():
            part = batch.slice(skip, left)
            skip = max(0, skip - len(batch))
            left = None if left is None else left - len(part)
            if len(part):
                yield _labelled({name: _to_numpy(part[name]) for name in part.schema.names}, columns, len(part))


def read_at(path: str | os.PathLike, rows: Int[np.ndarray, " k"], columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Some rows of a table, by their numbers, which do not fall; only the row groups that hold them are read."""
    with _open(path, columns) as parquet:
        ends = np.cumsum([0, *(parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups))])
        group = np.searchsorted(ends, rows, side="right") - 1
        parts = [
            parquet.read_row_group(int(each), _stored(parquet, columns)).take(rows[group == each] - ends[each])
            for each in np.unique(group)
        ]
        table = pa.concat_tables(parts) if parts else parquet.schema_arrow.empty_table().select(list(columns))
        return _labelled({name: _to_numpy(table[name]) for name in table.schema.names}, columns, len(table))


def read_arrays(path: str | os.PathLike, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """A whole table that fits in memory, as :func:`read_batches` gives it."""
    with _open(path, columns) as parquet:
        table = parquet.read(_stored(parquet, columns)).combine_chunks()
        return _labelled({name: _to_numpy(table[name]) for name in table.schema.names}, columns, len(table))


def read_dataframe(path: str | os.PathLike, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A whole table that fits in memory, as pandas.

    Arguments:
        path: A frames, expressions or tokens table.
        columns: Columns to read (default: all but the list columns). A list column asked for by name becomes k
            columns, `psi.jawOpen` where the table names its coefficients, and `token_1` for the first of the tokens.
    """
    with _open(path, columns) as parquet:
        schema = parquet.schema_arrow
    if columns is None:
        columns = [field.name for field in schema if not pa.types.is_fixed_size_list(field.type)]
    labels = {name: _json(schema, name) for name in columns} | {"psi": _coefficients(schema)}
    series: dict[str, np.ndarray] = {}
    for name, values in read_arrays(path, columns).items():
        if values.ndim == 1:
            series[name] = values
        else:
            keys = labels.get(name) or range(values.shape[1])
            series |= {_wide_name(name, str(key)): values[:, i] for i, key in enumerate(keys)}
    return pd.DataFrame(series)


def token_name(place: int, column: str = "tokens") -> str:
    """What the token at a place of a frame's list is called wherever it has a column or a tier of its own.

    Arguments:
        column: the list, `"tokens"`, `"displays"` or `"levels"`.

    >>> token_name(0), token_name(1, "levels")
    ('token_1', 'level_2')
    """
    return f"{PARTS_OF_A_TOKEN.get(column, 'token')}_{place + 1}"


def read_metadata(path: str | os.PathLike) -> dict[str, str]:
    """What the file says of itself: its kind, the coefficients of psi (JSON), the front end."""
    with _open(path, None) as parquet:
        metadata = parquet.schema_arrow.metadata or {}
    return {
        _utf8(key): _utf8(value) for key, value in metadata.items() if not key.startswith((b"ARROW:", CHECK.encode()))
    }


def table_schema(path: str | os.PathLike) -> pa.Schema:
    """Names and types of a table's columns, and what it says of itself, without what it is checked by.

    Raises:
        UserError: The file is missing or damaged.
    """
    with _open(path, None) as parquet:
        schema = parquet.schema_arrow
    return schema.with_metadata({key: value for key, value in (schema.metadata or {}).items() if key != CHECK.encode()})


def read_parquet(path: str | os.PathLike) -> pa.Table:
    """Any Parquet file of the project, whole, whose columns may be of other kinds than those of its tables of frames.

    Raises:
        UserError: The file is missing or damaged.
    """
    with _open(path, None) as parquet:
        return parquet.read()


def count_rows(path: str | os.PathLike) -> int:
    """Number of rows of a table, read from what the file says of itself.

    Raises:
        UserError: The file is missing or damaged.
    """
    with _open(path, None) as parquet:
        return parquet.metadata.num_rows


def coefficient_names(path: str | os.PathLike) -> tuple[str, ...]:
    """Names of the coefficients of psi in an expressions table.

    Raises:
        UserError: The file does not name them, so it is no expressions table.
    """
    with _open(path, ["psi"]) as parquet:
        names = _coefficients(parquet.schema_arrow)
    if not names:
        raise UserError(f"{path} does not name the coefficients of psi: write it with expressions_schema(names).")
    return tuple(names)


def named_coefficients(schema: pa.Schema) -> tuple[str, ...]:
    """Names of the coefficients of psi that a table of this schema has."""
    return tuple(_coefficients(schema))


def main_face(path: str | os.PathLike) -> int:
    """The face that most rows of a frames, expressions or tokens table show, the first of equals; -1 without a face."""
    with _open(path, None) as parquet:
        shown = "detected" if "detected" in parquet.schema_arrow.names else "valid"
    rows = read_arrays(path, ["face_id", shown])
    faces, counts = np.unique(rows["face_id"][rows[shown]], return_counts=True)
    return int(faces[counts.argmax()]) if len(faces) else -1


def remove_others(folder: Path, clip_ids: Iterable[str]) -> None:
    """Removes a folder's tables of other clips, which an earlier run left: the next stage reads all that it finds."""
    kept = {file_name(clip_id) for clip_id in clip_ids}
    for path in folder.glob("*.parquet"):
        if path.stem not in kept:
            path.unlink()


@contextmanager
def _open(path: str | os.PathLike, columns: Sequence[str] | None) -> Iterator[pq.ParquetFile]:
    try:
        # without pre_buffer: it holds all of a table's bytes by the time that its last rows are read
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as parquet:
            _check_names(parquet, path, columns)
            yield parquet
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the stage that writes it.") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # a page or a name that is not what was written
        raise _damaged(path, error) from None


def _row_groups(parquet: pq.ParquetFile, start: int, stop: int | None) -> tuple[list[int], int]:
    """Those that hold rows from `start` to `stop`, and how many rows of them come before."""
    found: list[int] = []
    first = skip = 0
    for number in range(parquet.num_row_groups):
        last = first + parquet.metadata.row_group(number).num_rows
        if last > start and (stop is None or first < stop):
            skip = skip if found else start - first
            found.append(number)
        first = last
    return found, max(0, skip)


def _check_names(parquet: pq.ParquetFile, path: str | os.PathLike, columns: Sequence[str] | None) -> None:
    schema, metadata = parquet.schema_arrow, parquet.metadata  # each is made anew when it is asked for
    check = (metadata.metadata or {}).get(CHECK.encode())
    if check not in (None, _check(schema, metadata.num_rows).encode()):
        raise _damaged(path, ValueError("its names, types or number of rows are not those that were written"))
    known = {*schema.names, "data"}
    missing = [name for name in columns or [] if name not in known]
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)}: make it again with this version.")


def _damaged(path: str | os.PathLike, error: Exception) -> UserError:
    return UserError(f"{path} is not a readable Parquet table ({' '.join(str(error).split())[:300]}): make it again.")


def _wide_name(column: str, key: str) -> str:
    return token_name(int(key), column) if column in ("tokens", *PARTS_OF_A_TOKEN) else f"{column}.{key}"


def _stored(parquet: pq.ParquetFile, columns: Sequence[str] | None) -> list[str] | None:
    if columns is None:
        return None
    there = set(parquet.schema_arrow.names)
    return [name for name in columns if name in there]


def _labelled(rows: dict[str, np.ndarray], columns: Sequence[str] | None, count: int) -> dict[str, np.ndarray]:
    if columns is None or "data" not in columns or "data" in rows:
        return rows
    return rows | {"data": np.full(count, REAL, object)}


def _json(schema: pa.Schema, key: str) -> list[str]:
    try:
        names = json.loads((schema.metadata or {}).get(key.encode(), b"[]"))
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"A table's names of {key} are damaged: make it again.")
    return names


def _utf8(text: bytes) -> str:
    return text.decode(errors="replace")


def _coefficients(schema: pa.Schema) -> list[str]:
    """An expressions table names them by what they are, a frames table like those of any of its lists."""
    return _json(schema, "coefficients") or _json(schema, "psi")


def _record_batch(columns: Mapping[str, object], schema: pa.Schema) -> pa.RecordBatch:
    if set(columns) != set(schema.names):
        raise ValueError(f"columns {sorted(set(columns) ^ set(schema.names))} do not match the schema")
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    rows = next(len(array) for array in arrays.values() if array.ndim)
    valid = next(arrays[name] for name in ("detected", "valid") if name in arrays)
    valid = np.broadcast_to(valid, (rows,))
    return pa.RecordBatch.from_arrays(
        [_to_arrow(arrays[field.name], field, rows, valid) for field in schema], schema=schema
    )


def _to_arrow(values: np.ndarray, field: pa.Field, rows: int, valid: np.ndarray) -> pa.Array:
    if pa.types.is_fixed_size_list(field.type):
        element = field.type.value_type.to_pandas_dtype()
        flat = values.astype(element).reshape(rows, field.type.list_size).ravel()
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=field.type, mask=pa.array(~valid))
    if values.ndim == 0:
        values = np.full(rows, values.item())
    return pa.array(values, type=field.type, from_pandas=field.nullable)


def _to_numpy(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_fixed_size_list(array.type):
        values = _to_numpy(array.flatten()).reshape(-1, array.type.list_size)
        if not array.null_count:
            return values.copy()
        missing = -1 if np.issubdtype(values.dtype, np.integer) else np.nan
        rows = np.full((len(array), array.type.list_size), missing, dtype=values.dtype)
        rows[array.is_valid().to_numpy(zero_copy_only=False)] = values
        return rows
    values = array.to_numpy(zero_copy_only=False)
    if values.dtype.kind not in "biuf" and not (pa.types.is_string(array.type) or pa.types.is_null(array.type)):
        raise pa.ArrowInvalid(f"it holds a column of {array.type} where numbers, truths or words belong")
    return values
