"""The daily tables, step by step: what a scheduler shows as tasks, and what `make_tables` does in one go.

Every step takes the open warehouse and the day, can be repeated alone, and leaves either all of its result or
nothing. In order: `extract` (one for each source), `merge`, `check_day`, `make_slice` (one for each dimension),
`load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from appanalytics.errors import IntegrityError, QuestionError, WarehouseMissing, nearest
from appanalytics.jobs.quality import check_quality
from appanalytics.progress import Progress, silent
from appanalytics.sqltext import identifier
from appanalytics.warehouse.days import day_states
from appanalytics.warehouse.report_table import build_slice, load_slices

if TYPE_CHECKING:
    from appanalytics.app import App


def slices(app: App) -> tuple[str, ...]:
    """What the report table is sliced by: the setting ``schedule.slices``."""
    return app.loaded.settings.schedule.dimensions


def extract(app: App, day: date, source: str) -> int:
    """Events of a day in one source. Raises `WarehouseMissing` when the day is not over yet."""
    window = app.day_window(day)
    if window.end > app.now():
        raise WarehouseMissing(f"{day} is not over yet in {app.zone.key}", hint="process it on the day after")
    known = app.catalog.sources
    if source not in known:
        raise QuestionError(f"unknown source {source!r}", hint=nearest(source, known))
    table, time = identifier(known[source].table), identifier(known[source].time)
    events: int = app.engine.scalar(
        f"SELECT count() FROM {table}"
        f" WHERE {time} >= {{start:DateTime64(3, 'UTC')}} AND {time} < {{end:DateTime64(3, 'UTC')}}",
        {"start": window.start, "end": window.end},
    )
    return events


def merge(app: App, day: date, events: Mapping[str, int], progress: Progress = silent) -> str:
    """Bring both services of a day together in the rollups, with every earlier day that changed.

    Raises `WarehouseMissing` when no source has an event of the day: nothing is replaced by nothing.
    """
    if not any(events.values()):
        raise WarehouseMissing(
            f"no source has events of {day}", hint="look whether events arrive: appanalytics check; then run again"
        )
    return str(app.rollup(until=_next(app, day), progress=progress))


def check_day(app: App, day: date, progress: Progress = silent) -> str:
    """Check a day's data and keep what was found in `quality`; raises `IntegrityError` when a check failed."""
    report = check_quality(app, day, progress)
    if report.failed:
        raise IntegrityError(
            f"{len(report.failed)} checks of {day} failed, first: {report.failed[0]}",
            hint=f"appanalytics check --since {day} --until {_next(app, day)}",
        )
    return f"{len(report.checks)} checks: {report.status}"


def make_slice(app: App, day: date, dimension: str) -> int:
    """Make one dimension's slice of the report table; returns its rows."""
    return build_slice(app.engine, app.layout, day, dimension)


def load(app: App, day: date) -> int:
    """Put all slices of a day into `report_daily` at once; returns the rows."""
    return load_slices(app.engine, day, slices(app))


def make_tables(app: App, day: date, progress: Progress = silent) -> str:
    """All steps one after the other, for schedulers without tasks and for the command line."""
    events = {source: extract(app, day, source) for source in app.catalog.sources}
    rolled = merge(app, day, events, progress)
    checks = check_day(app, day, progress)
    dimensions = slices(app)
    for done, dimension in enumerate(dimensions):
        progress("report table", done, len(dimensions), "slices")
        make_slice(app, day, dimension)
    rows = load(app, day)
    progress("report table", len(dimensions), len(dimensions), "slices")
    return f"{day}: {sum(events.values()):,} events; {rolled}; {checks}; report_daily {rows} rows"


def tables_ready(app: App, day: date) -> bool:
    """True when the report table has the day and no event of it came after its roll-up."""
    stale = {state.day for state in day_states(app.engine) if state.is_stale}
    rows = app.engine.scalar("SELECT count() FROM report_daily WHERE event_date = {day:Date}", {"day": day})
    return bool(rows) and day not in stale


def _next(app: App, day: date) -> date:
    return app.day_window(day).end.astimezone(app.zone).date()
