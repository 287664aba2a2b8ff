"""What is the same in every DAG: when it runs, whose it is, how it retries, whom it tells, and its form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from airflow.sdk import (
    Asset,
    CronPartitionTimetable,
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
)

from appanalytics.catalog import load_catalog
from appanalytics.scheduling.notices import run_failed, task_failed
from appanalytics.settings import Loaded, load_settings

#: The report tables of a day; an event of it carries the day in `extra`.
TABLES = Asset(name="report_tables", uri="appanalytics://warehouse/report_daily", group="appanalytics")

#: A person's mistakes are not tried again; what may pass by itself (no answer, no data yet) is.
_MISTAKES = [
    f"appanalytics.errors.{name}"
    for name in ("SettingsError", "WindowError", "CatalogError", "CalendarError", "QuestionError", "MappingError")
]

_DAY = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Day",
    description="The day to process, such as 2026-11-22. Empty: the day of this run.",
)
_TICK = Param(
    None,
    type=["null", "string"],
    format="date-time",
    title="Time",
    description="The end of the quarter hour to look at. Empty: that of this run.",
)

#: What a person may choose for the daily report.
REPORT_FORM = {
    "chats": Param([], type="array", items={"type": "string"}, title="Chats", description="Empty: all that want it."),
    "dry_run": Param(False, type="boolean", title="Dry run", description="Write the files and send nothing."),
}


@cache
def settings() -> Loaded:
    """The settings of this Airflow, read once in a process."""
    return load_settings()


def sources() -> tuple[str, ...]:
    """The catalog's sources, such as ``feed`` and ``messenger``."""
    loaded = settings()
    file = loaded.settings.catalog.file
    return tuple(load_catalog(loaded.path(file) if file else None).sources)


def routine(
    schedule: str,
    doc: str | None,
    *,
    within: timedelta,
    name: str | None = None,
    every_day: bool = True,
    params: Mapping[str, Param] | None = None,
) -> dict[str, Any]:
    """Arguments of a DAG whose schedule is the setting of that name, which is its own unless ``name`` is given.

    ``within`` is the deadline: a run that is not over so long after it began is ended, and told to the chats. A run
    of a day has the day as its partition (`every_day`); one at a time, because it replaces what the day had.
    """
    loaded = settings()
    zone = loaded.settings.zone
    cron = getattr(loaded.settings.schedule, schedule)
    timetable: Any = None
    if cron != "off" and every_day:
        # The partition is the day that is over when the cron fires: one step before it.
        timetable = CronPartitionTimetable(cron, timezone=zone.key, run_offset=-1, key_format="%Y-%m-%d")
    elif cron != "off":
        timetable = CronTriggerTimetable(cron, timezone=zone.key)
    return {
        "dag_id": name or schedule,
        "description": (doc or schedule).removeprefix("DAG: ").split("\n", maxsplit=1)[0].rstrip("."),
        "doc_md": (doc or "").removeprefix("DAG: "),
        "schedule": timetable,
        "start_date": datetime(2015, 1, 1, tzinfo=zone),
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["appanalytics", "daily" if every_day else "quarter-hourly"],
        "params": {("day" if every_day else "at"): _DAY if every_day else _TICK, **(params or {})},
        # Not `deadline=DeadlineAlert(…)`: with it Airflow 3.3 cannot run `airflow dags test`. What is merely late is
        # told by the tick of the alerts: `appanalytics.jobs.lateness`.
        "dagrun_timeout": within,
        "on_failure_callback": run_failed,
        "default_args": {
            "owner": loaded.settings.schedule.owner,
            "retries": 3,
            "retry_delay": timedelta(seconds=loaded.settings.schedule.retry_seconds),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=10),
            "retry_policy": ExceptionRetryPolicy(
                rules=[RetryRule(exception=list(_MISTAKES), action=RetryAction.FAIL, reason="a mistake to mend")]
            ),
            "execution_timeout": within,
            "on_failure_callback": task_failed,
        },
    }
