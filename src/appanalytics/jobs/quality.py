"""Checks of a day's data, kept in the table `quality` for dashboards and messages."""

from __future__ import annotations

import secrets
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from appanalytics.progress import Progress, silent
from appanalytics.warehouse.checks import CheckReport, run_checks

if TYPE_CHECKING:
    from appanalytics.app import App


def check_quality(app: App, day: date, progress: Progress = silent) -> CheckReport:
    """Check the events and rollups of one day, whenever that is done; what was found is kept.

    Checking a day again replaces what was kept of it.
    """
    report = run_checks(app.engine, app.layout, as_of=None, window=app.day_window(day), progress=progress)
    keep(app, day, report)
    return report


def check_everything(app: App, day: date, progress: Progress = silent) -> CheckReport:
    """Check the whole warehouse as of now, freshness too; what was found is kept with ``day``."""
    report = run_checks(app.engine, app.layout, as_of=app.now(), progress=progress)
    keep(app, day, report)
    return report


def keep(app: App, day: date, report: CheckReport) -> None:
    """Put a report in place of the one that `quality` holds for a day."""
    work = f"quality_work_{secrets.token_hex(6)}"
    app.engine.execute(f"CREATE TABLE {work} AS quality")
    try:
        app.engine.insert(work, _table(day, report, app))
        app.engine.execute(f"ALTER TABLE quality REPLACE PARTITION ID '{day:%Y%m%d}' FROM {work}")
    finally:
        app.engine.execute(f"DROP TABLE IF EXISTS {work} SYNC")


def _table(day: date, report: CheckReport, app: App) -> pa.Table:
    rows = [
        {
            "day": day,
            "position": place,
            "name": check.name,
            "status": str(check.status),
            "compared": check.compared,
            "found": "" if check.found is None else str(check.found),
            "expected": "" if check.expected is None else str(check.expected),
            "about_day": check.day,
            "slice": check.slice,
            "hint": check.hint,
            "checked_at": app.now(),
        }
        for place, check in enumerate(report.checks)
    ]
    fields = [("day", pa.date32()), ("position", pa.uint16()), *((name, pa.string()) for name in _TEXTS[:5])]
    fields += [("about_day", pa.date32()), *((name, pa.string()) for name in _TEXTS[5:])]
    return pa.Table.from_pylist(rows, pa.schema([*fields, ("checked_at", pa.timestamp("ms", "UTC"))]))


_TEXTS = ("name", "status", "compared", "found", "expected", "slice", "hint")
