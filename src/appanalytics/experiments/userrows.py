"""Rows of a CSV or Parquet of users, batch by batch, checked and ready for the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from appanalytics.errors import ExperimentError, FileError, nearest

_BATCH_ROWS = 1_000_000
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of the file mean what. ``user`` None: every row is a user of its own."""

    variant: str
    numerator: str
    denominator: str | None = None
    user: str | None = None
    by: tuple[str, ...] = ()


class UserRows:
    """The rows of the wanted variants as tables with the columns of observations.

    ``variants`` maps values of the variant column to names; rows of other values are left out. ``rows`` counts what
    was read so far. Raises `FileError` for a file that cannot be read, `ExperimentError` for a column that is not
    there or a value that is no number.
    """

    def __init__(self, path: Path, columns: Columns, variants: dict[str, str]) -> None:
        self.path, self.columns, self.variants = path, columns, variants
        self.rows = 0
        wanted = [columns.variant, columns.numerator, columns.denominator, columns.user, *columns.by]
        self._names = list(dict.fromkeys(name for name in wanted if name))
        if not path.is_file():
            raise FileError(f"there is no file {path}")
        with self._readable():
            self._schema = self._read_schema()
        for name in self._names:
            if name not in self._schema.names:
                raise ExperimentError(f"{path.name} has no column {name!r}", hint=nearest(name, self._schema.names))

    @property
    def user_type(self) -> str:
        """The engine's type of a user: a whole number, or text."""
        user = self.columns.user
        kind = self._schema.field(user).type if user else pa.uint64()
        return (
            "String" if not pa.types.is_integer(kind) else "UInt64" if pa.types.is_unsigned_integer(kind) else "Int64"
        )

    def __iter__(self) -> Iterator[pa.Table]:
        with self._readable():
            for batch in self._batches():
                checked = self._checked(pa.Table.from_batches([batch]))
                self.rows += batch.num_rows
                yield checked

    @property
    def _is_parquet(self) -> bool:
        return self.path.suffix.lower() in (".parquet", ".pq")

    def _read_schema(self) -> pa.Schema:
        if self._is_parquet:
            return parquet.ParquetFile(self.path).schema_arrow
        with self._open_csv() as stream:
            return stream.schema

    def _open_csv(self) -> csv.CSVStreamingReader:
        texts = {self.columns.variant: pa.string()} | {name: pa.string() for name in self.columns.by}
        return csv.open_csv(
            self.path, convert_options=csv.ConvertOptions(column_types=texts),
            read_options=csv.ReadOptions(block_size=_BLOCK_BYTES),
        )  # fmt: skip

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._is_parquet:
            yield from parquet.ParquetFile(self.path).iter_batches(batch_size=_BATCH_ROWS, columns=self._names)
            return
        with self._open_csv() as stream:
            for batch in stream:
                yield batch.select(self._names)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowInvalid, OSError) as error:
            raise FileError(f"cannot read {self.path}: {' '.join(str(error).split())[:200]}") from None

    def _checked(self, table: pa.Table) -> pa.Table:
        variant = table.column(self.columns.variant).cast(pa.string())
        values = pa.array(list(self.variants), pa.string())
        some = pc.is_in(variant, value_set=values)
        names = pa.array(list(self.variants.values()), pa.string())
        kept = table.filter(some)
        below = self.columns.denominator
        found = {
            "user_id": self._users(table, kept, some),
            "variant": names.take(pc.index_in(variant.filter(some), value_set=values)),
            "m_above": self._numbers(kept, self.columns.numerator),
            "m_below": self._numbers(kept, below, least=0) if below else pa.array(np.ones(len(kept))),
        }
        for name in self.columns.by:
            found[f"seg_{name}"] = pc.fill_null(kept.column(name).cast(pa.string()), "unknown")
        return pa.table(found)

    def _users(self, table: pa.Table, kept: pa.Table, some: pa.ChunkedArray) -> pa.ChunkedArray:
        """The user's id; without a column of users every row is a user of its own."""
        if self.columns.user is None:
            numbers = np.arange(self.rows, self.rows + table.num_rows, dtype=np.uint64)
            return pa.chunked_array([pa.array(numbers)]).filter(some)
        column = kept.column(self.columns.user)
        if column.null_count:
            raise ExperimentError(f"{self.path.name}: {column.null_count:,} rows have no {self.columns.user!r}")
        kind = {"String": pa.string(), "UInt64": pa.uint64(), "Int64": pa.int64()}[self.user_type]
        return column.cast(kind)

    def _numbers(self, table: pa.Table, name: str, least: float | None = None) -> pa.ChunkedArray:
        column = table.column(name)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        try:
            numbers = column.cast(pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise ExperimentError(f"{self.path.name}: column {name!r} has values that are no numbers") from None
        broken = pc.or_kleene(pc.is_null(numbers, nan_is_null=True), pc.is_inf(numbers))
        if count := pc.sum(broken).as_py():
            raise ExperimentError(
                f"{self.path.name}: {count:,} values of {name!r} are missing, NaN or infinite",
                hint="leave these users out, or give them a value",
            )
        if least is not None and len(numbers) and pc.min(numbers).as_py() < least:
            raise ExperimentError(f"{self.path.name}: {name!r} is negative", hint="a denominator counts something")
        return numbers
