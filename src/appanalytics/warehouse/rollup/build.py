"""Build the rollups: which days, in which order, and how a crash or a late event cannot make a number wrong.

A batch of days is prepared in work tables and then put in place partition by partition (``REPLACE PARTITION`` is
atomic and can be repeated). Only then is the day log told; a run that dies leaves its days stale
and the next one does them again. Events that come late change `first_day` and `prev_day` of later days: the
users whose rows changed are found, and every later day on which they were active joins the work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import UserError
from appanalytics.progress import Progress, silent
from appanalytics.warehouse import days as day_log
from appanalytics.warehouse.lock import exclusive
from appanalytics.warehouse.meta import read_meta, values_of_shards, write_meta
from appanalytics.warehouse.rollup import shapes, tables
from appanalytics.warehouse.rollup.items import ItemRollups
from appanalytics.warehouse.rollup.layout import TABLES, VERSION, Layout
from appanalytics.warehouse.rollup.partitions import MONTH, WEEK, drop_leftovers, put_days, put_partitions, work_table
from appanalytics.window import Grain, day_start, next_bucket_day

_LAYOUT_KEY = "rollup_layout"
_MONTHS_KEY = "rollup_user_month"
#: Events prepared at once. Bounds memory and is what a Ctrl-C can lose.
BATCH_EVENTS = 12_000_000
#: Events of months whose cells are made by one statement; a statement by itself costs as much as some 100,000 events.
SPAN_EVENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class RollupReport:
    """What a run did: days rolled up from events, later days linked again, events read."""

    days: int
    relinked: int
    events: int

    def __str__(self) -> str:
        if not self.days:
            return "rollups are up to date"
        also = f", {self.relinked} later days linked again" if self.relinked else ""
        return f"rolled up {self.days} days, {self.events:,} events{also}"


def layout_id(layout: Layout) -> str:
    """What stored rollups must match to be used: the catalog's fingerprint and the reporting time zone."""
    return f"{VERSION} {layout.catalog.fingerprint()} {layout.zone.key}"


def is_current(engine: Engine, layout: Layout) -> bool:
    """True when the stored rollups, on a cluster those of every shard, were made for this catalog and time zone."""
    return values_of_shards(engine, _LAYOUT_KEY) == {layout_id(layout)}


