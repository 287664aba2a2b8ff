"""Parquet: typed columns, read a few row groups' pages at a time."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from appanalytics.errors import FileError, MappingError
from appanalytics.warehouse.load.chunk import Cell, CellKind, Chunk, Numbers, Staging
from appanalytics.warehouse.load.content import seekable
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.pieces import SHOWN

_BATCH = 65_536


class ParquetFile:
    """A Parquet file, gzipped or not. A row's line is its number, counted from 1."""

    open_ended = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        with seekable(path) as place, _opened(place, path) as file:
            self._schema = file.schema_arrow
        self.names: tuple[str, ...] = tuple(self._schema.names)

    def staging(self, used: tuple[str, ...], compact: Collection[str], parameters: Parameters) -> Staging:
        """See `Reader.staging`."""
        del parameters
        columns, cells = [], {}
        for name in used:
            staged = f"c{self.names.index(name)}"
            kind, stored = _stored(self._schema.field(name), name in compact, self.path)
            columns.append((staged, stored))
            cells[name] = Cell(staged, kind)
        return Staging(tuple(columns), "SELECT * FROM {stage}", cells)

    def chunks(self, staging: Staging, size: int) -> Generator[Chunk]:
        """See `Reader.chunks`; ``size`` is in rows."""
        texts = [self._column(name) for name, kind in staging.columns if kind.startswith("Low")]
        with seekable(self.path) as place, _opened(place, self.path, texts) as file:
            total = max(file.metadata.num_rows, 1)
            columns = [self._column(name) for name, _ in staging.columns]
            try:
                for number, table in enumerate(_tables(file, columns, size)):
                    first = number * size
                    position = self.size * (first + table.num_rows) // total
                    yield _chunk(number, table, first, staging, self.names, position)
            except (pa.ArrowException, OSError) as error:
                raise _unsound(self.path, error) from None

    def _column(self, staged: str) -> str:
        return self.names[int(staged[1:])]


def _opened(place: Path, path: Path, texts: Sequence[str] = ()) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(place, pre_buffer=False, buffer_size=1 << 20, read_dictionary=list(texts))
    except (pa.ArrowException, OSError) as error:
        raise _unsound(path, error) from None


def _unsound(path: Path, error: Exception) -> FileError:
    return FileError(f"{path} is not a sound Parquet file: {str(error).splitlines()[0]}")


def _tables(file: pq.ParquetFile, columns: list[str], size: int) -> Iterator[pa.Table]:
    # Batches of the library may be cut anywhere; a chunk has exactly `size` rows whatever its version does.
    held: list[pa.Table] = []
    rows = 0
    for batch in file.iter_batches(batch_size=min(_BATCH, size), columns=columns):
        held.append(pa.Table.from_batches([batch]))
        rows += batch.num_rows
        while rows >= size:
            joined = pa.concat_tables(held)
            yield joined.slice(0, size)
            held, rows = [joined.slice(size)], rows - size
    if rows:
        yield pa.concat_tables(held)


def _chunk(
    number: int, table: pa.Table, first: int, staging: Staging, names: tuple[str, ...], position: int
) -> Chunk:
    staged = {name: _staged(table.column(names[int(name[1:])]), kind) for name, kind in staging.columns}
    return Chunk(
        number=number,
        rows=table.num_rows,
        cells=pa.table({**staged, "row": pa.array(np.arange(table.num_rows, dtype=np.uint32))}),
        lines=np.arange(first + 1, first + table.num_rows + 1),
        broken=np.empty(0, np.int64),
        broken_reasons=(),
        raw=lambda rows: _show(table, rows),
        position=position,
    )


def _stored(field: pa.Field, compact: bool, path: Path) -> tuple[CellKind, str]:
    """What a column's cells are, and the type in which they are staged."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return CellKind.TEXT, "LowCardinality(String)" if compact else "String"
    if pa.types.is_boolean(kind):
        return CellKind.INTEGER, "Nullable(UInt8)"
    if pa.types.is_integer(kind):
        return CellKind.INTEGER, f"Nullable({'U' if pa.types.is_unsigned_integer(kind) else ''}Int{kind.bit_width})"
    if pa.types.is_floating(kind):
        return CellKind.FLOAT, "Nullable(Float64)"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        return CellKind.TIME if zoned else CellKind.NAIVE_TIME, "Nullable(DateTime64(3, 'UTC'))"
    if pa.types.is_decimal(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return CellKind.TEXT, "String"
    raise MappingError(f"{path}: column {field.name!r} is {field.type}, which a mapping cannot use")


def _staged(column: pa.ChunkedArray, stored: str) -> pa.ChunkedArray:
    is_dictionary = pa.types.is_dictionary(column.type)
    if stored.startswith("Low"):
        texts = pa.dictionary(pa.int32(), pa.string())
        return pc.fill_null(column.cast(texts if is_dictionary else pa.string()), "").cast(texts)
    plain = column.cast(column.type.value_type) if is_dictionary else column
    if stored == "String":
        text = plain.cast(pa.string()) if pa.types.is_decimal(plain.type) else plain.cast(pa.large_binary())
        return pc.fill_null(text, pa.scalar("" if text.type == pa.string() else b"", text.type))
    if "DateTime64" in stored:
        return plain.cast(pa.timestamp("ms", "UTC") if _zoned(plain) else pa.timestamp("ms"), safe=False)
    if pa.types.is_boolean(plain.type):
        return plain.cast(pa.uint8())
    return plain.cast(pa.float64()) if pa.types.is_floating(plain.type) else plain


def _zoned(column: pa.ChunkedArray) -> bool:
    return pa.types.is_timestamp(column.type) and column.type.tz is not None


def _show(table: pa.Table, rows: Numbers) -> list[str]:
    picked = table.take(pa.array(rows)).to_pylist()
    return [json.dumps(row, ensure_ascii=False, default=str)[:SHOWN] for row in picked]
