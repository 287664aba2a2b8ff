"""The demo's history: how long it takes to make and to roll up, how much memory and how many bytes it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from appanalytics.app import App
from appanalytics.progress import Progress
from appanalytics.simulate import World, simulate
from benchmarks.measure import cpu_seconds, peak_gib


@dataclass(frozen=True)
class Step:
    """One step of making the warehouse: events handled, seconds, and the process's largest size so far."""

    name: str
    events: int
    cpu_seconds: float
    wall_seconds: float
    peak_gib: float


@dataclass(frozen=True)
class Size:
    """A table's rows and bytes on disk, all parts together."""

    table: str
    rows: int
    bytes: int


def make(app: App, until: date, progress: Progress) -> Iterator[Step]:
    """Make the full story, roll it up, and run the roll-up again with nothing to do."""
    world = World(until=until, zone=app.zone)
    yield _step("simulate and load", app, lambda: simulate(app.engine, world, progress))
    yield _step("roll up", app, lambda: app.rollup(progress=progress))
    yield _step("roll up again, nothing changed", app, app.rollup)


def _step(name: str, app: App, call: Callable[[], object]) -> Step:
    started, used = time.perf_counter(), cpu_seconds()
    call()
    spent = cpu_seconds() - used, time.perf_counter() - started
    return Step(name, events(app), *spent, peak_gib())


def events(app: App) -> int:
    """Events of all sources."""
    counts = (app.engine.scalar(f"SELECT count() FROM {each.table}") for each in app.catalog.sources.values())
    return sum(counts)


def sizes(app: App) -> list[Size]:
    """Every table with data, the largest first."""
    rows = app.engine.rows(
        "SELECT table, sum(rows) AS n, sum(bytes_on_disk) AS bytes FROM system.parts"
        " WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC"
    )
    return [Size(row["table"], row["n"], row["bytes"]) for row in rows]