def rollup(
    engine: Engine,
    catalog: Catalog,
    zone: ZoneInfo,
    *,
    first: date | None = None,
    until: date | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> RollupReport:
    """Bring the rollups up to the events.

    Only days that changed are done, or all days of ``[first, until)`` with ``force``. Running it again changes
    nothing. A new catalog or time zone starts the rollups afresh.
    """
    layout = Layout.read(engine, catalog, zone)
    replicated = _is_replicated(engine, layout)
    with exclusive(engine, "rollup", progress=progress):  # two runs would copy each other's days of a partition
        _prepare(engine, layout)
        counts = event_counts(engine, layout)
        _notice_unmarked(engine, counts)
        todo = _chosen(engine, first, until, force=force)
        run = _Run(engine, layout, counts, progress)
        run.add_user_months(make_tables=not replicated)
        return run.work(todo)


def event_counts(engine: Engine, layout: Layout) -> dict[date, dict[str, int]]:
    """Events of every day by source, counted from the events."""
    counts: dict[date, dict[str, int]] = {}
    for row in engine.rows(shapes.count_by_day(layout)):
        counts.setdefault(row["day"], {})[row["source"]] = row["events"]
    return counts


def _prepare(engine: Engine, layout: Layout) -> None:
    drop_leftovers(engine)
    if is_current(engine, layout):
        return
    day_log.mark_changed(engine, [state.day for state in day_log.day_states(engine)])
    if _is_replicated(engine, layout):
        _empty(engine, layout)
    else:
        for name in TABLES:
            engine.execute(f"DROP TABLE IF EXISTS {name} SYNC")
        tables.create_tables(engine, layout)
    write_meta(engine, _LAYOUT_KEY, layout_id(layout))
    write_meta(engine, _MONTHS_KEY, layout_id(layout))  # there are no days whose months could be absent


def _is_replicated(engine: Engine, layout: Layout) -> bool:
    """True on a shard of a cluster, whose tables are made by its DDL; of all shards at once it is a `UserError`."""
    tables_of_events = [each.table for each in layout.catalog.sources.values()]
    rows = engine.rows(
        "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}",
        {"names": tables_of_events},
    )
    kinds = {row["engine"] for row in rows}
    if "Distributed" in kinds:
        raise UserError(
            f"{engine.url} spreads over shards, and each shard rolls up its own users",
            hint="run it for each shard, with the database of the shard: --warehouse http://NODE:8123/DATABASE",
        )
    return any(kind.startswith("Replicated") for kind in kinds)


def _empty(engine: Engine, layout: Layout) -> None:
    """Empty the rollups of a shard; raises `UserError` where they are of a catalog with other columns."""
    rows = engine.rows("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'user_day'")
    if not {*layout.user_columns, *layout.counters} <= {row["name"] for row in rows}:
        raise UserError(
            "the shard's rollups are not of this catalog", hint="appanalytics warehouse ddl --again makes them anew"
        )
    for name in TABLES:
        engine.execute(f"TRUNCATE TABLE {name}")


def _notice_unmarked(engine: Engine, counts: dict[date, dict[str, int]]) -> None:
    """Mark days whose events differ from what was rolled up, whoever wrote or removed them."""
    known = {state.day: state for state in day_log.day_states(engine)}
    different = [day for day, events in counts.items() if day not in known or dict(known[day].events) != events]
    gone = [day for day, state in known.items() if day not in counts and any(state.events.values())]
    fresh = {day for day in (*different, *gone) if day not in known or not known[day].is_stale}
    day_log.mark_changed(engine, fresh)


def _chosen(engine: Engine, first: date | None, until: date | None, *, force: bool) -> list[date]:
    states = day_log.day_states(engine)
    wanted = {state.day for state in states if state.is_stale or force}
    return sorted(day for day in wanted if (first is None or day >= first) and (until is None or day < until))


class _Run:
    """One run over a set of days."""

    def __init__(
        self, engine: Engine, layout: Layout, counts: dict[date, dict[str, int]], progress: Progress
    ) -> None:
        self.engine = engine
        self.layout = layout
        self.counts = counts
        self.progress = progress
        self.sql = shapes.Shapes(layout)
        self.items = ItemRollups(engine, layout)

    def work(self, chosen: list[date]) -> RollupReport:
        """Do all chosen days, oldest first, then link the later days that they touched again."""
        stale = {state.day for state in day_log.day_states(self.engine) if state.is_stale} - set(chosen)
        total = sum(self._events(day) for day in chosen)
        done, later = 0, set[date]()
        for batch in self._batches(chosen):
            self.progress("roll up", done, total, "events")
            later |= self._do(batch, from_events=True)
            done += sum(self._events(day) for day in batch)
            self.progress("roll up", done, total, "events")
        if links := sorted(later - set(chosen)):
            self._do(links, from_events=False, still_stale=stale)
        return RollupReport(len(chosen), len(links), total)

    def _events(self, day: date) -> int:
        return sum(self.counts.get(day, {}).values())

    def _batches(self, days: list[date]) -> Iterator[list[date]]:
        batch: list[date] = []
        size = 0
        for day in days:
            if batch and size + self._events(day) > BATCH_EVENTS:
                yield batch
                batch, size = [], 0
            batch.append(day)
            size += self._events(day)
        if batch:
            yield batch

    def _do(self, touched: list[date], *, from_events: bool, still_stale: Iterable[date] = ()) -> set[date]:
        """Make the rows of some days and put them in place; return the later days whose links changed."""
        states = day_log.day_states(self.engine)
        marks = {state.day: state.changed for state in states if state.day in {*touched} - {*still_stale}}
        with (
            self._work(tables.user_day, "") as stage,
            self._work(tables.user_day, f"PARTITION BY {WEEK.sql}") as ready,
        ):
            self._stage(stage, touched, from_events=from_events)
            later = self._later_days(stage, touched) | self.items.later_days(touched) if from_events else set()
            day_log.mark_changed(self.engine, later)
            self._link(stage, ready, touched)
            events = self._staged_events(stage, touched)
            put_days(self.engine, "user_day", ready, touched, WEEK)
        self._derive(touched)
        if from_events:
            self.items.put_counters(touched)
        stale = [state.day for state in states if state.is_stale and state.day not in touched]
        self.items.put_links(touched, stale)
        day_log.mark_rolled(self.engine, marks, events)
        return later

    def _work(self, make: Callable[..., str], *more: str) -> AbstractContextManager[str]:
        return work_table(self.engine, lambda name: make(name, self.layout, *more))

    def _stage(self, stage: str, touched: list[date], *, from_events: bool) -> None:
        if from_events:
            self.engine.execute(self.sql.user_day_from_events(stage), self._span(touched))
        else:
            self.engine.execute(self.sql.user_day_again(stage), {"days": touched})

    def _later_days(self, stage: str, touched: list[date]) -> set[date]:
        """Days after the touched ones that hold rows of users whose rows changed."""
        changed = self.sql.changed_users(stage)
        rows = self.engine.rows(
            f"SELECT DISTINCT day FROM user_day WHERE day > {{first:Date}} AND day NOT IN {{days:Array(Date)}}"
            f" AND user_id IN ({changed})",
            {"first": touched[0], "days": touched},
        )
        return {row["day"] for row in rows}

    def _link(self, stage: str, ready: str, touched: list[date]) -> None:
        parameters = {"days": touched, "last": touched[-1]}
        self.engine.execute(self.sql.links(stage, ready), parameters)
        self.engine.execute(self.sql.mixed_users(stage), parameters)

    def _staged_events(self, stage: str, touched: list[date]) -> dict[date, dict[str, int]]:
        events: dict[date, dict[str, int]] = {day: {} for day in touched}
        for row in self.engine.rows(self.sql.events_of_stage(stage)):
            day = row.pop("day")
            events[day] = {name: count for name, count in row.items() if count}
        return events

    def _derive(self, touched: list[date]) -> None:
        with self._work(tables.slice_day) as target:
            self.engine.execute(self.sql.slice_day(target), {"days": touched})
            put_days(self.engine, "slice_day", target, touched, MONTH)
        with self._work(tables.active_link) as target:
            self.engine.execute(self.sql.active_link(target), {"days": touched, "last": touched[-1]})
            put_days(self.engine, "active_link", target, touched, MONTH)
        self.put_user_months(sorted({day.replace(day=1) for day in touched}))
        self._derive_deltas(touched)
        with self._work(tables.retention_day) as target:
            self._by_month("retention_day", target, self.sql.retention_day(target), months(touched), {})

    def add_user_months(self, *, make_tables: bool) -> None:
        """Fill `user_month` from `user_day` where the rollups were made by a version that did not have it."""
        if read_meta(self.engine, _MONTHS_KEY) == (made_for := layout_id(self.layout)):
            return
        if make_tables:  # on a shard its DDL does
            tables.create_tables(self.engine, self.layout)
        rows = self.engine.rows("SELECT DISTINCT toStartOfMonth(day) AS month FROM user_day ORDER BY month")
        self.put_user_months([row["month"] for row in rows])
        write_meta(self.engine, _MONTHS_KEY, made_for)

    def put_user_months(self, firsts: list[date]) -> None:
        """Add up the users' days of some months, given by their first days, and put them in place."""
        with self._work(tables.user_month) as target:
            self._by_month("user_month", target, self.sql.user_month(target), firsts, {})

    def _derive_deltas(self, touched: list[date]) -> None:
        """Make the months of `active_delta` that the touched days reach: up to their longest window later."""
        longest = max(self.layout.windows, default=0)
        parameters = {"windows": self.layout.windows, "longest": longest}
        with self._work(tables.active_delta) as target:
            reached = months(touched, longest)
            self._by_month("active_delta", target, self.sql.active_delta(target), reached, parameters)

    def _by_month(self, name: str, target: str, sql: str, firsts: list[date], parameters: dict[str, Any]) -> None:
        for first, until in self._spans(firsts):
            self.engine.execute(sql, {"first": first, "until": until, **parameters})
        put_partitions(self.engine, name, target, [MONTH.id(first) for first in firsts])

    def _spans(self, firsts: list[date]) -> Iterator[tuple[date, date]]:
        """Months as spans [first, until): those that follow each other are one while their events are few."""
        events = Counter[date]()
        for day in self.counts:
            events[day.replace(day=1)] += self._events(day)
        span: tuple[date, date] | None = None
        size = 0
        for first in firsts:
            if span and (span[1] != first or size + events[first] > SPAN_EVENTS):
                yield span
                span, size = None, 0
            span = (span[0] if span else first, next_bucket_day(first, Grain.MONTH))
            size += events[first]
        if span:
            yield span

    def _span(self, batch: list[date]) -> dict[str, Any]:
        zone = self.layout.zone
        return {
            "days": batch,
            "start": day_start(batch[0], zone),
            "end": day_start(batch[-1] + timedelta(days=1), zone),
        }


def months(days: Iterable[date], reach: int = 0) -> list[date]:
    """First days of the months that hold one of the days, or a day up to ``reach`` days after it; in order."""
    found: set[date] = set()
    for day in days:
        month = day.replace(day=1)
        while month <= day + timedelta(days=reach):
            found.add(month)
            month = next_bucket_day(month, Grain.MONTH)
    return sorted(found)
