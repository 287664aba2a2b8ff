"""The daily report as a job: made, and written to a folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.reports import DailyReport, daily_report

if TYPE_CHECKING:
    from appanalytics.app import App


def daily_report_of(
    app: App, day: date, *, locale: str | None = None, folder: Path | None = None
) -> tuple[DailyReport, list[Path]]:
    """Make the report of a day and write text and picture; returns it and the files."""
    settings = app.loaded.settings.reporting
    report = daily_report(app.engine, app.layout, day, locale=locale or settings.locale, as_of=app.now())
    return report, report.save(folder or app.loaded.path(settings.folder))
