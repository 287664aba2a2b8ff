"""Tables of the analyses for dashboards: a day of the audience and of retention, each put in place whole."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from appanalytics.errors import WarehouseMissing
from appanalytics.progress import Progress, silent
from appanalytics.retention.read import PACKAGE
from appanalytics.sqltext import render
from appanalytics.warehouse.day_table import replaced_day
from appanalytics.window import Grain, bucket_day

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.audience import Audience

_COUNTS = ("active", "new", "retained", "returning", "gone", "before")


def audience_table(app: App, day: date, progress: Progress = silent) -> str:
    """Make a day of `report_audience`: the split of the day, and of the week and month that end with it.

    Raises `WarehouseMissing` while the day is not over. Making it again gives the same rows.
    """
    _brought_up(app, day, progress)
    after = day + timedelta(days=1)
    grains = [grain for grain in (Grain.DAY, Grain.WEEK, Grain.MONTH) if bucket_day(after, grain) == after]
    dimensions = ["", *(each.name for each in app.layout.compact)]
    rows = 0
    with replaced_day(app.engine, "report_audience", day) as work:
        for done, dimension in enumerate(dimensions):
            progress("audience", done, len(dimensions), "slices")
            for grain in grains:
                found = app.audience(grain=grain.value, by=dimension or (), since=day, until=after)
                app.engine.insert(work, _rows(found, day, dimension))
                rows += len(found)
    progress("audience", len(dimensions), len(dimensions), "slices")
    return f"{day}: report_audience {rows:,} rows ({', '.join(grains)})"


def retention_table(app: App, day: date, progress: Progress = silent) -> str:
    """Make a day of `report_retention`: who of every earlier cohort came on it.

    Raises `WarehouseMissing` while the day is not over. Making it again gives the same rows.
    """
    _brought_up(app, day, progress)
    with replaced_day(app.engine, "report_retention", day) as work:
        app.engine.execute(render(PACKAGE, "report_day", work=work), {"day": day})
        rows = app.engine.scalar(f"SELECT count() FROM {work}")
    return f"{day}: report_retention {rows:,} rows"


def _brought_up(app: App, day: date, progress: Progress) -> None:
    """Roll up the day and every earlier one that changed; a no-op where `daily_tables` ran."""
    if app.day_window(day).end > app.now():
        raise WarehouseMissing(f"{day} is not over yet in {app.zone.key}", hint="process it on the day after")
    app.rollup(until=day + timedelta(days=1), progress=progress)


def _rows(found: Audience, day: date, dimension: str) -> pa.Table:
    splits = found.splits
    columns = {
        "event_date": pa.array([day] * len(splits), pa.date32()),
        "grain": pa.array([str(found.question.periods.grain)] * len(splits), pa.string()),
        "period_start": pa.array([each.start for each in splits], pa.date32()),
        "dimension": pa.array([dimension] * len(splits), pa.string()),
        "dimension_value": pa.array([str(each.slice[0]) if dimension else "" for each in splits], pa.string()),
    }
    counts = {name: pa.array([getattr(each, name) for each in splits], pa.uint64()) for name in _COUNTS}
    return pa.table(columns | counts)
