"""The app goes on after its history: its events from any moment on, slice by slice, the same for a seed.

Days are computed whole, in an engine of the stream's own, as those of the history are; then they are read hour by
hour and cut into slices. Who arrives, comes back, reads and writes depends on the world and the day alone, so a
stream that begins in the middle gives the same events as one that began earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.simulate import chunks
from appanalytics.simulate.injection import Effect, Injection, effect
from appanalytics.simulate.intensity import ordinary_newcomers
from appanalytics.simulate.world import World
from appanalytics.sqltext import render

#: Every slice has this length and begins at a multiple of it, so that a slice can be named and sent again.
SLICE = timedelta(seconds=10)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Slice:
    """What happens from ``start`` to before ``end``: events as a collector takes them, in the order of time.

    Copies that a spike adds may be some seconds older.
    """

    start: datetime
    end: datetime
    events: list[dict[str, Any]] = field(repr=False)


class LiveApp:
    """The events of a world after its history, computed in ``engine``, which holds nothing else.

    The engine needs the warehouse's tables; what is in them is lost.
    """

    def __init__(self, engine: Engine, world: World, catalog: Catalog) -> None:
        self._engine, self._world, self._catalog = engine, world, catalog
        self._users_until = -1  # the day up to which newcomers are there
        self._made = -1  # the day whose events are there

    @property
    def start(self) -> datetime:
        """The first instant after the history."""
        return self._world.start(self._world.days)

    def slices(self, since: datetime, injections: Sequence[Injection] = ()) -> Iterator[Slice]:
        """All slices from the one that holds ``since`` on, without end, empty ones too."""
        start = max(self.start, floor(since))
        number = self._number(start)
        effects = {service: effect(injections, self._catalog, service) for service in self._catalog.sources}
        while True:
            self._make_day(number)
            end = self._world.start(number + 1)
            while start < end:
                until = min(end, start + _HOUR)
                yield from _cut(self._events(start, until, effects), start, until)
                start = until
            number += 1

    def _number(self, moment: datetime) -> int:
        day = moment.astimezone(self._world.zone).date()
        return (day - self._world.first_day).days

    def _make_day(self, number: int) -> None:
        if self._made == number:
            return
        if self._users_until < 0:
            chunks.fill_users(self._engine, self._world)
            self._users_until = self._world.days - 1
        for day in range(self._users_until + 1, number + 1):
            chunks.add_newcomers(self._engine, self._world, day, round(ordinary_newcomers(self._world, day)))
        self._users_until = max(self._users_until, number)
        chunks.fill_day(self._engine, self._world, number)
        for source in self._catalog.sources.values():
            self._engine.execute(f"TRUNCATE TABLE {source.table} SYNC")
        chunks.write_chunk(self._engine, self._world, chunks.Chunk(number, number, 0))
        self._made = number

    def _events(self, start: datetime, end: datetime, effects: dict[str, Effect]) -> list[tuple[int, dict[str, Any]]]:
        found: list[tuple[int, dict[str, Any]]] = []
        for service, told in effects.items():
            table = self._catalog.sources[service].table
            sql = render(chunks.PACKAGE, "live_events", table=table, kept=told.kept, copies=told.copies)
            known = {"seed": self._world.seed, "start": start, "end": end, **told.parameters}
            found += _records(self._engine.query(sql, known), service)
        found.sort(key=lambda pair: pair[0])
        return found


def floor(moment: datetime) -> datetime:
    """Start of the slice that holds an instant."""
    epoch = datetime.fromtimestamp(0, UTC)
    return epoch + (moment - epoch) // SLICE * SLICE


def batch_name(world: World, part: Slice) -> str:
    """The id under which a slice is sent, whoever sends it: later slices have greater ids."""
    return f"{batch_prefix(world)}{part.start:%Y-%m-%dT%H:%M:%SZ}"


def batch_prefix(world: World) -> str:
    """What the ids of a world's slices begin with."""
    return f"live/{world.digest}/"


def _records(table: pa.Table, service: str) -> list[tuple[int, dict[str, Any]]]:
    times = table.column("slice_time").to_pylist()
    rows = table.drop_columns(["slice_time"]).to_pylist()
    for row in rows:
        row["service"] = service
        row["time"] = datetime.fromtimestamp(row.pop("happened") / 1000, UTC).isoformat(timespec="milliseconds")
    return list(zip(times, rows, strict=True))


def _cut(events: list[tuple[int, dict[str, Any]]], start: datetime, end: datetime) -> Iterator[Slice]:
    place = 0
    while start < end:
        until = min(end, start + SLICE)
        limit, first = until.timestamp() * 1000, place
        while place < len(events) and events[place][0] < limit:
            place += 1
        yield Slice(start, until, [event for _, event in events[first:place]])
        start = until
