"""What an event is: one type for each service of the catalog, made from the columns of its table.

An event's fields are the table's columns, under the table's names; those with a default may be left out. The field
``service`` says which of the catalog's sources it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Literal, Union

import msgspec
import numpy as np
import pyarrow as pa

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import SettingsError
from appanalytics.warehouse.load.target import TargetTable, plain_type, read_table, type_range

#: The field that says which service an event belongs to.
SERVICE = "service"
LONGEST_TEXT = 1024
_INT64 = 2**63 - 1
_INTEGERS: dict[str, Any] = {f"{sign}Int{bits}": None for sign in ("", "U") for bits in (8, 16, 32, 64)}
_FLOATS = {"Float32": pa.float32(), "Float64": pa.float64()}


@dataclass(frozen=True)
class Service:
    """Events of one source. ``type`` is a msgspec struct whose fields are ``columns``."""

    name: str
    table: str
    time: str
    columns: tuple[str, ...]
    arrow: tuple[pa.DataType, ...]
    type: type[msgspec.Struct]

    @cached_property
    def time_of(self) -> Callable[[Any], datetime]:
        """Reads an event's time."""
        return attrgetter(self.time)

    @cached_property
    def wide(self) -> tuple[str, ...]:
        """Columns whose largest value msgspec cannot check, because it does not fit into 63 bits."""
        return tuple(name for name, kind in zip(self.columns, self.arrow, strict=True) if kind == pa.uint64())

    def to_arrow(self, events: Sequence[Any]) -> pa.Table:
        """Events as a table with the columns of theirs."""
        columns = []
        for name, kind in zip(self.columns, self.arrow, strict=True):
            values = list(map(attrgetter(name), events))
            columns.append(_instants(values) if pa.types.is_timestamp(kind) else pa.array(values, kind))
        return pa.table(columns, names=list(self.columns))


@dataclass(frozen=True)
class Services:
    """All services. ``many``, ``one`` read JSON of a list of events and of one."""

    all: tuple[Service, ...]
    many: msgspec.json.Decoder[Any]
    one: msgspec.json.Decoder[Any]
    union: Any

    def of(self, kind: type) -> Service:
        """The service of a struct."""
        return next(service for service in self.all if service.type is kind)


def read_services(engine: Engine, catalog: Catalog) -> Services:
    """Make the types of the catalog's sources from their tables.

    Raises `SettingsError` for a column without a default whose type an event cannot have.
    """
    services = []
    for name, source in catalog.sources.items():
        table = read_table(engine, source.table)
        services.append(_service(name, table, source.time))
    union: Any = Union.__getitem__(tuple(service.type for service in services))
    many: Any = list.__class_getitem__(union)
    return Services(tuple(services), msgspec.json.Decoder(many), msgspec.json.Decoder(union), union)


def _service(name: str, table: TargetTable, time: str) -> Service:
    fields, columns, arrow = [], [], []
    for column in table.columns:
        needed = table.fallback(column) is None
        found = _type(table, column, is_time=column == time)
        if found is None or column == SERVICE or not column.isidentifier():
            if needed:
                text = f"the collector cannot fill column {column} of {table.name} ({table.types[column]})"
                raise SettingsError(text, hint="give the column a default, or serve with --no-collector")
            continue
        kind, stored = found
        fields.append((column, kind) if needed else (column, kind | None, None))
        columns.append(column)
        arrow.append(stored)
    struct = msgspec.defstruct(
        f"{name.title().replace('_', '')}Event",
        fields,
        tag=name,
        tag_field=SERVICE,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
        frozen=True,
    )
    return Service(name, table.name, time, tuple(columns), tuple(arrow), struct)


def _type(table: TargetTable, column: str, *, is_time: bool) -> tuple[Any, pa.DataType] | None:
    """Type in JSON and in Arrow of a column, or None when an event cannot have it."""
    inner = plain_type(table.types[column])
    if is_time or inner.startswith("DateTime"):
        text = "RFC 3339 with a zone, such as 2026-11-28T09:30:00.123Z"
        return Annotated[datetime, msgspec.Meta(tz=True, description=text)], pa.timestamp("ms", "UTC")
    if inner in _INTEGERS:
        low, high = table.ranges.get(column) or type_range(inner)
        limits: dict[str, Any] = {"ge": low} if high > _INT64 else {"ge": low, "le": high}
        return Annotated[int, msgspec.Meta(**limits)], getattr(pa, inner.lower())()
    if inner in _FLOATS:
        return float, _FLOATS[inner]
    if inner == "Bool":
        return bool, pa.bool_()
    if inner == "String":
        if column in table.allowed:
            return Literal[table.allowed[column]], pa.string()
        return Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)], pa.string()
    return None


def _instants(times: list[datetime | None]) -> pa.Array:
    """Instants in milliseconds; pyarrow alone asks each value for its zone and takes five times as long."""
    if None in times:
        return pa.array(times, pa.timestamp("ms", "UTC"))
    seconds = np.fromiter(map(datetime.timestamp, times), np.float64, len(times))  # type: ignore[arg-type]
    return pa.array(np.rint(seconds * 1000).astype(np.int64)).cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
