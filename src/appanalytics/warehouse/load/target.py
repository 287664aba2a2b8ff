"""The table that a file is loaded into, and what its columns may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appanalytics.engine import Engine
from appanalytics.errors import MappingError, WarehouseMissing, nearest
from appanalytics.warehouse.migrate import event_views

TABLES: Mapping[str, str] = {"feed": "feed_actions", "messages": "message_actions"}

_WRAPPED = re.compile(r"(?:LowCardinality|Nullable)\((.*)\)")
_INTEGER = re.compile(r"(U?)Int(8|16|32|64)")


class Kind(StrEnum):
    """What a column holds, as far as loading cares."""

    TIME = "time"
    ID = "id"
    INTEGER = "integer"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class TargetTable:
    """An event table. ``defaults`` are the engine's expressions; a column without one must come from the file.

    ``ranges`` narrow an integer column, ``allowed`` a text column. ``time`` is the name of the event's time.
    """

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, str]
    defaults: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=lambda: {"age": (0, 120)})
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"action": ("view", "like")})
    time: str = "time"

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that every event has."""
        return tuple(name for name in self.columns if self.fallback(name) is None)

    def fallback(self, column: str) -> str | None:
        """SQL of what a missing value is; None for a required column."""
        return self.defaults.get(column) or ("NULL" if "Nullable(" in self.types[column] else None)

    def kind(self, column: str) -> Kind:
        """What the column holds; a type that loading cannot fill is a `MappingError`."""
        inner = plain_type(self.types[column])
        if inner.startswith("DateTime"):
            return Kind.TIME
        if inner == "UInt64":
            return Kind.ID
        if _INTEGER.fullmatch(inner):
            return Kind.INTEGER
        if inner == "String":
            return Kind.TEXT
        raise MappingError(f"column {column} of {self.name} is {inner}, which a file cannot fill")

    def range_of(self, column: str) -> tuple[int, int]:
        """Smallest and largest value of an integer column."""
        return self.ranges.get(column) or type_range(plain_type(self.types[column]))


def plain_type(name: str) -> str:
    """The type without LowCardinality and Nullable."""
    while match := _WRAPPED.fullmatch(name):
        name = match[1]
    return name


def type_range(name: str) -> tuple[int, int]:
    """Smallest and largest value of an integer type of ClickHouse."""
    match = _INTEGER.fullmatch(name)
    if not match:
        raise ValueError(f"{name} is not an integer type")
    bits = int(match[2])
    return (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def read_target(engine: Engine, source: str) -> TargetTable:
    """Look up a source's table in the engine."""
    if source not in TABLES:
        raise MappingError(f"unknown source {source!r}", hint=nearest(source, TABLES))
    return read_table(engine, TABLES[source])


def read_table(engine: Engine, table: str) -> TargetTable:
    """Look up an event table by its name; raises `WarehouseMissing`."""
    rows = engine.rows(
        """
        SELECT name, type, default_expression AS fallback FROM system.columns
        WHERE database = currentDatabase() AND table = {table:String} AND default_kind IN ('', 'DEFAULT')
        ORDER BY position
        """,
        {"table": table},
    )
    if not rows:
        raise WarehouseMissing(f"{engine.url} has no table {table}", hint="appanalytics init")
    if table in event_views(engine):
        raise MappingError(f"{table} is a view over your own table", hint="insert into that one; ours is only read")
    return TargetTable(
        table,
        tuple(row["name"] for row in rows),
        {row["name"]: row["type"] for row in rows},
        {row["name"]: row["fallback"] for row in rows if row["fallback"]},
    )
