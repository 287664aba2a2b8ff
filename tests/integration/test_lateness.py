"""What is late is told once, at its time, and only where the routine is in use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from appanalytics.app import App
from appanalytics.engine import Engine
from appanalytics.jobs.alert_messages import run_tick
from appanalytics.jobs.lateness import late_jobs, tell_lateness
from appanalytics.jobs.messages import post_office
from appanalytics.notify import Draft, Letter
from appanalytics.settings import load_settings

# Clocks go back in Berlin on 25 October 2026: 06:00 is at 05:00 UTC from then on, and at 04:00 UTC before.
BERLIN = {"APPANALYTICS_REPORTING__TIMEZONE": "Europe/Berlin", "APPANALYTICS_REPORTING__LOCALE": "ru"}


def app_of(engine: Engine, folder: Path, **more: str) -> App:
    return App(load_settings(environ={**BERLIN, **more}, folder=folder), engine)


def reported(app: App, day: str) -> None:
    post_office(app).outbox.write([Draft(f"daily/{day}/local", "local", Letter("report"))])


def built(engine: Engine, day: datetime) -> None:
    row = {"event_date": pa.array([day.date()], pa.date32()), "dimension": ["os"], "dimension_value": ["iOS"]}
    engine.insert("report_daily", pa.table(row))


@pytest.mark.parametrize(("day", "hour_utc"), [(24, 4), (25, 5)])
def test_due_by_the_clock_of_reporting_time(engine: Engine, tmp_path: Path, day: int, hour_utc: int) -> None:
    app = app_of(engine, tmp_path)
    due = datetime(2026, 10, day, hour_utc, tzinfo=UTC)
    assert late_jobs(app, due) == [], "a routine that was never in use is not late"
    built(engine, due - timedelta(days=3))
    assert late_jobs(app, due - timedelta(seconds=1)) == []
    (late,) = late_jobs(app, due)
    assert (late.job, late.day, late.due) == ("daily_tables", due.date() - timedelta(days=1), due)
    built(engine, due - timedelta(days=1))
    assert late_jobs(app, due) == []


def test_it_is_told_once_by_the_tick_of_the_alerts(engine: Engine, tmp_path: Path) -> None:
    app = app_of(engine, tmp_path, APPANALYTICS_SCHEDULE__REPORT_DUE="12:30")
    built(engine, datetime(2026, 11, 19, tzinfo=UTC))
    reported(app, "2026-11-19")
    morning, noon = (datetime(2026, 11, 21, hour, 31, tzinfo=UTC) for hour in (5, 11))
    assert "1 messages written" in run_tick(app, morning)
    assert "0 messages written" in run_tick(app, morning + timedelta(minutes=15))
    assert tell_lateness(app, noon) == 1
    rows = engine.rows("SELECT key, html FROM outbox WHERE startsWith(key, 'late/') ORDER BY number")
    assert [row["key"] for row in rows] == [
        "late/daily_tables/2026-11-20/local",
        "late/daily_report/2026-11-20/local",
    ]
    assert "daily_report за 2026-11-20 опаздывает" in rows[1]["html"]
    assert "Срок был 12:30" in rows[1]["html"]
    assert "<code>appanalytics run daily_report --day 2026-11-20</code>" in rows[1]["html"]
    reported(app, "2026-11-20")
    assert [each.job for each in late_jobs(app, noon)] == ["daily_tables"]
    assert late_jobs(app_of(engine, tmp_path, APPANALYTICS_SCHEDULE__TABLES_DUE="off"), noon) == []
    assert late_jobs(app_of(engine, tmp_path, APPANALYTICS_SCHEDULE__DAILY_TABLES="off"), noon) == []
