"""Build days of the report table inside the engine; each day is put in place at once, and can be again."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from appanalytics.engine import Engine
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.days import day_states
from appanalytics.warehouse.leftovers import drop_leftovers
from appanalytics.warehouse.report_table.shape import DIMENSIONS, Shape
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.build import is_current
from appanalytics.window import Window

#: Work tables of a run begin with it.
PREFIX = "report_work_"


@dataclass(frozen=True, slots=True)
class ReportTableResult:
    """Days that were built, rows that they have now, and how long it took (seconds)."""

    days: tuple[date, ...]
    rows: int
    seconds: float
    empty: tuple[date, ...] = ()

    def __str__(self) -> str:
        span = (
            str(self.days[0]) if len(self.days) == 1 else f"{self.days[0]} … {self.days[-1]} ({len(self.days)} days)"
        )
        none = f"; no events on {', '.join(map(str, self.empty))}" if self.empty else ""
        return f"report_daily: {span}, {self.rows:,} rows, {self.seconds:.1f} s{none}"


def build_report_table(
    engine: Engine,
    layout: Layout,
    window: Window,
    *,
    dimensions: Sequence[str] = DIMENSIONS,
    progress: Progress = silent,
) -> ReportTableResult:
    """Build every day that the window touches, whole, in the layout's time zone.

    A day's rows replace those it had, whatever their dimensions; other days stay. The result depends on the
    events alone, so days can be built in any order and again. Where earlier days are not rolled up, the last
    known attributes of silent receivers are looked up in the events, which is slower.

    Raises `QuestionError` for an unknown dimension or one that not all sources have.
    """
    started = time.perf_counter()
    shape = Shape(layout, dimensions)
    days = list(Window(window.start, window.end, layout.zone).days())
    rolled_until = first_stale_day(engine, layout)
    rows: dict[date, int] = {}
    with work_table(engine) as work:
        for done, day in enumerate(days):
            progress("report table", done, len(days), "days")
            rolled = rolled_until is None or day <= rolled_until
            rows[day] = fill_day(engine, layout, shape, work, day, rolled=rolled)
            put_day(engine, work, day, rows[day])
        progress("report table", len(days), len(days), "days")
    empty = tuple(day for day, count in rows.items() if not count)
    return ReportTableResult(tuple(days), sum(rows.values()), time.perf_counter() - started, empty)


def fill_day(engine: Engine, layout: Layout, shape: Shape, work: str, day: date, *, rolled: bool) -> int:
    """Make a day's rows in a work table; returns how many they are. Nothing else is changed."""
    whole = Window.of_day(day, layout.zone)
    statement = shape.statement(work, rolled=rolled)
    engine.execute(statement, {"day": day, "start": whole.start, "end": whole.end})
    count: int = engine.scalar(f"SELECT count() FROM {work} WHERE event_date = {{day:Date}}", {"day": day})
    return count


def put_day(engine: Engine, work: str, day: date, rows: int) -> None:
    """Replace a day of the report table by the one of a work table, at once."""
    # An empty partition cannot replace one: the engine refuses it.
    change = f"REPLACE PARTITION ID '{day:%Y%m%d}' FROM {work}" if rows else f"DROP PARTITION ID '{day:%Y%m%d}'"
    engine.execute(f"ALTER TABLE report_daily {change}")


def first_stale_day(engine: Engine, layout: Layout) -> date | None:
    """The first day that is not rolled up (None: all are); `user_day` is right for the days before it."""
    if not is_current(engine, layout):
        return date.min
    return min((state.day for state in day_states(engine) if state.is_stale), default=None)


@contextlib.contextmanager
def work_table(engine: Engine, like: str = "report_daily") -> Iterator[str]:
    """A table with the form of another that lives as long as the block."""
    work = PREFIX + secrets.token_hex(6)
    engine.execute(f"CREATE TABLE {work} AS {like}")
    try:
        drop_leftovers(engine, PREFIX, work)
        yield work
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {work} SYNC")
