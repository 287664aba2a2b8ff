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
_MOMENT = pa.timestamp("ms", "UTC")
_INT64 = 2**63 - 1
_INTEGERS: dict[str, Any] = {f"{sign}Int{bits}": None for sign in ("", "U") for bits in (8, 16, 32, 64)}
_FLOATS = {"Float32": pa.float32(), "Float64": pa.float64()}


@dataclass(frozen=True)
class Column:
    """What an event may have in a column: ``limits`` of a number, ``allowed`` texts (empty: any)."""

    name: str
    arrow: pa.DataType
    needed: bool
    limits: tuple[int, int] | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """Events of one source. ``type`` is a msgspec struct whose fields are the columns of ``rules``."""

    name: str
    table: str
    time: str
    rules: tuple[Column, ...]
    type: type[msgspec.Struct]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.rules)

    @cached_property
    def time_of(self) -> Callable[[Any], datetime]:
        """Reads an event's time."""
        return attrgetter(self.time)

    @cached_property
    def wide(self) -> tuple[str, ...]:
        """Columns whose largest value msgspec cannot check, because it does not fit into 63 bits."""
        return tuple(column.name for column in self.rules if column.arrow == pa.uint64())

    def to_arrow(self, events: Sequence[Any]) -> pa.Table:
        """Events as a table with the columns of theirs."""
        columns = []
        for column in self.rules:
            values = list(map(attrgetter(column.name), events))
            is_time = pa.types.is_timestamp(column.arrow)
            columns.append(_instants(values) if is_time else pa.array(values, column.arrow))
        return pa.table(columns, names=list(self.columns))


@dataclass(frozen=True, slots=True)
class Limits:
    """Between which times an event may be, and of which services (empty: of all)."""

    earliest: datetime
    latest: datetime
    services: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Services:
    """All services. ``many``, ``one`` read JSON of a list of events and of one."""

    all: tuple[Service, ...]
    many: msgspec.json.Decoder[Any]
    one: msgspec.json.Decoder[Any]
    union: Any

    @cached_property
    def schema(self) -> pa.Schema | None:
        """All fields of all services, times as text; None when two services mean different types by one name."""
        fields = {SERVICE: pa.string()}
        for service in self.all:
            for column in service.rules:
                kind = pa.string() if pa.types.is_timestamp(column.arrow) else column.arrow
                if fields.setdefault(column.name, kind) != kind:
                    return None
        return pa.schema(list(fields.items()))

    @cached_property
    def own(self) -> tuple[str, ...]:
        """Fields that not all services have."""
        sets: list[set[str]] = [set(service.columns) for service in self.all]
        return tuple(sorted(set[str]().union(*sets) - sets[0].intersection(*sets)))

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
    fields, rules = [], []
    for column in table.columns:
        needed = table.fallback(column) is None
        found = _type(table, column, needed=needed, is_time=column == time)
        if found is None or column == SERVICE or not column.isidentifier():
            if needed:
                text = f"the collector cannot fill column {column} of {table.name}"
                text += f" ({table.types[column]})"
                raise SettingsError(text, hint="give the column a default, or serve with --no-collector")
            continue
        kind, rule = found
        fields.append((column, kind) if needed else (column, kind | None, None))
        rules.append(rule)
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
    return Service(name, table.name, time, tuple(rules), struct)


def _type(table: TargetTable, column: str, *, needed: bool, is_time: bool) -> tuple[Any, Column] | None:
    """A column's type in JSON and its rule, or None when an event cannot have it."""
    inner = plain_type(table.types[column])
    if is_time or inner.startswith("DateTime"):
        text = "RFC 3339 with a zone, such as 2026-11-28T09:30:00.123Z"
        kind: Any = Annotated[datetime, msgspec.Meta(tz=True, description=text)]
        return kind, Column(column, _MOMENT, needed)
    if inner in _INTEGERS:
        low, high = table.ranges.get(column) or type_range(inner)
        bounds: dict[str, Any] = {"ge": low} if high > _INT64 else {"ge": low, "le": high}
        kind = Annotated[int, msgspec.Meta(**bounds)]
        return kind, Column(column, getattr(pa, inner.lower())(), needed, limits=(low, high))
    if inner in _FLOATS:
        return float, Column(column, _FLOATS[inner], needed)
    if inner == "Bool":
        return bool, Column(column, pa.bool_(), needed)
    if inner == "String":
        allowed = table.allowed.get(column, ())
        plain = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
        return Literal[allowed] if allowed else plain, Column(column, pa.string(), needed, allowed=allowed)
    return None


def _instants(times: list[datetime | None]) -> pa.Array:
    """Instants in milliseconds; pyarrow alone asks each value for its zone and takes five times as long."""
    if None in times:
        return pa.array(times, pa.timestamp("us", "UTC")).cast(_MOMENT, safe=False)
    seconds = np.fromiter(map(datetime.timestamp, times), np.float64, len(times))  # type: ignore[arg-type]
    return milliseconds(pa.array(np.rint(seconds * 1e6).astype(np.int64)))  # exact for two centuries


def milliseconds(micros: pa.Array) -> pa.Array:
    """Instants of microseconds since 1970, without the part below a millisecond."""
    whole = np.floor_divide(micros.to_numpy(zero_copy_only=False), 1000)
    return pa.array(whole).cast(pa.timestamp("ms")).cast(_MOMENT)
