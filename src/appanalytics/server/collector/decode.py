"""A request's body becomes events by service, and rejects with their reasons.

The whole body is decoded at once, a large one into columns (`columnar`). Only where that fails is it taken apart, to
find which events are wrong and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa

from appanalytics.server.collector.columnar import read_columns
from appanalytics.server.collector.events import Limits, Service, Services
from appanalytics.server.collector.pieces import Malformed, pieces
from appanalytics.server.collector.reasons import refusal

#: Events of one request.
MOST_EVENTS = 100_000
#: From so many events on, a request's events are turned into columns at once, beside the work of others.
_LARGE = 2_000
#: From so many bytes on, a body is first tried as a whole, in columns.
LARGE_BODY = 500_000
_SHOWN = 4096
_BOM = b"\xef\xbb\xbf"
_UINT64 = 2**64


class TooMany(Exception):
    """More events than one request may have."""


@dataclass(frozen=True, slots=True)
class Reject:
    """An event that cannot be stored: its place in the request (from 0), why, and what was sent."""

    index: int
    service: str
    reason: str
    raw: str


@dataclass(slots=True)
class Parsed:
    """What a request brought: events by service, as structs or (of large requests) as columns, and rejects."""

    events: dict[str, list[Any]] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Events that can be stored."""
        rows: int = sum(table.num_rows for table in self.tables.values())
        return rows + sum(map(len, self.events.values()))


def decode(body: bytes, services: Services, limits: Limits) -> Parsed:
    """Read a JSON array, NDJSON or one JSON object; raises `Malformed` and `TooMany`."""
    parsed = Parsed()
    body = body.removeprefix(_BOM)
    if len(body) >= LARGE_BODY:
        tables = read_columns(body, services, limits, MOST_EVENTS)
        if tables is not None:
            return Parsed(tables=tables)
    try:
        events = _at_once(body, services)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        _one_by_one(body, services, limits, parsed)
    else:
        if len(events) > MOST_EVENTS:
            raise TooMany
        _sort(events, services, limits, parsed)
    _columns(parsed, services)
    return parsed


def _at_once(body: bytes, services: Services) -> list[Any]:
    first = body.lstrip()[:1]
    if not first:
        raise Malformed("the body is empty")
    if first == b"[":
        return list(services.many.decode(body))
    return list(services.one.decode_lines(body))


def _sort(events: list[Any], services: Services, limits: Limits, parsed: Parsed) -> None:
    for service in services.all:
        own = [event for event in events if type(event) is service.type]
        if own and not _all_fit(service, own, limits):
            own = [event for event in own if _misfit(service, event, limits) is None]
            for index, event in enumerate(events):
                misfit = _misfit(service, event, limits) if type(event) is service.type else None
                if misfit:
                    raw = msgspec.json.encode(event).decode()
                    parsed.rejects.append(Reject(index, service.name, misfit, raw[:_SHOWN]))
        if own:
            parsed.events[service.name] = own
    parsed.rejects.sort(key=lambda reject: reject.index)


def _all_fit(service: Service, events: list[Any], limits: Limits) -> bool:
    if limits.services and service.name not in limits.services:
        return False
    times = list(map(service.time_of, events))
    if min(times) < limits.earliest or max(times) > limits.latest:
        return False
    return all((max((getattr(event, name) or 0 for event in events), default=0)) < _UINT64 for name in service.wide)


def _misfit(service: Service, event: Any, limits: Limits) -> str | None:
    """What a well-formed event is refused for."""
    if limits.services and service.name not in limits.services:
        return f"this key sends no events of `{service.name}`"
    time = service.time_of(event)
    if time < limits.earliest:
        return f"`{service.time}` is before {limits.earliest:%Y-%m-%dT%H:%MZ}, the earliest that is taken"
    if time > limits.latest:
        return f"`{service.time}` is in the future: after {limits.latest:%Y-%m-%dT%H:%MZ}, the latest that is taken"
    for name in service.wide:
        if (getattr(event, name) or 0) >= _UINT64:
            return f"Expected `int` <= {_UINT64 - 1} - at `$.{name}`"
    return None


def _one_by_one(body: bytes, services: Services, limits: Limits, parsed: Parsed) -> None:
    events: list[Any] = []
    places: list[int] = []
    for index, raw in enumerate(pieces(body)):
        if index >= MOST_EVENTS:
            raise TooMany
        try:
            event = services.one.decode(raw)
            places.append(index)
            events.append(event)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            shown = bytes(raw).decode("utf-8", "replace")[:_SHOWN]
            parsed.rejects.append(Reject(index, *refusal(error, raw, services), shown))
    kept = Parsed()
    _sort(events, services, limits, kept)
    parsed.events = kept.events
    parsed.rejects += [Reject(places[each.index], each.service, each.reason, each.raw) for each in kept.rejects]
    parsed.rejects.sort(key=lambda reject: reject.index)


def _columns(parsed: Parsed, services: Services) -> None:
    for service in services.all:
        if len(parsed.events.get(service.name, ())) >= _LARGE:
            parsed.tables[service.name] = service.to_arrow(parsed.events.pop(service.name))
