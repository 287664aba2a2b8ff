"""The engine's side of the collector: a segment goes in whole, and going in twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.server.collector.journal import Flush, Part, Segment
from appanalytics.server.problems import Problem, from_engine
from appanalytics.sqltext import identifier, literal
from appanalytics.warehouse.days import mark_changed

#: One block for each table: one part a month, under one token.
_ONE_BLOCK = (
    "max_insert_threads = 1, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0, "
    "max_insert_block_size = 1000000000, max_partitions_per_insert_block = 0, input_format_null_as_default = 1"
)
_QUARTER = 900


class Store:
    """Inserts segments through a connection of its own. Not for two threads at once."""

    def __init__(self, raw: Any, engine: Engine, zone: ZoneInfo) -> None:
        self._raw = raw
        self.engine = engine
        self.zone = zone

    def insert(self, segment: Segment) -> None:
        """Insert all rows of a segment; raises `Problem`, after which it is to be inserted again."""
        for part in joined(segment.flushes):
            self.insert_part(part, segment.token)

    def insert_part(self, part: Part, token: str) -> None:
        """Insert rows of one table; what was inserted under this token is not inserted again. Raises `Problem`."""
        columns = ", ".join(identifier(name) for name in part.columns)
        sql = (
            f"INSERT INTO {identifier(self.engine.database)}.{identifier(part.table)} ({columns}) "
            f"SETTINGS {_ONE_BLOCK}, insert_deduplication_token = {literal(f'{token}/{part.table}')}"
        )
        try:
            handle = self._raw.send_insert(sql, "ArrowStream")
            if handle.has_error():
                raise from_engine(RuntimeError(handle.error_message()))
            self._raw.insert_append(handle, part.data)
            self._raw.insert_done(handle)
        except RuntimeError as error:
            raise from_engine(error) from None

    def mark(self, days: Iterable[date]) -> None:
        """Tell the day log that events of these days changed."""
        mark_changed(self.engine, days)

    def known_batches(self, most: int) -> list[tuple[str, int, int]]:
        """The newest batches: name, accepted, rejected; oldest first."""
        rows = self.engine.query(
            "SELECT batch, accepted, rejected FROM collector_batches ORDER BY received DESC LIMIT {most:UInt32}",
            {"most": most},
        )
        columns = [rows.column(name).to_pylist() for name in ("batch", "accepted", "rejected")]
        return list(reversed(list(zip(*columns, strict=True))))

    def days_of(self, tables: Sequence[pa.Table], time: str) -> set[date]:
        """Days of the reporting zone that events fall on."""
        days = set()
        for table in tables:
            moments = table.column(time).cast(pa.int64()).to_numpy()
            for quarter in np.unique(moments // (_QUARTER * 1000)).tolist():
                days.add(datetime.fromtimestamp(quarter * _QUARTER, self.zone).date())
        return days


def part_of(table: str, tables: Sequence[pa.Table]) -> Part:
    """Rows of one table as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, tables[0].schema) as writer:
        for each in tables:
            writer.write_table(each)
    return Part(table, tuple(tables[0].schema.names), sink.getvalue().to_pybytes())


def joined(flushes: Iterable[Flush]) -> Iterator[Part]:
    """Rows of several flushes by table."""
    tables: dict[tuple[str, tuple[str, ...]], list[Part]] = {}
    for flush in flushes:
        for part in flush.parts:
            tables.setdefault((part.table, part.columns), []).append(part)
    for (table, _), parts in tables.items():
        if len(parts) == 1:
            yield parts[0]
        else:
            yield part_of(table, [pa.ipc.open_stream(part.data).read_all() for part in parts])


def batches_part(names: Sequence[str], accepted: Sequence[int], rejected: Sequence[int], at: datetime) -> Part:
    """The ledger's rows of a flush."""
    columns = {
        "batch": pa.array(names, pa.string()),
        "accepted": pa.array(accepted, pa.uint32()),
        "rejected": pa.array(rejected, pa.uint32()),
        "received": pa.array([at] * len(names), pa.timestamp("ms", "UTC")),
    }
    return part_of("collector_batches", [pa.table(columns)])


__all__ = ["Problem", "Store", "batches_part", "joined", "part_of"]
