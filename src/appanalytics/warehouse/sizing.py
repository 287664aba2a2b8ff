"""How large a cluster has to be: arithmetic from measured bytes and processor time, shown line by line.

What was measured (see `Measured`) is the demo at full scale, on `benchmarks/WAREHOUSE.md`; another app puts its own
numbers in. Nothing here asks a database.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: Tables whose rows follow the events; those of the others follow users' days, or neither.
EVENT_TABLES = ("feed_actions", "message_actions")
USER_TABLES = ("user_day", "user_month")
#: Columns of events that tell about the user.
OF_USER = ("user_id", "gender", "age", "country", "city", "os", "source", "exp_group")
#: Events of a user on a day on which he is active, in the demo.
EVENTS_A_USER = 42.6
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Measured:
    """What an app's data cost: bytes of an event, of a user's day, of all other rollups on a day; processor seconds.

    ``insert_cpu`` and ``rollup_cpu`` are seconds of one core for a million events, ``scan_cpu`` for a million rows
    of `user_day` in a question that reads them.
    """

    event_bytes: float = 3.30
    user_day_bytes: float = 15.4
    other_bytes: float = 206_000
    insert_cpu: float = 1.0
    rollup_cpu: float = 1.85
    scan_cpu: float = 0.06


@dataclass(frozen=True, slots=True)
class Load:
    """What is wanted: events and active users a day, days kept, replicas, and what a node has.

    ``peak`` is the busiest hour against the mean, ``rollup_hours`` how long yesterday's roll-up may take, ``fill``
    how full a disk may be.
    """

    events: float
    users: float
    days: int = 365
    replicas: int = 2
    peak: float = 3.0
    cores: int = 32
    disk_bytes: float = 8e12
    rollup_hours: float = 1.0
    fill: float = 0.7


@dataclass(frozen=True, slots=True)
class Size:
    """What is needed: bytes of one copy, cores for each work, shards by each bound, and the nodes that come of it."""

    load: Load
    measured: Measured
    day_bytes: float
    kept_bytes: float
    insert_cores: float
    rollup_core_hours: float
    query_core_seconds: float
    by_disk: int
    by_insert: int
    by_rollup: int

    @property
    def shards(self) -> int:
        """Shards: what the tightest bound asks for."""
        return max(self.by_disk, self.by_insert, self.by_rollup)

    @property
    def nodes(self) -> int:
        """Nodes: each shard as often as there are replicas."""
        return self.shards * self.load.replicas

    def lines(self) -> Iterator[str]:
        """The arithmetic, one step a line."""
        load, cost = self.load, self.measured
        yield (
            f"disk a day: {load.events:,.0f} events × {cost.event_bytes:.2f} B + {load.users:,.0f} user-days ×"
            f" {cost.user_day_bytes:.1f} B + {cost.other_bytes:,.0f} B = {self.day_bytes / 1e9:,.1f} GB"
        )
        yield (
            f"disk in all: {self.day_bytes / 1e9:,.1f} GB × {load.days:,} days = {self.kept_bytes / 1e12:,.2f} TB,"
            f" × {load.replicas} replicas = {self.kept_bytes * load.replicas / 1e12:,.2f} TB"
        )
        yield (
            f"inserting: {load.events / 1e6:,.0f} M events × {cost.insert_cpu:.2f} CPU s / {_DAY_SECONDS:,} s ×"
            f" {load.peak:g} at the peak × {load.replicas} replicas = {self.insert_cores:,.1f} cores"
        )
        yield (
            f"roll-up of a day: {load.events / 1e6:,.0f} M events × {cost.rollup_cpu:.2f} CPU s ="
            f" {self.rollup_core_hours:,.1f} core hours, in {load.rollup_hours:g} h"
        )
        yield (
            f"a question that reads all users' days of 30 days: {load.users * 30 / 1e6:,.0f} M rows ×"
            f" {cost.scan_cpu:.2f} CPU s = {self.query_core_seconds:,.0f} core seconds; over {self.shards} shards of"
            f" {load.cores} cores {self.query_core_seconds / self.shards / load.cores:,.2f} s"
        )
        yield (
            f"shards: {self.by_disk} by disk ({load.disk_bytes / 1e12:g} TB, {load.fill:.0%} full), {self.by_insert}"
            f" by inserting (a quarter of {load.cores} cores), {self.by_rollup} by the roll-up (half of them):"
            f" {self.shards}"
        )
        yield f"nodes: {self.shards} shards × {load.replicas} replicas = {self.nodes}"


def size(load: Load, measured: Measured = Measured()) -> Size:
    """What a load needs. All bounds hold at once, so the largest decides."""
    day = load.events * measured.event_bytes + load.users * measured.user_day_bytes + measured.other_bytes
    kept = day * load.days
    inserting = load.events / 1e6 * measured.insert_cpu / _DAY_SECONDS * load.peak
    hours = load.events / 1e6 * measured.rollup_cpu / 3600
    return Size(
        load,
        measured,
        day,
        kept,
        inserting * load.replicas,
        hours,
        load.users * 30 / 1e6 * measured.scan_cpu,
        by_disk=max(1, math.ceil(kept / (load.disk_bytes * load.fill))),
        by_insert=max(1, math.ceil(inserting / (load.cores / 4))),
        by_rollup=max(1, math.ceil(hours / (load.cores / 2 * load.rollup_hours))),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What a table holds: bytes on disk and, of a table of events, rows and compressed bytes of each column."""

    size: int
    rows: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)


def grown(held: Mapping[str, Held], events: float, user_days: float) -> float:
    """Bytes of a warehouse with so many times the events and users' days, from the tables of one that is there.

    `user_day` grows with its rows; the other rollups and the ledgers hold numbers by slice or post and day, and grow
    with neither.
    """
    total = 0.0
    for name, table in held.items():
        if name in EVENT_TABLES:
            total += _grown_events(table, events, user_days)
        else:
            total += table.size * (user_days if name in USER_TABLES else 1.0)
    return total


def _grown_events(table: Held, events: float, user_days: float) -> float:
    """Events are sorted by hour and user, so what is told of the user is one run for each hour of his.

    All else is written for each event. Where a user has k times the events, the time between two of them is k times
    shorter, and its difference takes log2 k bits less.
    """
    of_user = sum(table.columns.get(name, 0) for name in OF_USER)
    time = table.columns.get("time", 0)
    fewer_bits = math.log2(max(events / user_days, 1.0))
    times = max(time * events - table.rows * events * fewer_bits / 8, time)
    return of_user * user_days + times + (table.size - of_user - time) * events
