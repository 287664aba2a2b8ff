"""Large requests: JSON becomes columns at once, in C++ and beside other threads.

This way takes a request only when every event of it is good; whatever is unusual is left to `decode`, which reads
event by event and tells what is wrong. So both ways take the same events, and only the speed differs.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from appanalytics.server.collector.events import (
    LONGEST_TEXT,
    SERVICE,
    Column,
    Limits,
    Service,
    Services,
    milliseconds,
)

#: RFC 3339 as programs write it; rarer forms are read event by event.
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"


class Unusual(Exception):
    """Not all events are good for sure."""


def read_columns(body: bytes, services: Services, limits: Limits, most: int) -> dict[str, pa.Table] | None:
    """The events by service, in the shape of their tables; None when they must be read one by one.

    ``most`` is how many events a request may have.
    """
    try:
        events = _events(body, services)
        if not 0 < events.num_rows <= most:
            return None
        found = {}
        for service in services.all:
            own = events.filter(pc.equal(events.column(SERVICE), service.name))
            if own.num_rows:
                if limits.services and service.name not in limits.services:
                    return None
                found[service.name] = _table(service, own, limits)
    except (Unusual, pa.ArrowException):
        return None
    return found if sum(table.num_rows for table in found.values()) == events.num_rows else None


def _events(body: bytes, services: Services) -> pa.Table:
    """All events, in columns of all services' fields."""
    if services.schema is None:
        raise Unusual
    is_array = body.lstrip()[:1] == b"["
    events = _of_array(body, services.schema) if is_array else _of_lines(body, services.schema)
    if b"null" in body:  # a field of another service must not be there, not even as null
        for name in services.own:
            column = events.column(name)
            if body.count(f'"{name}"'.encode()) != len(column) - column.null_count:
                raise Unusual
    return events


def _of_array(body: bytes, schema: pa.Schema) -> pa.Table:
    whole = _read(b"".join((b'{"":', body, b"}")), pa.schema([("", pa.list_(pa.struct(list(schema))))]))
    found = whole.column(0).combine_chunks()
    if len(found) != 1 or found.null_count or found.values.null_count:
        raise Unusual
    return pa.Table.from_struct_array(found.values)


def _of_lines(body: bytes, schema: pa.Schema) -> pa.Table:
    events = _read(body, schema)
    if events.num_rows != body.count(b"\n") + (not body.endswith(b"\n")):
        raise Unusual
    return events


def _read(text: bytes, schema: pa.Schema) -> pa.Table:
    parse = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    read = pa.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
    return pa.json.read_json(io.BytesIO(text), parse_options=parse, read_options=read)


def _table(service: Service, events: pa.Table, limits: Limits) -> pa.Table:
    foreign = set(events.column_names) - {SERVICE, *service.columns}
    if any(events.column(name).null_count < events.num_rows for name in foreign):
        raise Unusual
    columns = {column.name: _checked(column, events.column(column.name)) for column in service.rules}
    times = pc.min_max(columns[service.time]).as_py()
    if times["min"] < limits.earliest or times["max"] > limits.latest:
        raise Unusual
    return pa.table(columns)


def _checked(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values in the table's type; raises `Unusual` or an Arrow error unless all of them are good."""
    if column.needed and values.null_count:
        raise Unusual
    if pa.types.is_timestamp(column.arrow):
        return _times(values)
    if column.allowed:
        _require(pc.all(pc.is_in(values.drop_null(), pa.array(column.allowed))))
    elif pa.types.is_string(column.arrow):
        values.validate(full=True)  # UTF-8
        _within(pc.utf8_length(values), 1, LONGEST_TEXT)
    elif pa.types.is_floating(column.arrow):
        _require(pc.all(pc.is_finite(values)))
    elif column.limits is not None:
        _within(values, *column.limits)
    return values


def _times(values: pa.ChunkedArray) -> pa.ChunkedArray:
    _require(pc.all(pc.match_substring_regex(values, _TIME)))
    micros = values.cast(pa.timestamp("us", "UTC"))
    return pa.chunked_array([milliseconds(chunk.cast(pa.int64())) for chunk in micros.chunks])


def _within(values: pa.ChunkedArray, low: int, high: int) -> None:
    found: Mapping[str, int | None] = pc.min_max(values).as_py()
    least, most = found["min"], found["max"]
    if least is not None and most is not None and (least < low or most > high):
        raise Unusual


def _require(answer: pa.BooleanScalar) -> None:
    if answer.as_py() is False:
        raise Unusual
